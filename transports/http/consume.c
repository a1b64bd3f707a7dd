/*
 * consume.c - the consumer's side: pages of GET /events?after=CURSOR, one request under way at a
 * time.
 *
 * With long-poll the server holds a request for which there is nothing yet; without, the next
 * request waits for poll-ms, as the original does. A request that outlasts one call of next is not
 * given up: its answer is the next call's.
 */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "ese-core/address.h"
#include "ese-core/backoff.h"
#include "ese-core/clock.h"
#include "ese-core/event_json.h"
#include "ese-core/http_client.h"
#include "ese-core/log.h"
#include "ese-core/memory.h"
#include "ese-core/token.h"
#include "transports/http/cursor.h"
#include "transports/http/http.h"

#define PARTITION 0
#define SLACK_MS 50 /* a held request is to be answered so much before next has to return */
#define ASK_TIMEOUT_MS 5000 /* for an answer, behind the time the server may hold it */
#define SILENCE_MS 1000     /* as ASK_TIMEOUT_MS, until it counts as away */

/* Where the next request begins. */
enum place { PLACE_NOT_GIVEN, PLACE_EARLIEST, PLACE_LATEST, PLACE_AT_POSITION };

struct ese_consumer {
    char *server;
    bool long_poll;
    int64_t poll_ms;
    int limit;
    struct ese_consume_listener listener;
    struct ese_http_client *client;
    struct ese_backoff backoff;
    enum place place;
    int64_t position;      /* the next to read */
    int64_t not_before_ns; /* of the next request: poll-ms, or a back-off */
    bool asking;           /* a request is under way */
    bool asked_now;        /* since this call of next began */
    int64_t answer_due_ns; /* of the request under way: later, the server is away */
    bool away;             /* said so in the log */
    char why_away[256];
    struct ese_event_page page; /* what records stand in */
    struct ese_record *records;
    struct ese_batch batch;
    struct ese_error fatal; /* code ESE_OK: none */
};

static const struct ese_option options[] = {
    {.name = "server",
     .kind = ESE_OPTION_TEXT,
     .value = "URL",
     .fallback = "http://" ESE_SERVER_ADDRESS,
     .help = "The ese-server that has the events."},
    {.name = "long-poll",
     .kind = ESE_OPTION_FLAG,
     .fallback = "true",
     .help = "Let the server hold a request until there is something to answer it with."},
    {.name = "poll-ms",
     .kind = ESE_OPTION_NUMBER,
     .value = "MS",
     .fallback = "5000",
     .min = 1,
     .max = 3600000,
     .help = "Without long-poll: the pause between two requests. The default is the original's."},
    {.name = "token-file",
     .kind = ESE_OPTION_TEXT,
     .value = "FILE",
     .help = "The first line of FILE is the token the server asks for."},
    ESE_OPTION_END,
};

/* ---- what the server answers ----------------------------------------------------------------- */

static void fail_for_good(struct ese_consumer *consumer, const struct ese_http_answer *answer)
{
    ese_fail(&consumer->fatal, ESE_E_INVALID, "%s answered %d to a request for events: %.200s",
             consumer->server, answer->status, answer->body);
}

static void wait_and_retry(struct ese_consumer *consumer, const struct ese_http_answer *answer)
{
    int64_t wait_ms = ese_backoff_next_ms(&consumer->backoff);

    if (answer->retry_after_ms > wait_ms && answer->retry_after_ms <= consumer->backoff.most_ms)
        wait_ms = answer->retry_after_ms;
    consumer->not_before_ns = ese_clock_monotonic_ns() + wait_ms * ESE_NS_PER_MS;
    if (answer->status == 0)
        snprintf(consumer->why_away, sizeof(consumer->why_away), "%.100s is away (%.100s)",
                 consumer->server, answer->problem);
    else
        snprintf(consumer->why_away, sizeof(consumer->why_away), "%.100s answered %d",
                 consumer->server, answer->status);
    if (!consumer->away && answer->status == 0)
        ese_log_warning("%s: does ese-server run there? --server names another; asking again until "
                        "it is back", consumer->why_away);
    else if (!consumer->away)
        ese_log_warning("%s; asking again", consumer->why_away);
    consumer->away = true;
}

/* A server that hangs is away long before its answer is given up. */
static const char *tell_away(struct ese_consumer *consumer)
{
    if (!consumer->away && consumer->asking &&
        ese_clock_monotonic_ns() > consumer->answer_due_ns) {
        snprintf(consumer->why_away, sizeof(consumer->why_away), "%.100s does not answer",
                 consumer->server);
        return consumer->why_away;
    }
    return consumer->away ? consumer->why_away : NULL;
}

