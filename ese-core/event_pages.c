#include "ese-core/event_pages.h"

#include <jansson.h>
#include <pthread.h>

#include "ese-core/clock.h"
#include "ese-core/event.h"
#include "ese-core/log.h"
#include "ese-core/memory.h"
#include "ese-core/number.h"

/* What a page may come to, and behind that the one event that was begun (escaped, data grows up to
 * six times). */
#define BODY_LIMIT (ESE_EVENT_PAGE_MOST + 8 * ESE_EVENT_DATA_LIMIT)
#define CURSOR_LIMIT (8 * 1024)

struct page_request {
    struct ese_http_request *request;
    char *after;
    int limit;
    int64_t deadline_ns; /* held until then when there is nothing to tell */
    bool looked;         /* at least once */
    int most_held;       /* where so many are held, this one is not */
    struct page_request *next;
};

struct ese_event_pages {
    struct ese_event_pages_source source;
    struct ese_buffer body, cursor; /* these and what follows: the thread's */
    struct page_request *held;
    int held_length; /* those of them that were looked at */
    struct ese_metric *held_count;
    pthread_t thread;
    bool started;
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t wake;
    struct page_request *incoming;
    bool holding;
    bool is_new; /* something was stored */
    bool closing;
};

/* ---- the query ------------------------------------------------------------------------------- */

static int parse_number(struct ese_http_request *request, const char *name, int64_t min,
                        int64_t max, int64_t *number, struct ese_error *error)
{
    const char *text = ese_http_request_query(request, name);

    return text == NULL ? 0 : ese_number_parse(text, name, min, max, number, error);
}

static int parse_query(struct ese_http_request *request, struct page_request *asked,
                       struct ese_error *error)
{
    int64_t limit = ESE_EVENT_PAGE_LIMIT_DEFAULT;
    int64_t wait_ms = 0;

    if (parse_number(request, "limit", 1, ESE_EVENT_PAGE_LIMIT, &limit, error) != 0 ||
        parse_number(request, "wait", 0, ESE_EVENT_PAGE_WAIT_MS, &wait_ms, error) != 0)
        return -1;
    asked->limit = (int)limit;
    asked->deadline_ns = ese_clock_monotonic_ns() + wait_ms * ESE_NS_PER_MS;
    return 0;
}

void ese_event_pages_handle(struct ese_event_pages *pages, struct ese_http_request *request)
{
    struct page_request asked = {.request = request};
    const char *after = ese_http_request_query(request, "after");
    struct ese_error error;

    if (parse_query(request, &asked, &error) != 0) {
        ese_http_reply_message(request, 400, error.text);
        return;
    }
    asked.most_held = ese_http_request_most_connections(request) / 2;
    asked.after = ese_copy_text(after == NULL ? "earliest" : after);
    struct page_request *kept = ese_alloc(sizeof(*kept));
    *kept = asked;
    pthread_mutex_lock(&pages->mutex);
    kept->next = pages->incoming;
    pages->incoming = kept;
    pthread_cond_signal(&pages->wake);
    pthread_mutex_unlock(&pages->mutex);
}

/* ---- one answer ------------------------------------------------------------------------------ */

static void reply_gone(struct ese_event_pages *pages, struct ese_http_request *request,
                       const char *message)
{
    json_t *answer = json_pack("{s:s, s:s}", "message", message, "oldest", pages->cursor.text);
    char *text = json_dumps(answer, JSON_INDENT(4));

    ese_http_reply(request, 410, ESE_HTTP_JSON, text, strlen(text));
    free(text);
    json_decref(answer);
}

static void reply_failure(struct ese_event_pages *pages, struct ese_http_request *request,
                          const struct ese_error *error)
{
    if (error->code == ESE_E_GONE) {
        reply_gone(pages, request, error->text);
    } else if (error->code == ESE_E_INVALID) {
        ese_http_reply_message(request, 400, error->text);
    } else {
        if (error->code == ESE_E_IO)
            ese_log_error("a page cannot be read: %s", error->text);
        ese_http_request_add_header(request, "Retry-After", "1");
        ese_http_reply_message(request, 503, error->text);
    }
}

/* Who is held has a connection to itself: all of them must not be. */
static bool has_place(const struct ese_event_pages *pages, const struct page_request *asked)
{
    return asked->looked || pages->held_length < asked->most_held;
}

/* Answers unless there is nothing to tell yet. True when it did. */
static bool answer(struct ese_event_pages *pages, struct page_request *asked, bool may_hold)
{
    struct ese_event_pages_reading reading = {.after = asked->after,
                                              .limit = asked->limit,
                                              .again = asked->looked,
                                              .body = &pages->body,
                                              .next = &pages->cursor};
    struct ese_error error;

    may_hold = may_hold && has_place(pages, asked);
    asked->looked = true;
    ese_buffer_clear(&pages->body);
    ese_buffer_clear(&pages->cursor);
    ese_buffer_text(&pages->body, "{\"events\":[");
    if (pages->source.read(pages->source.context, &reading, &error) != 0) {
        reply_failure(pages, asked->request, &error);
        return true;
    }
    if (reading.count == 0 && may_hold && ese_clock_monotonic_ns() < asked->deadline_ns) {
        free(asked->after);
        asked->after = ese_copy_text(pages->cursor.text); /* "latest" is that of the first look */
        return false;
    }
    ese_buffer_printf(&pages->body, "],\"next\":\"%s\"}", pages->cursor.text);
    ese_http_reply(asked->request, 200, ESE_HTTP_JSON, pages->body.text, pages->body.length);
    return true;
}

