/*
 * listing.h - GET /events on the topics: what they hold that is not older than the retention, as
 * the original's whole list (ese-core/event_lists.h).
 *
 * Each list is read from the topics anew, by one reader on the lists' thread, and held in memory
 * until it is sent: that many events at most, so many lists at once, and in bounded time. Beyond,
 * and while the cluster is away, the answer is 503 and says why; a list is never cut short.
 */
#ifndef ESE_KAFKA_LISTING_H
#define ESE_KAFKA_LISTING_H

#include "ese-core/config.h"
#include "ese-core/http_server.h"
#include "ese-core/metrics.h"

struct ese_cluster;
struct ese_listing;

struct ese_listing_options {
    int64_t retention_ms;
    int64_t most_events;
    struct ese_metrics *metrics;
    /* False while no list is to be made; then text says why. On the lists' thread. */
    bool (*goes_on)(void *context, char *text, size_t size);
    void *context;
};

/* Does not wait for the cluster. */
int ese_listing_open(const struct ese_config *config, const struct ese_listing_options *options,
                     struct ese_listing **listing, struct ese_error *error);

/* As its reader knows it; the listing's. */
const struct ese_cluster *ese_listing_cluster(const struct ese_listing *listing);

/* Answers GET /events, later; one that asks for a page with 501. The HTTP server's thread. */
void ese_listing_handle(struct ese_listing *listing, struct ese_http_request *request);

/* No list is begun any more. Returns once goes_on has ended what is under way; it is not called
 * again. */
void ese_listing_stop(struct ese_listing *listing);

/* NULL behind the pointer is allowed; nulls it. */
void ese_listing_close(struct ese_listing **listing);

#endif
