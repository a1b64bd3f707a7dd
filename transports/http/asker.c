#include "transports/http/asker.h"

#include <stdlib.h>
#include <string.h>

#include "ese-core/backoff.h"
#include "ese-core/buffer.h"
#include "ese-core/clock.h"
#include "ese-core/log.h"
#include "ese-core/memory.h"
#include "ese-core/token.h"

#define ASK_TIMEOUT_MS 5000 /* for an answer, behind the time the server may hold it */
#define SILENCE_MS 1000     /* as ASK_TIMEOUT_MS, until it counts as away */

struct ese_asker {
    char *server;
    ese_asker_take *take;
    void *context;
    struct ese_http_client *client;
    struct ese_backoff backoff;
    int64_t not_before_ns; /* of the next request: a pause, or a back-off */
    bool asking;           /* a request is under way */
    int64_t asked_ns;      /* when the last one was begun */
    int64_t answer_due_ns; /* of the one under way: later, the server is away */
    bool away;             /* said so in the log */
    char why_away[256];
};

/* ---- what the server answers ----------------------------------------------------------------- */

int ese_asker_fail(const struct ese_asker *asker, const struct ese_http_answer *answer,
                   struct ese_error *error)
{
    return ese_fail(error, ESE_E_INVALID, "%s answered %d to a request for events: %.200s",
                    asker->server, answer->status, answer->body);
}

static void wait(struct ese_asker *asker, const struct ese_http_answer *answer)
{
    int64_t wait_ms = ese_backoff_next_ms(&asker->backoff);

    if (answer->retry_after_ms > wait_ms && answer->retry_after_ms <= asker->backoff.most_ms)
        wait_ms = answer->retry_after_ms;
    ese_asker_pause(asker, wait_ms);
}

/* No page at all says nothing of what is behind it: nobody goes past it. */
static void retry_unread(struct ese_asker *asker, const struct ese_http_answer *answer, const char *why)
{
    wait(asker, answer);
    snprintf(asker->why_away, sizeof(asker->why_away), "what %.100s answers cannot be read (%.120s)",
             asker->server, why);
    if (!asker->away)
        ese_log_warning("%s: does ese-server run there, of this version, and nothing in between that changes "
                        "answers? --server names another; nothing is passed over, asking again", asker->why_away);
    asker->away = true;
}

static void wait_and_retry(struct ese_asker *asker, const struct ese_http_answer *answer)
{
    wait(asker, answer);
    if (answer->status == 0)
        snprintf(asker->why_away, sizeof(asker->why_away), "%.100s is away (%.100s)",
                 asker->server, answer->problem);
    else
        snprintf(asker->why_away, sizeof(asker->why_away), "%.100s answered %d", asker->server,
                 answer->status);
    if (!asker->away && answer->status == 0)
        ese_log_warning("%s: does ese-server run there? --server names another; asking again until "
                        "it is back", asker->why_away);
    else if (!asker->away)
        ese_log_warning("%s; asking again", asker->why_away);
    asker->away = true;
}

static void take_answer(void *context, const struct ese_http_answer *answer)
{
    struct ese_asker *asker = context;
    bool later = answer->status == 0 || answer->status == 408 || answer->status == 429 ||
                 answer->status >= 500;

    struct ese_error error = {.text = ""};

    asker->asking = false;
    if (later) {
        wait_and_retry(asker, answer);
        return;
    }
    if (asker->take(asker->context, answer, &error) != 0) {
        retry_unread(asker, answer, error.text);
        return;
    }
    if (asker->away)
        ese_log_info("%s is back", asker->server);
    asker->away = false;
    ese_backoff_reset(&asker->backoff);
}

/* A server that hangs is away long before its answer is given up. */
const char *ese_asker_away(struct ese_asker *asker)
{
    if (!asker->away && asker->asking && ese_clock_monotonic_ns() > asker->answer_due_ns) {
        snprintf(asker->why_away, sizeof(asker->why_away), "%.100s does not answer",
                 asker->server);
        return asker->why_away;
    }
    return asker->away ? asker->why_away : NULL;
}

/* ---- asking ---------------------------------------------------------------------------------- */

bool ese_asker_is_due(const struct ese_asker *asker)
{
    return !asker->asking && ese_clock_monotonic_ns() >= asker->not_before_ns;
}

void ese_asker_ask(struct ese_asker *asker, const char *path, int64_t held_ms)
{
    struct ese_buffer url = ESE_BUFFER_INIT(4096);

    ese_buffer_printf(&url, "%s%s", asker->server, path);
    const struct ese_http_call call = {
        .method = "GET",
        .url = url.text,
        .timeout_ms = (int)held_ms + ASK_TIMEOUT_MS,
        .done = take_answer,
        .context = asker,
    };
    asker->asking = true;
    asker->asked_ns = ese_clock_monotonic_ns();
    asker->answer_due_ns = asker->asked_ns + (held_ms + SILENCE_MS) * ESE_NS_PER_MS;
    ese_http_client_call(asker->client, &call);
    ese_buffer_free(&url);
}

void ese_asker_pause(struct ese_asker *asker, int64_t pause_ms)
{
    asker->not_before_ns = ese_clock_monotonic_ns() + pause_ms * ESE_NS_PER_MS;
}

void ese_asker_wait(struct ese_asker *asker, int64_t deadline_ns)
{
    int64_t now_ns = ese_clock_monotonic_ns();
    int64_t until_ns = deadline_ns;

    if (!asker->asking && asker->not_before_ns < until_ns)
        until_ns = asker->not_before_ns;
    int64_t left_ns = until_ns > now_ns ? until_ns - now_ns + ESE_NS_PER_MS - 1 : 0;
    ese_http_client_poll(asker->client, (int)(left_ns / ESE_NS_PER_MS), -1);
}

int64_t ese_asker_asked_ns(const struct ese_asker *asker)
{
    return asker->asked_ns;
}

/* ---- life ------------------------------------------------------------------------------------ */

void ese_asker_close(struct ese_asker **asker)
{
    struct ese_asker *closed = *asker;

    if (closed == NULL)
        return;
    *asker = NULL;
    closed->away = true; /* no talk about the request that is broken off here */
    ese_http_client_close(&closed->client);
    free(closed->server);
    free(closed);
}

int ese_asker_open(const struct ese_config *config, ese_asker_take *take, void *context,
                   struct ese_asker **asker, struct ese_error *error)
{
    char token[ESE_TOKEN_SIZE];
    const struct ese_http_given given = {ese_config_text(config, "server"), "--server",
                                         "a URL as http://" ESE_SERVER_ADDRESS};

    *asker = NULL;
    if (ese_token_read(ese_config_text(config, "token-file"), token, error) != 0)
        return -1;
    struct ese_asker *opened = *asker = ese_alloc(sizeof(*opened));
    opened->take = take;
    opened->context = context;
    opened->backoff = (struct ese_backoff){.first_ms = 50, .most_ms = 1000};
    if (ese_http_url(&given, "", &opened->server, error) != 0 ||
        ese_http_client_open(1, token[0] != '\0' ? token : NULL, &opened->client, error) != 0) {
        ese_asker_close(asker);
        return -1;
    }
    return 0;
}
