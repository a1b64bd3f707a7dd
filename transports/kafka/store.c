/*
 * store.c - the server's side: a gateway from the original's HTTP routes to the topics, and a list
 * of what these hold; with --read-only the list alone.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "ese-core/memory.h"
#include "transports/kafka/connection.h"
#include "transports/kafka/gateway.h"
#include "transports/kafka/kafka.h"
#include "transports/kafka/listing.h"
#include "transports/kafka/view.h"
#include "transports/kafka/watch.h"

#define LEAST_KEEP_MS (10 * 60 * 1000)
#define POLL_MS 100
#define WHOLE_SHARE 40 /* so that ids leave room for names, of which nothing can be spared, and memory is soon flat */

struct ese_store {
    struct ese_gateway *gateway; /* these two not with --read-only */
    struct ese_outlet *outlet;
    struct ese_listing *listing;
    struct ese_watch *watch;
    struct ese_event_intake *intake;
    struct ese_http_server *server;
    struct ese_metric *asked; /* the original's count of GET /events */
    pthread_t reporter;       /* collects delivery reports */
    bool reporting;
    atomic_bool stopping;
};

static const struct ese_option options[] = {
    ESE_CONNECTION_OPTIONS,
    {.name = "queue-events", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "10000", .min = 1,
     .max = 1000000,
     .help = "Events that may wait for the broker; beyond, requests are answered 503."},
    {.name = "max-batch", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "1000", .min = 1,
     .max = 10000, .help = "Events a POST /events may hold; not more than --queue-events."},
    {.name = "produce-timeout-ms", .kind = ESE_OPTION_NUMBER, .value = "MS", .fallback = "10000",
     .min = 100, .max = 300000,
     .help = "How long librdkafka tries to bring a record to the broker; then the request is "
             "answered 503 or 504."},
    {.name = "window-events", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "4000000",
     .min = 1000, .max = 100000000,
     .help = "Ids and keys remembered for retries, in memory (about 110 bytes each); beyond, "
             "requests are answered 503. Of ids with a place in a lane, as ese-client makes them, a fortieth "
             "of that; older ones by the lane, which takes next to nothing, and answers a retry as stored, "
             "whatever content comes with it."},
    {.name = "view-bytes", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "67108864",
     .min = ESE_VIEW_LEAST_BYTES, .max = INT64_C(1) << 40,
     .help = "Memory for what GET /events answers from: half of it for events (about 200 bytes each), "
             "half for lists of them. Where the events of the last --retention do not fit, the whole "
             "list is answered 413; pages, ?after=, go on."},
    {.name = "read-only", .kind = ESE_OPTION_FLAG,
     .help = "Takes no events: only lists those that others have stored."},
    ESE_OPTION_END,
};

/* ---- routes -------------------------------------------------------------------------------- */

static void append(void *context, struct ese_append *append)
{
    struct ese_store *store = context;
    ese_gateway_append(store->gateway, append);
}

static void get_events(void *context, struct ese_http_request *request)
{
    struct ese_store *store = context;
    ese_metric_add(store->asked, 1);
    ese_listing_handle(store->listing, request);
}

static bool reachable(void *context, char *text, size_t size)
{
    struct ese_store *store = context;
    return ese_watch_tell(store->watch, text, size);
}

/* What was stored is in the next answer to GET /events, whoever hears of it first. */
static void delivered(void *context, const struct ese_delivery_report *report)
{
    struct ese_store *store = context;
    if (report->result == ESE_DELIVERED)
        ese_listing_stored(store->listing, report->partition, report->offset);
    ese_gateway_delivered(store->gateway, report);
}

/* For the listing. */
static bool goes_on(void *context, char *text, size_t size)
{
    struct ese_store *store = context;
    if (!atomic_load(&store->stopping))
        return ese_watch_tell(store->watch, text, size);
    snprintf(text, size, "the server is stopping");
    return false;
}

/* ---- life ---------------------------------------------------------------------------------- */

/* Reports come in batches, as records went, and so do the answers. */
static void answer(struct ese_store *store)
{
    ese_http_server_hold(store->server);
    ese_gateway_answer(store->gateway);
    ese_http_server_release(store->server);
}

static void *report(void *context)
{
    struct ese_store *store = context;
    while (!atomic_load(&store->stopping)) {
        ese_outlet_poll(store->outlet, POLL_MS);
        answer(store);
    }
    return NULL;
}

/* The reporter goes first: then the reports of the flush come on this thread. */
static void detach(struct ese_store **store, int timeout_ms)
{
    struct ese_store *detached = *store;
    if (detached == NULL)
        return;
    *store = NULL;
    atomic_store(&detached->stopping, true);
    if (detached->listing != NULL)
        ese_listing_stop(detached->listing);
    if (detached->reporting)
        pthread_join(detached->reporter, NULL);
    ese_watch_stop(&detached->watch);
    if (detached->outlet != NULL) {
        ese_outlet_flush(detached->outlet, timeout_ms);
        answer(detached);
    }
    ese_outlet_close(&detached->outlet);
    ese_listing_close(&detached->listing);
    ese_gateway_free(&detached->gateway);
    ese_event_intake_free(&detached->intake);
    free(detached);
}