/* ---- the thread ------------------------------------------------------------------------------ */

struct news {
    struct page_request *incoming;
    bool is_new;
    bool closing;
};

/* Waits until there is news, or until_ns. What is new is news only where somebody waits for it. */
static struct news await_news(struct ese_event_pages *pages, int64_t until_ns)
{
    const struct timespec until = {.tv_sec = until_ns / ESE_NS_PER_S,
                                   .tv_nsec = until_ns % ESE_NS_PER_S};
    int result = 0;

    pthread_mutex_lock(&pages->mutex);
    pages->holding = pages->held != NULL;
    while (pages->incoming == NULL && !(pages->is_new && pages->holding) && !pages->closing &&
           result == 0)
        result = pthread_cond_timedwait(&pages->wake, &pages->mutex, &until);
    struct news news = {
        .incoming = pages->incoming, .is_new = pages->is_new, .closing = pages->closing};
    pages->incoming = NULL;
    pages->is_new = false;
    pthread_mutex_unlock(&pages->mutex);
    return news;
}

static void hold(struct ese_event_pages *pages, struct page_request *incoming)
{
    while (incoming != NULL) {
        struct page_request *asked = incoming;
        incoming = asked->next;
        asked->next = pages->held;
        pages->held = asked;
    }
}

/* Answers what can or must be answered now. Returns when the next that stays has waited long
 * enough. */
static int64_t answer_held(struct ese_event_pages *pages, const struct news *news)
{
    int64_t now_ns = ese_clock_monotonic_ns();
    int64_t next_ns = INT64_MAX;

    for (struct page_request **link = &pages->held; *link != NULL;) {
        struct page_request *asked = *link;
        bool was_held = asked->looked;
        bool look = !was_held || news->is_new || news->closing ||
                    asked->deadline_ns <= now_ns;
        if (look && answer(pages, asked, !news->closing)) {
            *link = asked->next;
            pages->held_length -= was_held;
            free(asked->after);
            free(asked);
        } else {
            next_ns = asked->deadline_ns < next_ns ? asked->deadline_ns : next_ns;
            link = &asked->next;
            pages->held_length += !was_held;
        }
    }
    ese_metric_set(pages->held_count, pages->held_length);
    return next_ns;
}

static void *run(void *context)
{
    struct ese_event_pages *pages = context;
    int64_t until_ns = INT64_MAX;
    struct news news = {.closing = false};

    while (!news.closing) {
        news = await_news(pages, until_ns);
        hold(pages, news.incoming);
        until_ns = answer_held(pages, &news);
    }
    return NULL;
}

/* ---- life ------------------------------------------------------------------------------------ */

static void init_waiting(struct ese_event_pages *pages)
{
    pthread_condattr_t monotonic;

    pthread_mutex_init(&pages->mutex, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&pages->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

int ese_event_pages_open(const struct ese_event_pages_source *source, struct ese_metrics *metrics,
                         struct ese_event_pages **pages, struct ese_error *error)
{
    struct ese_event_pages *opened = *pages = ese_alloc(sizeof(*opened));

    opened->source = *source;
    opened->body = (struct ese_buffer)ESE_BUFFER_INIT(BODY_LIMIT);
    opened->cursor = (struct ese_buffer)ESE_BUFFER_INIT(CURSOR_LIMIT);
    opened->held_count = ese_metrics_gauge(metrics, "ese_store_held_polls", NULL,
                                           "Requests for a page that wait for something new.");
    init_waiting(opened);
    int failed = pthread_create(&opened->thread, NULL, run, opened);
    opened->started = failed == 0;
    if (!opened->started) {
        ese_event_pages_close(pages);
        return ese_fail(error, ESE_E_IO, "no thread for pages: %s", strerror(failed));
    }
    return 0;
}

void ese_event_pages_wake(struct ese_event_pages *pages)
{
    pthread_mutex_lock(&pages->mutex);
    pages->is_new = true;
    if (pages->holding)
        pthread_cond_signal(&pages->wake);
    pthread_mutex_unlock(&pages->mutex);
}

void ese_event_pages_close(struct ese_event_pages **pages)
{
    struct ese_event_pages *closed = *pages;

    if (closed == NULL)
        return;
    *pages = NULL;
    pthread_mutex_lock(&closed->mutex);
    closed->closing = true;
    pthread_cond_signal(&closed->wake);
    pthread_mutex_unlock(&closed->mutex);
    if (closed->started)
        pthread_join(closed->thread, NULL);
    ese_buffer_free(&closed->body);
    ese_buffer_free(&closed->cursor);
    pthread_cond_destroy(&closed->wake);
    pthread_mutex_destroy(&closed->mutex);
    free(closed);
}
