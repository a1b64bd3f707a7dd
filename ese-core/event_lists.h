/*
 * event_lists.h - GET /events without a cursor: the original's answer, all that is kept, grouped by
 * ip.
 *
 *     [{"ip":"...","event_logs":[event...]}...]
 *
 * A thread of its own has the store gather the events, sorted; the answer is made while it is sent,
 * a few events at a time, so that a client that reads slowly holds up nobody.
 */
#ifndef ESE_EVENT_LISTS_H
#define ESE_EVENT_LISTS_H

#include <stdbool.h>

#include "ese-core/event.h"
#include "ese-core/http_server.h"

/* Lists under way at once in a process, at most. */
#define ESE_EVENT_LISTS 16

struct ese_event_lists;

/* Takes an event, which is its to read during the call only. False: wants no more just now. */
typedef bool ese_event_visit(void *context, const struct ese_event *event);

/* Where the events come from. What was gathered belongs to one answer, and may outlive the
 * store. */
struct ese_event_lists_source {
    /* Makes all events ready, sorted by ip. The lists' own thread; may take its time. -1: the
     * request is answered with the error's text, 413 where it is ESE_E_FULL: there are more events
     * than a list may have; else 503 with Retry-After. */
    int (*gather)(void *context, void **gathered, struct ese_error *error);
    /* Hands the events behind those handed before, until visit wants no more: then 1. 0: that was
     * all. The HTTP server's thread. */
    int (*hand)(void *gathered, ese_event_visit *visit, void *visit_context,
                struct ese_error *error);
    void (*release)(void *gathered); /* any thread */
    void *context;
    int most; /* lists under way at once, 1 to ESE_EVENT_LISTS; beyond: 503 with Retry-After */
};

int ese_event_lists_open(const struct ese_event_lists_source *source,
                         struct ese_event_lists **lists, struct ese_error *error);

/* Answers the request, later. The HTTP server's thread. */
void ese_event_lists_handle(struct ese_event_lists *lists, struct ese_http_request *request);

/* Whether the query asks for a page of the log (`after`, `limit`, `wait`) and not for the list. */
bool ese_event_lists_page_asked(const struct ese_http_request *request);

/* Refuses what is not begun, after the gathering under way; what is being sent goes on without us.
 * NULL behind the pointer is allowed; nulls it. */
void ese_event_lists_close(struct ese_event_lists **lists);

#endif
