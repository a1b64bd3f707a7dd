/*
 * ese_store_consume.c - the consumer's side of "http+ese-store": GET /events, all of it, every
 * poll-ms, as the original asks.
 *
 * What an answer holds and the one before did not is handed, by client_ts and id. There are no
 * positions: offsets number what was handed since the opening, and whoever comes back is handed all
 * that is still kept. Only "from the latest on" is heard: the first answer is not handed then.
 */
#include <stdlib.h>
#include <string.h>

#include "ese-core/clock.h"
#include "ese-core/event_json.h"
#include "ese-core/memory.h"
#include "transports/http/asker.h"
#include "transports/http/ese_store_faces.h"
#include "transports/unreadable.h"

#define PARTITION 0
#define SOURCE "ese-store" /* names events that have no id: those of the original's own server */

struct ids {
    struct ese_id *list; /* ascending, once an answer was read */
    size_t count, size;
};

struct ese_consumer {
    struct ese_asker *asker;
    int64_t poll_ms;
    int limit;
    struct ese_consume_listener listener;
    bool is_given;
    bool passes_over; /* the next answer: it is from before the latest */
    struct ids held;  /* by the last answer */
    struct ids coming; /* by the one that is being read */
    struct ese_event *fresh; /* what the last answer brought */
    size_t fresh_count, fresh_size;
    size_t handed;   /* of it */
    struct ese_unreadable strays[ESE_UNREADABLE_MOST]; /* it brought; their bytes are ours */
    struct ese_batch brought; /* these */
    bool are_strays_handed;
    bool has_more; /* of them than there is room for: they come with the next answer */
    int64_t end_ns;  /* when the last answer was asked for; 0: that all of it was handed was told */
    int64_t offset;
    struct ese_record *records;
    struct ese_batch batch;
    struct ese_error fatal; /* code ESE_OK: none */
};

static const struct ese_option options[] = {
    ESE_ASKER_OPTIONS,
    {.name = "poll-ms",
     .kind = ESE_OPTION_NUMBER,
     .value = "MS",
     .fallback = "5000",
     .min = 1,
     .max = 3600000,
     .help = "The pause between two requests. The default is the original's."},
    ESE_OPTION_END,
};

/* ---- what an answer brings ------------------------------------------------------------------- */

static void add_id(struct ids *ids, const struct ese_id *id)
{
    if (ids->count == ids->size) {
        ids->size = ids->size == 0 ? 256 : ids->size * 2;
        ids->list = ese_realloc_array(ids->list, ids->size, sizeof(*ids->list));
    }
    ids->list[ids->count++] = *id;
}

static int by_id(const void *a, const void *b)
{
    return ese_id_compare(a, b);
}

static bool is_held(const struct ese_consumer *consumer, const struct ese_id *id)
{
    const struct ids *held = &consumer->held;

    return held->count > 0 &&
           bsearch(id, held->list, held->count, sizeof(*held->list), by_id) != NULL;
}

/* One without an id is named by its place in the store. An id that was made from a name before
 * reads as a foreign one. */
static void name(struct ese_event *event)
{
    if (event->foreign_id[0] == '\0') {
        ese_fit_text(event->source, sizeof(event->source), SOURCE);
        snprintf(event->foreign_id, sizeof(event->foreign_id), "%s/%lld/%lld", event->ip,
                 (long long)event->client_ts, (long long)event->server_ts);
    }
    if (ese_id_parse(event->foreign_id, &event->id, NULL) != 0)
        event->id = ese_event_id_of_name(event);
}

static void take_event(void *context, struct ese_event *event)
{
    struct ese_consumer *consumer = context;

    if (ese_id_is_none(&event->id))
        name(event);
    ese_event_set_traceparent(event); /* the list has no member for it */
    add_id(&consumer->coming, &event->id);
    if (is_held(consumer, &event->id) || consumer->passes_over)
        return;
    if (consumer->fresh_count == consumer->fresh_size) {
        consumer->fresh_size = consumer->fresh_size == 0 ? 256 : consumer->fresh_size * 2;
        consumer->fresh = ese_realloc_array(consumer->fresh, consumer->fresh_size,
                                            sizeof(*consumer->fresh));
    }
    consumer->fresh[consumer->fresh_count++] = *event;
    *event = (struct ese_event){.data = NULL};
}

/* Known again by all that it is. */
static void take_stray(void *context, const char *text, const char *reason)
{
    struct ese_consumer *consumer = context;
    struct ese_id id = ese_id_derive(text, NULL, 0);
    const struct ese_record place = {.partition = PARTITION};

    bool is_known = is_held(consumer, &id) || consumer->passes_over;
    if (!is_known && !ese_unreadable_fits(&consumer->brought)) {
        consumer->has_more = true;
        return;
    }
    add_id(&consumer->coming, &id);
    if (!is_known)
        ese_unreadable_add(&consumer->brought, consumer->strays, &place, ese_copy_text(text),
                           (int64_t)strlen(text), reason);
}

static int by_time(const void *a, const void *b)
{
    const struct ese_event *event = a, *other = b;

    if (event->client_ts != other->client_ts)
        return event->client_ts < other->client_ts ? -1 : 1;
    return ese_id_compare(&event->id, &other->id);
}

static void clear_fresh(struct ese_consumer *consumer)
{
    for (size_t i = 0; i < consumer->fresh_count; i++)
        ese_event_clear(&consumer->fresh[i]);
    for (int i = 0; i < consumer->brought.unreadable; i++)
        free((void *)(uintptr_t)consumer->strays[i].bytes);
    consumer->fresh_count = consumer->handed = 0;
    consumer->brought.unreadable = 0;
    consumer->has_more = false;
}