/* A page that is full, by count or by size, is followed by another; any other was all there was. */
static bool was_all(const struct ese_consumer *consumer, size_t length)
{
    return consumer->page.list.count < (size_t)consumer->limit && length < ESE_HTTP_PAGE_BYTES;
}

/* The end is only news when it was asked for in this call. A server that does not hold requests
 * is given time until the next one; one that does is, too, where it had no time to hold this
 * one. */
static void note_end(struct ese_consumer *consumer)
{
    bool empty = consumer->batch.count == 0;
    int64_t pause_ms = !consumer->long_poll ? consumer->poll_ms : empty ? SLACK_MS : 0;

    consumer->batch.at_end = consumer->asked_now;
    if (consumer->place != PLACE_LATEST)
        consumer->not_before_ns = ese_clock_monotonic_ns() + pause_ms * ESE_NS_PER_MS;
}

static void take_page(struct ese_consumer *consumer, const struct ese_http_answer *answer)
{
    struct ese_event_page *page = &consumer->page;
    struct ese_error error;

    ese_event_page_clear(page);
    if (ese_event_json_read_page(answer->body, answer->length, page, &error) != 0 ||
        ese_http_cursor_parse(page->next, &consumer->position, &error) != 0 ||
        page->list.count > (size_t)consumer->limit) {
        fail_for_good(consumer, answer);
        return;
    }
    for (size_t i = 0; i < page->list.count; i++)
        consumer->records[i] = (struct ese_record){.event = page->list.events[i],
                                                   .partition = PARTITION,
                                                   .offset = page->offsets[i],
                                                   .next = page->offsets[i] + 1};
    consumer->batch.count = (int)page->list.count;
    if (was_all(consumer, answer->length))
        note_end(consumer);
    consumer->place = PLACE_AT_POSITION;
}

/* The position is older than what the server keeps: it says where its log begins now. */
static void take_gone(struct ese_consumer *consumer, const struct ese_http_answer *answer)
{
    json_t *body = json_loadb(answer->body, answer->length, 0, NULL);
    const char *oldest = json_string_value(json_object_get(body, "oldest"));
    int64_t position;

    if (oldest == NULL || consumer->place != PLACE_AT_POSITION ||
        ese_http_cursor_parse(oldest, &position, NULL) != 0) {
        fail_for_good(consumer, answer);
    } else {
        consumer->listener.skipped(consumer->listener.context, PARTITION, consumer->position,
                                   position);
        consumer->position = position;
    }
    json_decref(body);
}

static void take_answer(void *context, const struct ese_http_answer *answer)
{
    struct ese_consumer *consumer = context;
    bool later = answer->status == 0 || answer->status == 408 || answer->status == 429 ||
                 answer->status >= 500;

    consumer->asking = false;
    if (later) {
        wait_and_retry(consumer, answer);
        return;
    }
    if (consumer->away)
        ese_log_info("%s is back", consumer->server);
    consumer->away = false;
    ese_backoff_reset(&consumer->backoff);
    if (answer->status == 200)
        take_page(consumer, answer);
    else if (answer->status == 410)
        take_gone(consumer, answer);
    else
        fail_for_good(consumer, answer);
}

/* ---- asking ---------------------------------------------------------------------------------- */

static void name_place(const struct ese_consumer *consumer, char cursor[ESE_HTTP_CURSOR_SIZE])
{
    if (consumer->place == PLACE_AT_POSITION)
        ese_http_cursor_text(consumer->position, cursor);
    else
        ese_fit_text(cursor, ESE_HTTP_CURSOR_SIZE,
                     consumer->place == PLACE_LATEST ? "latest" : "earliest");
}

/* "latest" is asked without waiting: it becomes a position only by the answer. */
static int64_t holding_time_ms(const struct ese_consumer *consumer, int64_t left_ms)
{
    int64_t wait_ms = left_ms - SLACK_MS;

    if (!consumer->long_poll || consumer->place == PLACE_LATEST || wait_ms < 0)
        return 0;
    return wait_ms < ESE_HTTP_WAIT_MS ? wait_ms : ESE_HTTP_WAIT_MS;
}

static void ask(struct ese_consumer *consumer, int64_t left_ms)
{
    struct ese_buffer url = ESE_BUFFER_INIT(4096);
    char cursor[ESE_HTTP_CURSOR_SIZE];
    int64_t wait_ms = holding_time_ms(consumer, left_ms);

    name_place(consumer, cursor);
    ese_buffer_printf(&url, "%s/events?after=%s&limit=%d", consumer->server, cursor,
                      consumer->limit);
    if (wait_ms > 0)
        ese_buffer_printf(&url, "&wait=%lld", (long long)wait_ms);
    const struct ese_http_call call = {
        .method = "GET",
        .url = url.text,
        .timeout_ms = (int)wait_ms + ASK_TIMEOUT_MS,
        .done = take_answer,
        .context = consumer,
    };
    consumer->asking = true;
    consumer->asked_now = true;
    consumer->answer_due_ns =
        ese_clock_monotonic_ns() + (wait_ms + SILENCE_MS) * ESE_NS_PER_MS;
    ese_http_client_call(consumer->client, &call);
    ese_buffer_free(&url);
}

