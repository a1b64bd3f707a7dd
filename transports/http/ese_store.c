/*
 * ese_store.c - the lesson "http+ese-store": plain HTTP as it was first written. An event is posted,
 * kept in memory under its ip and millisecond, and all that is kept is read again at each poll.
 *
 * The producer is http's. What this store lets go it notes in a history, so that a ledger can tell
 * each loss's cause: it is meant to be seen losing.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "ese-core/clock.h"
#include "ese-core/event_intake.h"
#include "ese-core/event_lists.h"
#include "ese-core/history_option.h"
#include "ese-core/log.h"
#include "ese-core/memory.h"
#include "ese-core/news.h"
#include "transports/http/ese_store_faces.h"
#include "transports/http/ese_store_hashes.h"
#include "transports/http/http.h"

#define NAME "http+ese-store"
#define MIN_BYTES (INT64_C(1024) * 1024) /* some of the largest events fit */

struct ese_store {
    struct ese_history *history;
    struct ese_hashes *hashes;
    struct ese_event_lists *lists;
    struct ese_event_intake *intake;
    int64_t max_bytes;
    atomic_bool is_full; /* the last request was refused */
    struct ese_news news;
    struct ese_metric *asked, *kept, *refused, *overwritten, *expired, *used;
};

static const struct ese_option options[] = {
    {.name = "max-bytes",
     .kind = ESE_OPTION_NUMBER,
     .value = "N",
     .fallback = "268435456",
     .min = MIN_BYTES,
     .max = INT64_C(1) << 40,
     .help = "Events take up to so many bytes of memory. Beyond, requests are answered 503 until an ip "
             "has written nothing for --retention, and its events leave."},
    {.name = "max-batch",
     .kind = ESE_OPTION_NUMBER,
     .value = "N",
     .fallback = "1000",
     .min = 1,
     .max = 10000,
     .help = "Events a POST /events may hold."},
    ESE_HISTORY_OPTIONS,
    ESE_OPTION_END,
};

/* ---- what is noted --------------------------------------------------------------------------- */

static void note(struct ese_store *store, enum ese_history_kind kind, const struct ese_id *id,
                 int64_t a)
{
    ese_history_record(store->history,
                       &(struct ese_history_record){.kind = (uint16_t)kind,
                                                    .time_ns = ese_clock_monotonic_ns(),
                                                    .id = *id,
                                                    .a = a});
}

static void note_overwritten(void *context, const struct ese_id *id, const struct ese_id *by)
{
    struct ese_store *store = context;
    struct ese_history_record record = {.kind = ESE_HISTORY_OVERWRITTEN,
                                        .time_ns = ese_clock_monotonic_ns(),
                                        .id = *id};

    ese_history_put_id(&record, by);
    ese_history_record(store->history, &record);
    ese_history_count(store->history, ESE_COUNT_OVERWRITTEN, 1);
    ese_metric_add(store->overwritten, 1);
}

static void note_expired(void *context, const struct ese_id *id, int64_t written_ms)
{
    struct ese_store *store = context;

    note(store, ESE_HISTORY_EXPIRED, id, written_ms);
    ese_history_count(store->history, ESE_COUNT_EXPIRED, 1);
    ese_metric_add(store->expired, 1);
}

/* ---- storing --------------------------------------------------------------------------------- */

static int64_t now_ms(void)
{
    return ese_clock_monotonic_ns() / ESE_NS_PER_MS;
}

static int64_t bytes_of(const struct ese_event_list *list)
{
    int64_t bytes = 0;

    for (size_t i = 0; i < list->count; i++)
        bytes += ese_hashes_bytes_of(&list->events[i]);
    return bytes;
}

static void tell_full(struct ese_store *store, bool is_full)
{
    atomic_store(&store->is_full, is_full);
    if (!ese_news_due(&store->news, is_full))
        return;
    if (is_full)
        ese_log_error("the store is full: events are refused until an ip has written nothing for "
                      "--retention, and its events leave; a larger --max-bytes takes more");
    else
        ese_log_info("the store has room again");
}

