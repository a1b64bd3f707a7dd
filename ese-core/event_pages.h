/*
 * event_pages.h - GET /events?after=CURSOR&limit=N&wait=MS, one for all stores, on a thread of its
 * own.
 *
 *     {"events":[event...],"next":CURSOR}
 *
 * Reading a page takes as long as the store needs: that is no work for the thread that serves all
 * connections. A request for what is not there yet is held (a long poll) until the store says that
 * there is something new or its time is over. At most half of the server's connections are held, so that
 * others come in; beyond, a request is answered as if its time were over. What a cursor looks like is the
 * store's business alone.
 */
#ifndef ESE_EVENT_PAGES_H
#define ESE_EVENT_PAGES_H

#include <stdbool.h>

#include "ese-core/buffer.h"
#include "ese-core/http_server.h"
#include "ese-core/metrics.h"

/* A page ends at its limit, or at the latest behind the event that takes its body to
 * ESE_EVENT_PAGE_BYTES; ESE_EVENT_PAGE_MOST is what it may come to where a store begins several
 * parts of it side by side. */
#define ESE_EVENT_PAGE_LIMIT 1000
#define ESE_EVENT_PAGE_LIMIT_DEFAULT 100
#define ESE_EVENT_PAGE_BYTES (1024 * 1024)
#define ESE_EVENT_PAGE_MOST (4 * ESE_EVENT_PAGE_BYTES)
#define ESE_EVENT_PAGE_WAIT_MS 30000

struct ese_event_pages;

struct ese_event_pages_reading {
    const char *after; /* a cursor, as it came; or "earliest", or "latest" */
    int limit; /* events; of a store of several partitions, at least one of each may come */
    bool again; /* it was read before, and there was nothing */
    struct ese_buffer *body; /* the events are appended here, separated by commas */
    int count;               /* filled: events appended */
    struct ese_buffer *next; /* filled: the cursor behind them */
};

struct ese_event_pages_source {
    /* Reads one page. -1: ESE_E_INVALID is answered 400, ESE_E_GONE 410 with `next`, which is then
     * the oldest place that can be read, everything else 503. The pages' own thread. */
    int (*read)(void *context, struct ese_event_pages_reading *reading, struct ese_error *error);
    void *context;
};

int ese_event_pages_open(const struct ese_event_pages_source *source, struct ese_metrics *metrics,
                         struct ese_event_pages **pages, struct ese_error *error);

/* Answers the request, now with what is wrong with its query, or later. The HTTP server's
 * thread. */
void ese_event_pages_handle(struct ese_event_pages *pages, struct ese_http_request *request);

/* There is something new: every request that is held is looked at once. Any thread. */
void ese_event_pages_wake(struct ese_event_pages *pages);

/* Answers all that are held. NULL behind the pointer is allowed; nulls it. */
void ese_event_pages_close(struct ese_event_pages **pages);

#endif
