/*
 * listing.h - GET /events on the topics, out of a view of them (docs/view.md): all that is not older
 * than the retention, as the original's whole list (ese-core/event_lists.h), and pages of it
 * (ese-core/event_pages.h).
 *
 * Whoever asks is answered with all that the owner has told to be stored before; a list, and the
 * page that says that there is nothing more, know what others have stored by then, too.
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
    int64_t view_bytes;
    struct ese_metrics *metrics;
    /* False while nothing is to be answered; then text says why. Any thread. */
    bool (*goes_on)(void *context, char *text, size_t size);
    void *context;
};

/* Does not wait for the cluster. */
int ese_listing_open(const struct ese_config *config, const struct ese_listing_options *options,
                     struct ese_listing **listing, struct ese_error *error);

/* As its reader knows it; the listing's. */
const struct ese_cluster *ese_listing_cluster(const struct ese_listing *listing);

/* Answers GET /events, later. The HTTP server's thread. */
void ese_listing_handle(struct ese_listing *listing, struct ese_http_request *request);

/* An event was stored there, and is about to be acknowledged: no answer from now on lacks it. Any
 * thread. */
void ese_listing_stored(struct ese_listing *listing, int32_t partition, int64_t offset);

/* Nothing is begun any more, and what is held is answered. Returns once goes_on has ended what is
 * under way; it is not called again. */
void ese_listing_stop(struct ese_listing *listing);

/* NULL behind the pointer is allowed; nulls it. */
void ese_listing_close(struct ese_listing **listing);

#endif