static bool has_room(struct ese_store *store, struct ese_append *append)
{
    bool is_full = !ese_hashes_has_room(store->hashes, bytes_of(&append->list));

    tell_full(store, is_full);
    if (is_full)
        snprintf(append->why, sizeof(append->why),
                 "the store is full: %lld of at most %lld bytes. The events of an ip leave when it "
                 "has written nothing for --retention; a larger --max-bytes takes more",
                 (long long)ese_hashes_used_bytes(store->hashes), (long long)store->max_bytes);
    return !is_full;
}

/* Noted first: what is acknowledged must be in the history, whatever becomes of us. */
static void keep(struct ese_store *store, struct ese_event *event)
{
    event->server_ts = ese_clock_wall_ms();
    note(store, ESE_HISTORY_KEPT, &event->id, event->server_ts);
    ese_history_count(store->history, ESE_COUNT_KEPT, 1);
    ese_hashes_put(store->hashes, event, now_ms());
}

static void append_events(void *context, struct ese_append *append)
{
    struct ese_store *store = context;
    struct ese_event_list *list = &append->list;

    ese_hashes_expire(store->hashes, now_ms());
    if (!has_room(store, append)) {
        ese_metric_add(store->refused, (int64_t)list->count);
        ese_append_done(append, ESE_APPEND_AT_BOUND);
        return;
    }
    for (size_t i = 0; i < list->count; i++)
        keep(store, &list->events[i]);
    ese_metric_add(store->kept, (int64_t)list->count);
    ese_metric_set(store->used, ese_hashes_used_bytes(store->hashes));
    ese_append_done(append, ESE_APPEND_STORED);
}

/* ---- listing --------------------------------------------------------------------------------- */

static int gather(void *context, void **gathered, struct ese_error *error)
{
    struct ese_store *store = context;

    (void)error;
    ese_hashes_expire(store->hashes, now_ms());
    *gathered = ese_hashes_picture_take(store->hashes);
    return 0;
}

static int hand(void *gathered, ese_event_visit *visit, void *visit_context,
                struct ese_error *error)
{
    const struct ese_event *event;

    (void)error;
    while ((event = ese_hashes_picture_next(gathered)) != NULL) {
        if (!visit(visit_context, event))
            return 1;
    }
    return 0;
}

static void release(void *gathered)
{
    struct ese_hashes_picture *picture = gathered;

    ese_hashes_picture_free(&picture);
}

static void get_events(void *context, struct ese_http_request *request)
{
    struct ese_store *store = context;

    ese_metric_add(store->asked, 1);
    ese_event_lists_handle(store->lists, request);
}

/* ---- life ------------------------------------------------------------------------------------ */

static void detach(struct ese_store **store, int timeout_ms)
{
    struct ese_store *detached = *store;

    (void)timeout_ms; /* nothing waits */
    if (detached == NULL)
        return;
    *store = NULL;
    ese_event_lists_close(&detached->lists);
    ese_event_intake_free(&detached->intake);
    ese_hashes_free(&detached->hashes);
    ese_history_close(&detached->history);
    free(detached);
}

static void make_metrics(struct ese_store *store, struct ese_metrics *metrics)
{
    store->asked = ese_metrics_counter(metrics, "get_events_ping_count", NULL,
                                       "Requests to GET /events.");
    store->kept = ese_metrics_counter(metrics, "ese_store_events_total", NULL, "Events stored.");
    store->refused = ese_metrics_counter(metrics, "ese_store_refused_events_total",
                                         "reason=\"bound\"", "Events not stored, by why not.");
    store->overwritten =
        ese_metrics_counter(metrics, "ese_store_overwritten_events_total", NULL,
                            "Events whose place another one of their ip and millisecond took.");
    store->expired = ese_metrics_counter(metrics, "ese_store_expired_events_total", NULL,
                                         "Events that left because they were too old.");
    store->used = ese_metrics_gauge(metrics, "ese_store_used_bytes", NULL,
                                    "Bytes of memory that events take.");
    ese_metric_set(ese_metrics_gauge(metrics, "ese_store_max_bytes", NULL,
                                     "Bytes of memory that events may take."),
                   store->max_bytes);
}

