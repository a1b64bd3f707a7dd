/*
 * store.c - the server's side: a gateway from the original's HTTP routes to the topics.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "ese-core/memory.h"
#include "transports/kafka/connection.h"
#include "transports/kafka/gateway.h"
#include "transports/kafka/kafka.h"
#include "transports/kafka/watch.h"

#define LEAST_KEEP_MS (10 * 60 * 1000)
#define POLL_MS 100

struct ese_store {
    struct ese_gateway *gateway;
    struct ese_outlet *outlet;
    struct ese_watch *watch;
    struct ese_event_intake *intake;
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
             "requests are answered 503."},
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
    ese_http_reply_message(request, 501,
                           "The events are in Kafka: read the topics click-events and "
                           "order-events, with ese-consumer --transport kafka or any Kafka client");
}

static bool reachable(void *context, char *text, size_t size)
{
    struct ese_store *store = context;
    return ese_watch_tell(store->watch, text, size);
}

/* ---- life ---------------------------------------------------------------------------------- */

static void *report(void *context)
{
    struct ese_store *store = context;
    while (!atomic_load(&store->stopping))
        ese_outlet_poll(store->outlet, POLL_MS);
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
    if (detached->reporting)
        pthread_join(detached->reporter, NULL);
    ese_watch_stop(&detached->watch);
    if (detached->outlet != NULL)
        ese_outlet_flush(detached->outlet, timeout_ms);
    ese_outlet_close(&detached->outlet);
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
        .metrics = settings->metrics,
        .reachable = reachable,
        .context = store,
    };
    store->gateway = ese_gateway_new(&wanted);
}

/* No timer: linger 0. Batches form from what comes while a request to the broker is under way. */
static int open_outlet(struct ese_store *store, const struct ese_config *config,
                       struct ese_error *error)
{
    const struct ese_outlet_options wanted = {
        .timeout_ms = ese_config_number(config, "produce-timeout-ms"),
        .linger_ms = "0",
        .most_records = (int)ese_config_number(config, "queue-events"),
        .is_watched = true,
        .delivered = ese_gateway_delivered,
        .context = store->gateway,
    };
    return ese_outlet_open(config, &wanted, &store->outlet, error);
}

static int open_parts(struct ese_store *store, const struct ese_config *config,
                      const struct ese_store_settings *settings, struct ese_error *error)
{
    int64_t max_batch = ese_config_number(config, "max-batch");
    if (max_batch > ese_config_number(config, "queue-events"))
        return ese_fail(error, ESE_E_USAGE, "--max-batch %d does not fit --queue-events %d",
                        (int)max_batch, (int)ese_config_number(config, "queue-events"));
    make_gateway(store, config, settings);
    if (open_outlet(store, config, error) == -1)
        return -1;
    ese_gateway_connect(store->gateway, store->outlet);
    store->watch = ese_watch_start(ese_outlet_cluster(store->outlet), settings->durability);
    store->reporting = pthread_create(&store->reporter, NULL, report, store) == 0;
    if (!store->reporting)
        return ese_fail(error, ESE_E_IO, "no thread can be started for delivery reports");
    store->intake =
        ese_event_intake_new(settings->server, settings->metrics, (int)max_batch, append, store);
    ese_event_intake_make_ids_from_names(store->intake);
    store->asked = ese_metrics_counter(settings->metrics, "get_events_ping_count", NULL,
                                       "Requests to GET /events.");
    ese_http_server_route(settings->server, "GET", "/events", get_events, store);
    return 0;
}

static int attach(const struct ese_config *config, const struct ese_store_settings *settings,
                  struct ese_store **store, struct ese_error *error)
{
    *store = ese_alloc(sizeof **store);
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