static void take_place(struct ese_consumer *consumer)
{
    int64_t position = consumer->listener.given(consumer->listener.context, PARTITION);

    consumer->position = position;
    consumer->place = position == ESE_OFFSET_EARLIEST ? PLACE_EARLIEST
                      : position == ESE_OFFSET_LATEST ? PLACE_LATEST
                                                      : PLACE_AT_POSITION;
}

/* One step: asks when it is time to, and lets the client work until something happens. */
static void step(struct ese_consumer *consumer, int64_t deadline_ns)
{
    int64_t now_ns = ese_clock_monotonic_ns();
    int64_t until_ns = deadline_ns;

    if (!consumer->asking && now_ns >= consumer->not_before_ns)
        ask(consumer, (deadline_ns - now_ns) / ESE_NS_PER_MS);
    else if (!consumer->asking && consumer->not_before_ns < until_ns)
        until_ns = consumer->not_before_ns;
    int64_t left_ns = until_ns > now_ns ? until_ns - now_ns + ESE_NS_PER_MS - 1 : 0;
    ese_http_client_poll(consumer->client, (int)(left_ns / ESE_NS_PER_MS), -1);
}

static bool has_result(const struct ese_consumer *consumer)
{
    return consumer->fatal.code != ESE_OK || consumer->batch.count > 0;
}

static int next(struct ese_consumer *consumer, int timeout_ms, struct ese_batch *batch,
                struct ese_error *error)
{
    int64_t deadline_ns = ese_clock_monotonic_ns() + timeout_ms * ESE_NS_PER_MS;

    consumer->batch = (struct ese_batch){.records = consumer->records};
    consumer->asked_now = false;
    if (consumer->place == PLACE_NOT_GIVEN)
        take_place(consumer);
    do
        step(consumer, deadline_ns);
    while (!has_result(consumer) && ese_clock_monotonic_ns() < deadline_ns);
    if (consumer->fatal.code != ESE_OK)
        return ese_fail(error, consumer->fatal.code, "%s", consumer->fatal.text);
    consumer->batch.away = tell_away(consumer);
    *batch = consumer->batch;
    return 0;
}

/* ---- life ------------------------------------------------------------------------------------ */

static void close_consumer(struct ese_consumer **consumer)
{
    struct ese_consumer *closed = *consumer;

    if (closed == NULL)
        return;
    *consumer = NULL;
    if (closed->place != PLACE_NOT_GIVEN)
        closed->listener.taken(closed->listener.context, PARTITION);
    closed->away = true; /* no talk about the request that is broken off here */
    ese_http_client_close(&closed->client);
    ese_event_page_clear(&closed->page);
    free(closed->records);
    free(closed->server);
    free(closed);
}

static int open_consumer(const struct ese_config *config,
                         const struct ese_consume_settings *settings,
                         struct ese_consumer **consumer, struct ese_error *error)
{
    char token[ESE_TOKEN_SIZE];
    struct ese_consumer *opened;

    *consumer = NULL;
    if (ese_token_read(ese_config_text(config, "token-file"), token, error) != 0)
        return -1;
    opened = *consumer = ese_alloc(sizeof(*opened));
    opened->long_poll = ese_config_flag(config, "long-poll");
    opened->poll_ms = ese_config_number(config, "poll-ms");
    opened->limit =
        settings->max_batch < ESE_HTTP_PAGE_LIMIT ? settings->max_batch : ESE_HTTP_PAGE_LIMIT;
    opened->listener = settings->listener;
    opened->backoff = (struct ese_backoff){.first_ms = 50, .most_ms = 1000};
    opened->records = ese_alloc_array((size_t)opened->limit, sizeof(*opened->records));
    const struct ese_http_given given = {ese_config_text(config, "server"), "--server",
                                         "a URL as http://" ESE_SERVER_ADDRESS};
    if (ese_http_url(&given, "", &opened->server, error) != 0 ||
        ese_http_client_open(1, token[0] != '\0' ? token : NULL, &opened->client, error) != 0) {
        close_consumer(consumer);
        return -1;
    }
    return 0;
}

static void partition_name(int32_t partition, char *text, size_t size)
{
    (void)partition;
    snprintf(text, size, "events");
}

const struct ese_consume_face ese_http_consume = {
    .options = options,
    .open = open_consumer,
    .next = next,
    .acknowledge = NULL, /* nobody on the other side wants to know */
    .close = close_consumer,
    .partition_name = partition_name,
};
