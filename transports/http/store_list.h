/*
 * store_list.h - what the original's whole list is made from: the log, sorted by ip.
 *
 * A connection of its own sorts; what it hands is read while it is sent, so that it needs no memory
 * however long it is. It shows the log as it was when it was sorted, less what is deleted
 * meanwhile. (An index over ip would need no sorting, and cost every event more than storing it
 * does: those who read by cursor would pay for those who do not.)
 */
#ifndef ESE_TRANSPORT_HTTP_STORE_LIST_H
#define ESE_TRANSPORT_HTTP_STORE_LIST_H

#include "ese-core/event_lists.h"
#include "transports/http/store_log.h"

/* What is being sent when the lists are closed has a connection to the database of its own. */
int ese_store_lists_open(struct ese_store_log *log, struct ese_event_lists **lists,
                         struct ese_error *error);

#endif