static void turn_ids(struct ese_consumer *consumer)
{
    struct ids held = consumer->held;

    consumer->held = consumer->coming;
    consumer->coming = held;
    if (consumer->held.count > 0)
        qsort(consumer->held.list, consumer->held.count, sizeof(*consumer->held.list), by_id);
}

static int take_list(struct ese_consumer *consumer, const struct ese_http_answer *answer,
                     struct ese_error *error)
{
    const struct ese_grouped_takers takers = {
        .event = take_event, .stray = take_stray, .context = consumer};

    clear_fresh(consumer);
    consumer->coming.count = 0;
    if (ese_event_json_read_grouped(answer->body, answer->length, &takers, error) != 0) {
        clear_fresh(consumer);
        return -1;
    }
    turn_ids(consumer);
    if (consumer->fresh_count > 0)
        qsort(consumer->fresh, consumer->fresh_count, sizeof(*consumer->fresh), by_time);
    consumer->passes_over = false;
    consumer->end_ns = consumer->has_more ? 0 : ese_asker_asked_ns(consumer->asker);
    consumer->are_strays_handed = false;
    ese_asker_pause(consumer->asker, consumer->poll_ms);
    return 0;
}

static int take_answer(void *context, const struct ese_http_answer *answer, struct ese_error *error)
{
    struct ese_consumer *consumer = context;

    if (answer->status == 200)
        return take_list(consumer, answer, error);
    ese_asker_fail(consumer->asker, answer, &consumer->fatal);
    return 0;
}

/* ---- handing --------------------------------------------------------------------------------- */

static void take_place(struct ese_consumer *consumer)
{
    int64_t position = consumer->listener.given(consumer->listener.context, PARTITION);

    consumer->is_given = true;
    consumer->passes_over = position == ESE_OFFSET_LATEST;
}

static bool has_strays(const struct ese_consumer *consumer)
{
    return consumer->brought.unreadable > 0 && !consumer->are_strays_handed;
}

static bool has_fresh(const struct ese_consumer *consumer)
{
    return consumer->handed < consumer->fresh_count || has_strays(consumer);
}

/* Until something has come, or the time is over. */
static void wait_for_fresh(struct ese_consumer *consumer, int64_t deadline_ns)
{
    do {
        if (ese_asker_is_due(consumer->asker))
            ese_asker_ask(consumer->asker, "/events", 0);
        ese_asker_wait(consumer->asker, deadline_ns);
    } while (!has_fresh(consumer) && consumer->fatal.code == ESE_OK &&
             ese_clock_monotonic_ns() < deadline_ns);
}

static void hand_strays(struct ese_consumer *consumer)
{
    struct ese_batch *batch = &consumer->batch;

    for (int i = 0; i < consumer->brought.unreadable; i++) {
        consumer->strays[i].offset = consumer->offset++;
        consumer->strays[i].next = consumer->offset;
    }
    batch->unreadable = consumer->brought.unreadable;
    batch->unreadables = consumer->strays;
    consumer->are_strays_handed = true;
}

static void hand_fresh(struct ese_consumer *consumer)
{
    struct ese_batch *batch = &consumer->batch;

    *batch = (struct ese_batch){.records = consumer->records};
    if (has_strays(consumer))
        hand_strays(consumer);
    while (has_fresh(consumer) && batch->count < consumer->limit) {
        consumer->records[batch->count++] =
            (struct ese_record){.event = consumer->fresh[consumer->handed++],
                                .partition = PARTITION,
                                .offset = consumer->offset,
                                .next = consumer->offset + 1};
        consumer->offset++;
    }
    if (!has_fresh(consumer) && consumer->end_ns != 0) {
        batch->at_end = true;
        batch->end_ns = consumer->end_ns;
        consumer->end_ns = 0;
    }
}

static int next(struct ese_consumer *consumer, int timeout_ms, struct ese_batch *batch,
                struct ese_error *error)
{
    int64_t deadline_ns = ese_clock_monotonic_ns() + timeout_ms * ESE_NS_PER_MS;

    if (!consumer->is_given)
        take_place(consumer);
    if (!has_fresh(consumer))
        wait_for_fresh(consumer, deadline_ns);
    if (consumer->fatal.code != ESE_OK)
        return ese_fail(error, consumer->fatal.code, "%s", consumer->fatal.text);
    hand_fresh(consumer);
    consumer->batch.away = ese_asker_away(consumer->asker);
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
    if (closed->is_given)
        closed->listener.taken(closed->listener.context, PARTITION);
    ese_asker_close(&closed->asker);
    clear_fresh(closed);
    free(closed->fresh);
    free(closed->held.list);
    free(closed->coming.list);
    free(closed->records);
    free(closed);
}

static int open_consumer(const struct ese_config *config,
                         const struct ese_consume_settings *settings,
                         struct ese_consumer **consumer, struct ese_error *error)
{
    struct ese_consumer *opened = *consumer = ese_alloc(sizeof(*opened));

    opened->poll_ms = ese_config_number(config, "poll-ms");
    opened->limit = settings->max_batch;
    opened->listener = settings->listener;
    opened->records = ese_alloc_array((size_t)opened->limit, sizeof(*opened->records));
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

const struct ese_consume_face ese_http_ese_store_consume = {
    .options = options,
    .open = open_consumer,
    .next = next,
    .acknowledge = NULL, /* the original's server has no ear for it */
    .close = close_consumer,
    .partition_name = partition_name,
};
