/*
 * store_pages.h - GET /events?after=CURSOR&limit=N&wait=MS, on a thread of its own.
 *
 * Reading a page takes as long as its rows need: that is no work for the thread that serves all
 * connections. A request for what is not there yet is held (a long poll) until a commit brings
 * something or its time is over. How many are held is bounded by the server's connections.
 */
#ifndef ESE_TRANSPORT_HTTP_STORE_PAGES_H
#define ESE_TRANSPORT_HTTP_STORE_PAGES_H

#include "ese-core/http_server.h"
#include "ese-core/metrics.h"
#include "transports/http/store_log.h"

struct ese_store_pages;

int ese_store_pages_open(struct ese_store_log *log, struct ese_metrics *metrics,
                         struct ese_store_pages **pages, struct ese_error *error);

/* Answers the request, now with what is wrong with its query, or later. The HTTP server's
 * thread. */
void ese_store_pages_handle(struct ese_store_pages *pages, struct ese_http_request *request);

/* There is something new: every request that is held is looked at once. Any thread. */
void ese_store_pages_wake(struct ese_store_pages *pages);

/* Answers all that are held. */
void ese_store_pages_close(struct ese_store_pages **pages);

#endif
