/*
 * store_list.h - GET /events without a cursor: the original's answer, all that is kept, grouped by
 * ip.
 *
 *     [{"ip":"...","event_logs":[event...]}...]
 *
 * It is made while it is sent, a few events at a time, so that it needs no memory however long it
 * is, and a client that reads slowly holds up nobody. It shows the log as it was when the request
 * came, less what expires meanwhile.
 */
#ifndef ESE_TRANSPORT_HTTP_STORE_LIST_H
#define ESE_TRANSPORT_HTTP_STORE_LIST_H

#include "ese-core/http_server.h"
#include "transports/http/store_log.h"

/* Lists under way at once in a process; beyond: 503 with Retry-After. */
#define ESE_STORE_LISTS 16

/* Answers the request. The HTTP server's thread. The answer may outlive the store: it has a
 * connection to the database of its own. */
void ese_store_list_handle(struct ese_store_log *log, struct ese_http_request *request);

#endif
