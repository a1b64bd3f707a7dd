/*
 * http.h - what the faces of this transport have in common: one wire, two ends.
 */
#ifndef ESE_TRANSPORT_HTTP_H
#define ESE_TRANSPORT_HTTP_H

#include "transports/transport.h"

/* Bounds of GET /events?after=. A page ends at its limit, or behind the event that takes its
 * body to ESE_HTTP_PAGE_BYTES; one that is shorter in both was all there was. */
#define ESE_HTTP_PAGE_LIMIT 1000
#define ESE_HTTP_PAGE_LIMIT_DEFAULT 100
#define ESE_HTTP_PAGE_BYTES (1024 * 1024)
#define ESE_HTTP_WAIT_MS 30000

extern const struct ese_produce_face ese_http_produce;
extern const struct ese_store_face ese_http_store;
extern const struct ese_consume_face ese_http_consume;

#endif
