/*
 * reading.h - a thread that answers what takes reading: no work for the one that serves all connections.
 *
 * Requests wait in a queue of READING_MOST; beyond, one is answered 503 with Retry-After.
 */
#ifndef ESE_WEBHOOK_READING_H
#define ESE_WEBHOOK_READING_H

#include "ese-core/error.h"
#include "ese-core/http_server.h"

struct ese_webhook_reading;

struct ese_webhook_reading_options {
    /* Between requests, about once a second while there are none; NULL: nothing is done then. */
    void (*idle)(void *context);
    void *context;
};

int ese_webhook_reading_open(const struct ese_webhook_reading_options *options, struct ese_webhook_reading **reading,
                             struct ese_error *error);

/* `answer` is called with the request on the thread, and answers it. The HTTP server's thread. */
void ese_webhook_reading_ask(struct ese_webhook_reading *reading, struct ese_http_request *request,
                             void (*answer)(void *context, struct ese_http_request *request), void *context);

/* What was not begun is answered 503. NULL behind the pointer is allowed; nulls it. */
void ese_webhook_reading_close(struct ese_webhook_reading **reading);

#endif
