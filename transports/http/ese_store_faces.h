/*
 * ese_store_faces.h - the faces of the lesson "http+ese-store" that are its own.
 */
#ifndef ESE_TRANSPORT_HTTP_ESE_STORE_FACES_H
#define ESE_TRANSPORT_HTTP_ESE_STORE_FACES_H

#include "transports/transport.h"

extern const struct ese_store_face ese_http_ese_store;
extern const struct ese_consume_face ese_http_ese_store_consume;

#endif