/* A store in memory is empty whenever it begins: what there was before has died. */
static int open_history(struct ese_store *store, const struct ese_config *config, int64_t retention_ms,
                        struct ese_error *error)
{
    const struct ese_history_options told = ese_history_told(config, "ese-server", NAME);
    const struct ese_id none = {{0}};

    if (ese_history_open(&told, &store->history, error) != 0)
        return -1;
    note(store, ESE_HISTORY_BEGUN_EMPTY, &none, retention_ms);
    return 0;
}

static int open_parts(struct ese_store *store, const struct ese_config *config,
                      const struct ese_store_settings *settings, struct ese_error *error)
{
    const struct ese_hashes_listener listener = {
        .context = store, .overwritten = note_overwritten, .expired = note_expired};
    const struct ese_event_lists_source source = {.gather = gather,
                                                  .hand = hand,
                                                  .release = release,
                                                  .context = store,
                                                  .most = ESE_EVENT_LISTS};

    store->max_bytes = ese_config_number(config, "max-bytes");
    make_metrics(store, settings->metrics);
    if (open_history(store, config, settings->retention_ms, error) != 0)
        return -1;
    store->hashes = ese_hashes_new(settings->retention_ms, store->max_bytes, &listener);
    if (ese_event_lists_open(&source, &store->lists, error) != 0)
        return -1;
    store->intake = ese_event_intake_new(settings->server, settings->metrics,
                                         (int)ese_config_number(config, "max-batch"),
                                         append_events, store);
    ese_event_intake_make_ids_from_names(store->intake);
    ese_http_server_route(settings->server, "GET", "/events", get_events, store);
    return 0;
}

static int attach(const struct ese_config *config, const struct ese_store_settings *settings,
                  struct ese_store **store, struct ese_error *error)
{
    *store = ese_alloc(sizeof(**store));
    if (open_parts(*store, config, settings, error) != 0) {
        detach(store, 0);
        return -1;
    }
    return 0;
}

static bool healthy(struct ese_store *store, char *text, size_t size)
{
    bool is_full = atomic_load(&store->is_full);

    if (is_full)
        snprintf(text, size, "the store is full: it holds %lld of at most %lld bytes",
                 (long long)ese_hashes_used_bytes(store->hashes), (long long)store->max_bytes);
    return !is_full;
}

const struct ese_store_face ese_http_ese_store = {
    .options = options,
    .attach = attach,
    .detach = detach,
    .healthy = healthy,
};

/* ---- the lesson ------------------------------------------------------------------------------ */

extern const struct ese_transport ese_transport_http_ese_store;

const struct ese_transport ese_transport_http_ese_store = {
    .name = NAME,
    .summary = "POST an event, it is kept in memory, the consumer reads all of it at each poll",
    .promises =
        {
            .delivery = ESE_DELIVERY_AT_MOST_ONCE,
            .ordered_per_key = false,
            .replayable = false,
            .positions_survive = false,
            .shares_work = false,
            .retry_stored_once = false,
            .slow_consumer_holds_producers = false,
            .tells_losses = true,
            .durability = ESE_DURABILITY_MEMORY,
            .notes = "The original kept this in a Redis of its own, and lost it when that died; an "
                     "event was also lost to the next one of its ip and millisecond, and when its "
                     "ip had been silent for ten minutes.",
        },
    .produce = &ese_http_produce,
    .store = &ese_http_ese_store,
    .consume = &ese_http_ese_store_consume,
};
