#include "transports/kafka/listing.h"

#include "ese-core/clock.h"
#include "ese-core/event_lists.h"
#include "ese-core/memory.h"
#include "transports/kafka/reader.h"

#define LISTS 4 /* under way at once: each has its events in memory */
#define READ_MS 10000

struct ese_listing {
    struct ese_listing_options options;
    struct ese_reader *reader;
    struct ese_event_lists *lists;
    struct ese_metric *events, *unreadable;
};

/* ---- the lists' source --------------------------------------------------------------------- */

static void release(void *gathered)
{
    struct ese_snapshot *snapshot = gathered;
    ese_snapshot_free(&snapshot);
}

static int gather(void *context, void **gathered, struct ese_error *error)
{
    struct ese_listing *listing = context;
    struct ese_reading reading = {
        .since_ms = ese_clock_wall_ms() - listing->options.retention_ms,
        .most = listing->options.most_events,
        .timeout_ms = READ_MS,
        .goes_on = listing->options.goes_on,
        .context = listing->options.context,
    };
    struct ese_snapshot *snapshot = ese_snapshot_new((size_t)reading.most);
    int result = ese_reader_read(listing->reader, &reading, snapshot, error);
    ese_metric_add(listing->unreadable, reading.unreadable);
    if (result == -1) {
        ese_snapshot_free(&snapshot);
        return -1;
    }
    ese_metric_set(listing->events, (int64_t)ese_snapshot_count(snapshot));
    *gathered = snapshot;
    return 0;
}

static int hand(void *gathered, ese_event_visit *visit, void *visit_context,
                struct ese_error *error)
{
    struct ese_event event;
    (void)error;
    while (ese_snapshot_next(gathered, &event)) {
        if (!visit(visit_context, &event))
            return 1;
    }
    return 0;
}

/* ---- requests ------------------------------------------------------------------------------ */

const struct ese_cluster *ese_listing_cluster(const struct ese_listing *listing)
{
    return ese_reader_cluster(listing->reader);
}

void ese_listing_handle(struct ese_listing *listing, struct ese_http_request *request)
{
    if (ese_event_lists_page_asked(request))
        ese_http_reply_message(request, 501,
                               "There are no pages of Kafka's topics: GET /events without a query "
                               "lists all that is not older than --retention; to go on from where "
                               "one was, read click-events and order-events with ese-consumer "
                               "--transport kafka or any Kafka client");
    else
        ese_event_lists_handle(listing->lists, request);
}

/* ---- life ---------------------------------------------------------------------------------- */

int ese_listing_open(const struct ese_config *config, const struct ese_listing_options *options,
                     struct ese_listing **listing, struct ese_error *error)
{
    struct ese_listing *opened = *listing = ese_alloc(sizeof *opened);
    const struct ese_event_lists_source source = {
        .gather = gather,
        .hand = hand,
        .release = release,
        .context = opened,
        .most = LISTS,
    };
    opened->options = *options;
    opened->events = ese_metrics_gauge(options->metrics, "ese_list_events", NULL,
                                       "Events of the newest list of all events.");
    opened->unreadable = ese_metrics_counter(options->metrics, "ese_list_unreadable_total", NULL,
                                             "Records passed over by lists, by each of them anew, "
                                             "because they are no events.");
    if (ese_reader_open(config, &opened->reader, error) == 0 &&
        ese_event_lists_open(&source, &opened->lists, error) == 0)
        return 0;
    ese_listing_close(listing);
    return -1;
}

void ese_listing_stop(struct ese_listing *listing)
{
    ese_event_lists_close(&listing->lists);
}

void ese_listing_close(struct ese_listing **listing)
{
    if (*listing == NULL)
        return;
    ese_event_lists_close(&(*listing)->lists);
    ese_reader_close(&(*listing)->reader);
    free(*listing);
    *listing = NULL;
}
