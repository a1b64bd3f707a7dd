/*
 * consume.c - the consumer's side: pages of GET /events?after=CURSOR, one request under way at a
 * time.
 *
 * Behind a page that is full there are more: the next one is asked for at once, and the server reads it while this one
 * is processed. So there are two, one that was handed and one that is being filled.
 *
 * With long-poll the server holds a request for which there is nothing yet; without, the next
 * request waits for poll-ms, as the original does. A request that outlasts one call of next is not
 * given up: its answer is the next call's.
 */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "ese-core/clock.h"
#include "ese-core/event_json.h"
#include "ese-core/event_pages.h"
#include "ese-core/memory.h"
#include "transports/http/asker.h"
#include "transports/http/cursor.h"
#include "transports/http/http.h"
#include "transports/unreadable.h"

#define PARTITION 0
#define SLACK_MS 50 /* a held request is to be answered so much before next has to return */

/* Where the next request begins. */
enum place { PLACE_NOT_GIVEN, PLACE_EARLIEST, PLACE_LATEST, PLACE_AT_POSITION };

/* A page, and the batch that was made of it. */
struct answered {
    struct ese_event_page page; /* what records stand in */
    struct ese_record *records;
    struct ese_unreadable strays[ESE_UNREADABLE_MOST];
    struct ese_batch batch;
    bool is_full; /* there is more */
};

struct ese_consumer {
    struct ese_asker *asker;
    bool long_poll;
    int64_t poll_ms;
    int limit;
    struct ese_consume_listener listener;
    enum place place;
    int64_t position;      /* the next to read */
    struct answered pages[2];
    struct answered *filled; /* the one of them into which the next answer goes; the other was handed */
    struct ese_error fatal; /* code ESE_OK: none */
};

static const struct ese_option options[] = {
    ESE_ASKER_OPTIONS,
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
    ESE_OPTION_END,
};

/* ---- what the server answers ----------------------------------------------------------------- */

static void fail_for_good(struct ese_consumer *consumer, const struct ese_http_answer *answer)
{
    ese_asker_fail(consumer->asker, answer, &consumer->fatal);
}

static bool has_found(const struct ese_batch *batch)
{
    return batch->count + batch->unreadable > 0;
}

static size_t count_elements(const struct ese_event_page *page)
{
    return page->list.count + page->stray_count;
}

/* A page that is full, by count or by size, is followed by another; any other was all there was. */
static bool was_all(const struct ese_consumer *consumer, size_t length)
{
    return count_elements(&consumer->filled->page) < (size_t)consumer->limit && length < ESE_EVENT_PAGE_BYTES;
}

/* It was the end when it was asked for, which may be earlier than this call. A server that does not hold requests
 * is given time until the next one; one that does is, too, where it had no time to hold this
 * one. */
static void note_end(struct ese_consumer *consumer)
{
    bool empty = !has_found(&consumer->filled->batch);
    int64_t pause_ms = !consumer->long_poll ? consumer->poll_ms : empty ? SLACK_MS : 0;

    consumer->filled->batch.at_end = true;
    consumer->filled->batch.end_ns = ese_asker_asked_ns(consumer->asker);
    if (consumer->place != PLACE_LATEST)
        ese_asker_pause(consumer->asker, pause_ms);
}

static int read_page(struct ese_consumer *consumer, const struct ese_http_answer *answer,
                     struct ese_error *error)
{
    struct ese_event_page *page = &consumer->filled->page;

    ese_event_page_clear(page);
    if (ese_event_json_read_page(answer->body, answer->length, page, error) != 0)
        return -1;
    return count_elements(page) <= (size_t)consumer->limit
               ? 0 : ese_fail(error, ESE_E_INVALID, "%zu events, at most %d were asked for",
                              count_elements(page), consumer->limit);
}

/* Where the page has more of them than a batch may, the batch ends in front of the next one, whose
 * offset this is. */
static int64_t take_strays(struct answered *answered)
{
    const struct ese_event_page *page = &answered->page;

    for (size_t i = 0; i < page->stray_count; i++) {
        const struct ese_page_stray *stray = &page->strays[i];
        const struct ese_record place = {
            .partition = PARTITION, .offset = stray->offset, .next = stray->offset + 1};
        if (!ese_unreadable_fits(&answered->batch))
            return stray->offset;
        ese_unreadable_add(&answered->batch, answered->strays, &place, stray->text,
                           (int64_t)strlen(stray->text), stray->reason);
    }
    return INT64_MAX;
}

static void take_events(struct answered *answered, int64_t end)
{
    const struct ese_event_page *page = &answered->page;
    struct ese_batch *batch = &answered->batch;

    for (size_t i = 0; i < page->list.count && page->offsets[i] < end; i++)
        answered->records[batch->count++] = (struct ese_record){.event = page->list.events[i],
                                                                .partition = PARTITION,
                                                                .offset = page->offsets[i],
                                                                .next = page->offsets[i] + 1};
}

static int take_page(struct ese_consumer *consumer, const struct ese_http_answer *answer,
                     struct ese_error *error)
{
    struct answered *filled = consumer->filled;
    int64_t next;

