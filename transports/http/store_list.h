/*
 * store_list.h - GET /events without a cursor: the original's answer, all that is kept, grouped by
 * ip.
 *
 *     [{"ip":"...","event_logs":[event...]}...]
 *
 * A thread of its own sorts; the answer is made while it is sent, a few events at a time, so that
 * it needs no memory however long it is, and a client that reads slowly holds up nobody. It shows
 * the log as it was when it was sorted, less what is deleted meanwhile. (An index over ip would
 * need no sorting, and cost every event more than storing it does: those who read by cursor would
 * pay for those who do not.)
 */
#ifndef ESE_TRANSPORT_HTTP_STORE_LIST_H
#define ESE_TRANSPORT_HTTP_STORE_LIST_H

#include "ese-core/http_server.h"
#include "transports/http/store_log.h"

/* Lists under way at once in a process; beyond: 503 with Retry-After. */
#define ESE_STORE_LISTS 16

struct ese_store_lists;

int ese_store_lists_open(struct ese_store_log *log, struct ese_store_lists **lists,
                         struct ese_error *error);

/* Answers the request, later. The HTTP server's thread. */
void ese_store_lists_handle(struct ese_store_lists *lists, struct ese_http_request *request);

/* Refuses what is not begun. What is being sent goes on without us: it has a connection to the
 * database of its own. */
void ese_store_lists_close(struct ese_store_lists **lists);

#endif
