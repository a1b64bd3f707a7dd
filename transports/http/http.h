/*
 * http.h - what the faces of this transport have in common: one wire, two ends.
 */
#ifndef ESE_TRANSPORT_HTTP_H
#define ESE_TRANSPORT_HTTP_H

#include "transports/transport.h"

extern const struct ese_produce_face ese_http_produce;
extern const struct ese_store_face ese_http_store;
extern const struct ese_consume_face ese_http_consume;

#endif