    if (read_page(consumer, answer, error) != 0)
        return -1;
    if (ese_http_cursor_parse(filled->page.next, &next, NULL) != 0) {
        fail_for_good(consumer, answer); /* a page, of another transport's server */
        return 0;
    }
    int64_t end = take_strays(filled);
    take_events(filled, end);
    consumer->position = end == INT64_MAX ? next : end;
    filled->is_full = end != INT64_MAX || !was_all(consumer, answer->length);
    if (!filled->is_full)
        note_end(consumer);
    consumer->place = PLACE_AT_POSITION;
    return 0;
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

static int take_answer(void *context, const struct ese_http_answer *answer, struct ese_error *error)
{
    struct ese_consumer *consumer = context;

    if (answer->status == 200)
        return take_page(consumer, answer, error);
    if (answer->status == 410)
        take_gone(consumer, answer);
    else
        fail_for_good(consumer, answer);
    return 0;
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
    return wait_ms < ESE_EVENT_PAGE_WAIT_MS ? wait_ms : ESE_EVENT_PAGE_WAIT_MS;
}

static void ask(struct ese_consumer *consumer, int64_t left_ms)
{
    char path[ESE_HTTP_CURSOR_SIZE + 64];
    char cursor[ESE_HTTP_CURSOR_SIZE];
    int64_t wait_ms = holding_time_ms(consumer, left_ms);

    name_place(consumer, cursor);
    int length = snprintf(path, sizeof(path), "/events?after=%s&limit=%d", cursor, consumer->limit);
    if (wait_ms > 0)
        snprintf(path + length, sizeof(path) - (size_t)length, "&wait=%lld", (long long)wait_ms);
    ese_asker_ask(consumer->asker, path, wait_ms);
}

static void take_place(struct ese_consumer *consumer)
{
    int64_t position = consumer->listener.given(consumer->listener.context, PARTITION);

    consumer->position = position;
    consumer->place = position == ESE_OFFSET_EARLIEST ? PLACE_EARLIEST
                      : position == ESE_OFFSET_LATEST ? PLACE_LATEST
                                                      : PLACE_AT_POSITION;
}

/* One step: asks when it is time to, and waits until something happens. */
static void step(struct ese_consumer *consumer, int64_t deadline_ns)
{
    if (ese_asker_is_due(consumer->asker))
        ask(consumer, (deadline_ns - ese_clock_monotonic_ns()) / ESE_NS_PER_MS);
    ese_asker_wait(consumer->asker, deadline_ns);
}

static bool has_result(const struct ese_consumer *consumer)
{
    return consumer->fatal.code != ESE_OK || has_found(&consumer->filled->batch);
}

static void begin_page(struct ese_consumer *consumer, struct answered *filled)
{
    filled->batch = (struct ese_batch){.records = filled->records};
    filled->is_full = false;
    consumer->filled = filled;
}

/* What was filled is handed; where there is more it is asked for, and the request goes out. */
static void hand(struct ese_consumer *consumer, int64_t deadline_ns, struct ese_batch *batch)
{
    struct answered *handed = consumer->filled;

    *batch = handed->batch;
    begin_page(consumer, &consumer->pages[handed == consumer->pages]);
    if (!handed->is_full || !ese_asker_is_due(consumer->asker))
        return;
    ask(consumer, (deadline_ns - ese_clock_monotonic_ns()) / ESE_NS_PER_MS);
    ese_asker_wait(consumer->asker, 0);
}

static int next(struct ese_consumer *consumer, int timeout_ms, struct ese_batch *batch,
                struct ese_error *error)
{
    int64_t deadline_ns = ese_clock_monotonic_ns() + timeout_ms * ESE_NS_PER_MS;

    if (consumer->place == PLACE_NOT_GIVEN)
        take_place(consumer);
    if (!has_result(consumer)) {
        begin_page(consumer, consumer->filled);
        do
            step(consumer, deadline_ns);
        while (!has_result(consumer) && ese_clock_monotonic_ns() < deadline_ns);
    }
    if (consumer->fatal.code != ESE_OK)
        return ese_fail(error, consumer->fatal.code, "%s", consumer->fatal.text);
    consumer->filled->batch.away = ese_asker_away(consumer->asker);
    hand(consumer, deadline_ns, batch);
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
    ese_asker_close(&closed->asker);
    for (size_t i = 0; i < ESE_COUNT_OF(closed->pages); i++) {
        ese_event_page_clear(&closed->pages[i].page);
        free(closed->pages[i].records);
    }
    free(closed);
}

static int open_consumer(const struct ese_config *config,
                         const struct ese_consume_settings *settings,
                         struct ese_consumer **consumer, struct ese_error *error)
{
    struct ese_consumer *opened = *consumer = ese_alloc(sizeof(*opened));

    opened->long_poll = ese_config_flag(config, "long-poll");
    opened->poll_ms = ese_config_number(config, "poll-ms");
    opened->limit =
        settings->max_batch < ESE_EVENT_PAGE_LIMIT ? settings->max_batch : ESE_EVENT_PAGE_LIMIT;
    opened->listener = settings->listener;
    for (size_t i = 0; i < ESE_COUNT_OF(opened->pages); i++)
        opened->pages[i].records = ese_alloc_array((size_t)opened->limit, sizeof(struct ese_record));
    begin_page(opened, opened->pages);
    if (ese_asker_open(config, take_answer, opened, &opened->asker, error) == 0)
        return 0;
    close_consumer(consumer);
    return -1;
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
