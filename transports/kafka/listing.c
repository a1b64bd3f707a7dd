#include "transports/kafka/listing.h"

#include <stdatomic.h>

#include "ese-core/clock.h"
#include "ese-core/event_lists.h"
#include "ese-core/memory.h"
#include "transports/kafka/filler.h"
#include "transports/kafka/paging.h"

#define READ_MS 10000

struct ese_listing {
    struct ese_listing_options options;
    struct ese_reader *reader;
    struct ese_view *view;
    struct ese_filler *filler;
    struct ese_paging *paging;
    struct ese_event_lists *lists;
    struct ese_event_pages *pages;
    struct ese_metric *events;
    atomic_bool ends_wanted; /* something was stored, and nobody knows where */
};

static bool goes_on(void *context, char *text, size_t size)
{
    struct ese_listing *listing = context;
    return listing->options.goes_on(listing->options.context, text, size) &&
           ese_filler_tell(listing->filler, text, size);
}

static struct ese_view_patience patience(struct ese_listing *listing)
{
    return (struct ese_view_patience){READ_MS, goes_on, listing};
}

/* ---- how far the view is to come ----------------------------------------------------------- */

void ese_listing_stored(struct ese_listing *listing, int32_t partition, int64_t offset)
{
    if (offset >= 0)
        ese_view_want(listing->view, partition, offset);
    else
        atomic_store(&listing->ends_wanted, true);
}

/* No log ends before what was read of it: it is another one, and the filler is about to notice. */
static int check_logs(const struct ese_view_part *parts, const struct ese_kafka_cursor *ends,
                      struct ese_error *error)
{
    char name[64];
    for (int i = 0; i < ends->count; i++) {
        if (ends->places[i].next >= parts[i].next)
            continue;
        ese_partition_name(parts[i].partition, name, sizeof name);
        return ese_fail(error, ESE_E_CLOSED,
                        "%s was made anew, or cut, and is not read yet: try again", name);
    }
    return 0;
}

/* As far as the topics go now, whoever wrote them. */
static int want_ends(struct ese_listing *listing, struct ese_error *error)
{
    struct ese_view_part parts[ESE_VIEW_PARTITIONS];
    struct ese_kafka_cursor ends = {.count = ese_view_parts(listing->view, parts)};
    const struct ese_view_patience with = patience(listing);
    for (int i = 0; i < ends.count; i++)
        ends.places[i].partition = parts[i].partition;
    if (ese_reader_ask(listing->reader, RD_KAFKA_OFFSET_END, &ends, &with, error) == -1 ||
        check_logs(parts, &ends, error) == -1)
        return -1;
    for (int i = 0; i < ends.count; i++)
        ese_view_want(listing->view, ends.places[i].partition, ends.places[i].next - 1);
    return 0;
}

static int await_all(struct ese_listing *listing, struct ese_error *error)
{
    const struct ese_view_patience with = patience(listing);
    if (ese_view_await(listing->view, &with, error) == -1 || want_ends(listing, error) == -1)
        return -1;
    return ese_view_await(listing->view, &with, error);
}

/* ---- the lists' source --------------------------------------------------------------------- */

static void release(void *gathered)
{
    struct ese_view_list *list = gathered;
    ese_view_list_free(&list);
}

static int gather(void *context, void **gathered, struct ese_error *error)
{
    struct ese_listing *listing = context;
    struct ese_view_list *list = NULL;
    int64_t since_ms = ese_clock_wall_ms() - listing->options.retention_ms;
    if (await_all(listing, error) == -1 ||
        ese_view_list_take(listing->view, since_ms, &list, error) == -1)
        return -1;
    ese_metric_set(listing->events, (int64_t)ese_view_list_count(list));
    *gathered = list;
    return 0;
}

static int hand(void *gathered, ese_event_visit *visit, void *visit_context,
                struct ese_error *error)
{
    return ese_view_list_hand(gathered, visit, visit_context, error);
}

