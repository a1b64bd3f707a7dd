/*
 * store_pages.h - what GET /events?after= is answered from: the log, by offset
 * (ese-core/event_pages.h). A cursor is good beyond the retention by the log's grace.
 */
#ifndef ESE_TRANSPORT_HTTP_STORE_PAGES_H
#define ESE_TRANSPORT_HTTP_STORE_PAGES_H

#include "ese-core/event_pages.h"
#include "transports/http/store_log.h"

struct ese_store_pages;

int ese_store_pages_open(struct ese_store_log *log, struct ese_metrics *metrics,
                         struct ese_store_pages **pages, struct ese_error *error);

struct ese_event_pages *ese_store_pages_of(const struct ese_store_pages *pages);

/* NULL behind the pointer is allowed; nulls it. */
void ese_store_pages_close(struct ese_store_pages **pages);

#endif
