#include "transports/webhook/puller.h"

#include <stdlib.h>

#include "ese-core/buffer.h"
#include "ese-core/clock.h"
#include "ese-core/log.h"
#include "ese-core/memory.h"
#include "ese-core/number.h"
#include "transports/webhook/inquiry.h"
#include "transports/webhook/page_json.h"

#define IDLE_ASK_MS 50 /* between looks at a stream that has nothing new */
#define URL_LIMIT 4096

struct ese_webhook_puller {
    struct ese_webhook_inquiry inquiry;
    char *url; /* without offset and limit */
    char *stream;
    int limit;
    int count; /* events to ask for next: limit, or fewer */
    struct ese_webhook_page page;
    bool has_page;
    int64_t asked_from; /* the position */
    int64_t newest;     /* -1: not known */
    int64_t newest_ns;
    struct ese_error fatal;
};

/* Where most slices come, few are asked for in vain. */
static void ask_for_more(struct ese_webhook_puller *puller)
{
    puller->count += puller->count / 8 + 1;
    if (puller->count > puller->limit)
        puller->count = puller->limit;
}

/* What cannot be read says nothing of what is behind it: nobody goes past it, and it is asked for again. */
static void take_page(struct ese_webhook_puller *puller, const struct ese_http_answer *answer)
{
    struct ese_error error;
    if (ese_webhook_page_read_json(answer->body, answer->length, puller->stream, &puller->page, &error) != 0) {
        ese_log_warning("%s: %s; nothing is passed over, asking again", puller->url, error.text);
        puller->inquiry.not_before_ns = ese_clock_monotonic_ns() + ESE_NS_PER_S;
        return;
    }
    puller->has_page = puller->page.count > 0;
    if (puller->has_page)
        ask_for_more(puller);
    if (!puller->has_page && puller->newest > puller->asked_from && puller->asked_from >= 0)
        puller->newest = puller->asked_from; /* what is between is not there any more, or never was */
}

static void on_answer(void *context, const struct ese_http_answer *answer)
{
    struct ese_webhook_puller *puller = context;
    const char *newest = ese_http_answer_header(answer, "X-Event-Newest");
    int64_t position;
    if (answer->status != 200 || newest == NULL ||
        ese_number_parse(newest, "X-Event-Newest", 0, INT64_MAX, &position, NULL) != 0) {
        ese_fail(&puller->fatal, ESE_E_INVALID, "%s answered %d to a request for events: %.200s", puller->url,
                 answer->status, answer->body);
        return;
    }
    puller->newest = position;
    puller->newest_ns = puller->inquiry.asked_ns;
    if (position < puller->asked_from)
        ese_fail(&puller->fatal, ESE_E_INVALID,
                 "%s ends at %lld, and what is behind %lld was asked for: the server has lost what it had", puller->url,
                 (long long)position, (long long)puller->asked_from);
    else
        take_page(puller, answer);
}

static void ask(struct ese_webhook_puller *puller, int64_t position)
{
    struct ese_buffer url = ESE_BUFFER_INIT(URL_LIMIT);
    bool at_the_end = position < 0;
    if (puller->inquiry.away)
        puller->count -= puller->count / 2;
    ese_buffer_printf(&url, "%s/%lld/%d", puller->url, at_the_end ? 0 : (long long)position,
                      at_the_end ? 0 : puller->count);
    puller->asked_from = position;
    ese_webhook_inquiry_ask(&puller->inquiry, "GET", url.text, NULL);
    ese_buffer_free(&url);
}

int64_t ese_webhook_puller_turn(struct ese_webhook_puller *puller, int64_t position, int64_t fresh_ns,
                                struct ese_error *error)
{
    if (puller->fatal.code != ESE_OK)
        return ese_fail(error, puller->fatal.code, "%s", puller->fatal.text);
    if (puller->inquiry.asking || puller->has_page)
        return INT64_MAX;
    bool has_more = puller->newest < 0 || puller->newest > position || puller->newest_ns < fresh_ns;
    int64_t due_ns = has_more ? 0 : puller->newest_ns + IDLE_ASK_MS * ESE_NS_PER_MS;
    if (due_ns < puller->inquiry.not_before_ns)
        due_ns = puller->inquiry.not_before_ns;
    if (ese_clock_monotonic_ns() < due_ns)
        return due_ns;
    ask(puller, position);
    return INT64_MAX;
}

bool ese_webhook_puller_take(struct ese_webhook_puller *puller, struct ese_webhook_page *page)
{
    if (!puller->has_page)
        return false;
    ese_webhook_page_clear(page);
    *page = puller->page;
    puller->page = (struct ese_webhook_page){.count = 0};
    puller->has_page = false;
    return true;
}

int64_t ese_webhook_puller_newest(const struct ese_webhook_puller *puller, int64_t *asked_ns)
{
    *asked_ns = puller->newest_ns;
    return puller->newest;
}

const char *ese_webhook_puller_away(const struct ese_webhook_puller *puller)
{
    return ese_webhook_inquiry_away(&puller->inquiry);
}

void ese_webhook_puller_hush(struct ese_webhook_puller *puller)
{
    ese_webhook_inquiry_hush(&puller->inquiry);
}

struct ese_webhook_puller *ese_webhook_puller_new(struct ese_http_client *client, const char *server,
                                                  const char *stream, int limit)
{
    struct ese_webhook_puller *puller = ese_alloc(sizeof *puller);
    struct ese_buffer url = ESE_BUFFER_INIT(URL_LIMIT);
    ese_webhook_inquiry_open(&puller->inquiry, client, on_answer, puller);
    ese_buffer_printf(&url, "%s/streams/%s", server, stream);
    puller->url = ese_buffer_detach(&url);
    puller->stream = ese_copy_text(stream);
    puller->limit = puller->count = limit;
    puller->newest = -1;
    return puller;
}

void ese_webhook_puller_free(struct ese_webhook_puller **puller)
{
    struct ese_webhook_puller *freed = *puller;
    if (freed == NULL)
        return;
    *puller = NULL;
    ese_webhook_page_clear(&freed->page);
    free(freed->url);
    free(freed->stream);
    free(freed);
}