/* ---- the pages' source --------------------------------------------------------------------- */

/* That there is nothing more is said only of all that anybody has stored. */
static int read_page(void *context, struct ese_event_pages_reading *reading,
                     struct ese_error *error)
{
    struct ese_listing *listing = context;
    if (reading->again)
        return ese_paging_read(listing->paging, reading, error);
    if (atomic_exchange(&listing->ends_wanted, false) && await_all(listing, error) == -1) {
        atomic_store(&listing->ends_wanted, true);
        return -1;
    }
    if (ese_paging_read(listing->paging, reading, error) == -1)
        return -1;
    if (reading->count > 0)
        return 0;
    if (await_all(listing, error) == -1)
        return -1;
    return ese_paging_read(listing->paging, reading, error);
}

/* ---- requests ------------------------------------------------------------------------------ */

const struct ese_cluster *ese_listing_cluster(const struct ese_listing *listing)
{
    return ese_reader_cluster(listing->reader);
}

void ese_listing_handle(struct ese_listing *listing, struct ese_http_request *request)
{
    ese_filler_begin(listing->filler);
    if (ese_event_lists_page_asked(request))
        ese_event_pages_handle(listing->pages, request);
    else
        ese_event_lists_handle(listing->lists, request);
}

/* ---- life ---------------------------------------------------------------------------------- */

static void progress(void *context)
{
    struct ese_listing *listing = context;
    ese_event_pages_wake(listing->pages);
}

static int open_view(struct ese_listing *listing, const struct ese_config *config,
                     struct ese_error *error)
{
    if (ese_reader_open(config, &listing->reader, error) == -1)
        return -1;
    const struct ese_paging_options paging = {
        .view = listing->view,
        .reader = listing->reader,
        .retention_ms = listing->options.retention_ms,
        .patience = patience(listing),
    };
    listing->paging = ese_paging_new(&paging);
    const struct ese_filler_options filler = {
        .view = listing->view,
        .reader = listing->reader,
        .retention_ms = listing->options.retention_ms,
        .metrics = listing->options.metrics,
        .progress = progress,
        .context = listing,
    };
    return ese_filler_start(&filler, &listing->filler, error);
}

static int open_answers(struct ese_listing *listing, struct ese_error *error)
{
    const struct ese_event_lists_source lists = {
        .gather = gather,
        .hand = hand,
        .release = release,
        .context = listing,
        .most = ESE_VIEW_LISTS,
    };
    const struct ese_event_pages_source pages = {.read = read_page, .context = listing};
    if (ese_event_lists_open(&lists, &listing->lists, error) == -1)
        return -1;
    return ese_event_pages_open(&pages, listing->options.metrics, &listing->pages, error);
}

int ese_listing_open(const struct ese_config *config, const struct ese_listing_options *options,
                     struct ese_listing **listing, struct ese_error *error)
{
    struct ese_listing *opened = *listing = ese_alloc(sizeof *opened);
    opened->options = *options;
    opened->view = ese_view_new(options->view_bytes);
    opened->events = ese_metrics_gauge(options->metrics, "ese_list_events", NULL,
                                       "Events of the newest list of all events.");
    if (open_view(opened, config, error) == 0 && open_answers(opened, error) == 0)
        return 0;
    ese_listing_close(listing);
    return -1;
}

/* The filler ends before the pages, as it wakes them, and is there until nobody asks it any more. */
void ese_listing_stop(struct ese_listing *listing)
{
    ese_event_lists_close(&listing->lists);
    ese_filler_stop(listing->filler);
    ese_event_pages_close(&listing->pages);
}

void ese_listing_close(struct ese_listing **listing)
{
    if (*listing == NULL)
        return;
    ese_listing_stop(*listing);
    ese_filler_free(&(*listing)->filler);
    ese_paging_free(&(*listing)->paging);
    ese_reader_close(&(*listing)->reader);
    ese_view_free(&(*listing)->view);
    free(*listing);
    *listing = NULL;
}