static void make_gateway(struct ese_store *store, const struct ese_config *config,
                         const struct ese_store_settings *settings)
{
    const struct ese_gateway_options wanted = {
        .most_in_flight = (int)ese_config_number(config, "queue-events"),
        .keep_ms = settings->retention_ms > LEAST_KEEP_MS ? settings->retention_ms : LEAST_KEEP_MS,
        .most_kept = ese_config_number(config, "window-events"),
        .most_whole = ese_config_number(config, "window-events") / WHOLE_SHARE,
        .metrics = settings->metrics,
        .reachable = reachable,
        .context = store,
    };
    store->gateway = ese_gateway_new(&wanted);
}

/* No timer: linger 0. Batches form from what comes while requests to the broker are under way, and the fewer those are,
 * the more: with two of them, and 64 events in flight, one took a third of the processor time here that it took with
 * five. With one alone, which a broker that syncs answers late, fewer came through. */
static int open_outlet(struct ese_store *store, const struct ese_config *config,
                       struct ese_error *error)
{
    const struct ese_outlet_options wanted = {
        .topics = ese_partition_events,
        .timeout_ms = ese_config_number(config, "produce-timeout-ms"),
        .linger_ms = "0",
        .requests = "2",
        .most_records = (int)ese_config_number(config, "queue-events"),
        .is_watched = true,
        .delivered = delivered,
        .context = store,
    };
    return ese_outlet_open(config, &wanted, &store->outlet, error);
}

static int open_way_in(struct ese_store *store, const struct ese_config *config,
                       const struct ese_store_settings *settings, struct ese_error *error)
{
    if (ese_config_number(config, "max-batch") > ese_config_number(config, "queue-events"))
        return ese_fail(error, ESE_E_USAGE, "--max-batch %d does not fit --queue-events %d",
                        (int)ese_config_number(config, "max-batch"),
                        (int)ese_config_number(config, "queue-events"));
    make_gateway(store, config, settings);
    if (open_outlet(store, config, error) == -1)
        return -1;
    ese_gateway_connect(store->gateway, store->outlet);
    store->reporting = pthread_create(&store->reporter, NULL, report, store) == 0;
    if (!store->reporting)
        return ese_fail(error, ESE_E_IO, "no thread can be started for delivery reports");
    return 0;
}

static int open_listing(struct ese_store *store, const struct ese_config *config,
                        const struct ese_store_settings *settings, struct ese_error *error)
{
    const struct ese_listing_options wanted = {
        .retention_ms = settings->retention_ms,
        .view_bytes = ese_config_number(config, "view-bytes"),
        .metrics = settings->metrics,
        .goes_on = goes_on,
        .context = store,
    };
    return ese_listing_open(config, &wanted, &store->listing, error);
}

/* Who only reads acknowledges nothing: the durability is the matter of those who do. */
static void start_watch(struct ese_store *store, enum ese_durability durability)
{
    if (store->outlet == NULL)
        store->watch = ese_watch_start(ese_listing_cluster(store->listing), ESE_DURABILITY_OS);
    else
        store->watch = ese_watch_start(ese_outlet_cluster(store->outlet), durability);
}

static void add_routes(struct ese_store *store, const struct ese_config *config,
                       const struct ese_store_settings *settings)
{
    store->intake =
        ese_event_intake_new(settings->server, settings->metrics,
                             (int)ese_config_number(config, "max-batch"), append, store);
    ese_event_intake_make_ids_from_names(store->intake);
    if (ese_config_flag(config, "read-only"))
        ese_event_intake_refuse(store->intake,
                                "this server only lists what the topics hold (--read-only): post "
                                "to one that takes events");
    store->asked = ese_metrics_counter(settings->metrics, "get_events_ping_count", NULL,
                                       "Requests to GET /events.");
    ese_http_server_route(settings->server, "GET", "/events", get_events, store);
}

static int open_parts(struct ese_store *store, const struct ese_config *config,
                      const struct ese_store_settings *settings, struct ese_error *error)
{
    if (open_listing(store, config, settings, error) == -1)
        return -1;
    if (!ese_config_flag(config, "read-only") &&
        open_way_in(store, config, settings, error) == -1)
        return -1;
    start_watch(store, settings->durability);
    add_routes(store, config, settings);
    return 0;
}

static int attach(const struct ese_config *config, const struct ese_store_settings *settings,
                  struct ese_store **store, struct ese_error *error)
{
    *store = ese_alloc(sizeof **store);
    (*store)->server = settings->server;
    if (open_parts(*store, config, settings, error) == -1) {
        detach(store, 0);
        return -1;
    }
    return 0;
}

static bool healthy(struct ese_store *store, char *text, size_t size)
{
    return ese_watch_tell(store->watch, text, size);
}

const struct ese_store_face ese_kafka_store = {
    .options = options,
    .attach = attach,
    .detach = detach,
    .healthy = healthy,
};
