/*
 * http_worker.h - a thread that answers what takes its time: no work for the one that serves all connections.
 *
 * Requests wait in a queue, and are answered one after the other, in the order in which they came. What it has no room
 * for, and what it has not begun when it ends, is refused.
 */
#ifndef ESE_HTTP_WORKER_H
#define ESE_HTTP_WORKER_H

#include "ese-core/error.h"
#include "ese-core/http_server.h"

#define ESE_HTTP_WORKER_MOST 256 /* requests that may wait */

struct ese_http_worker;

struct ese_http_worker_options {
    const char *work; /* in an error: "no thread for WORK" */
    /* Answers that the request is not taken: there are too many, or the server is stopping (why says which). The
     * thread that asks, the worker's, or the one that closes. */
    void (*refuse)(void *context, struct ese_http_request *request, const char *why);
    /* Between requests, about once a second while there are none; NULL: nothing is done then. The worker's thread. */
    void (*idle)(void *context);
    void *context;
};

int ese_http_worker_open(const struct ese_http_worker_options *options, struct ese_http_worker **worker,
                         struct ese_error *error);

/* `answer` is called with the request on the worker's thread, and answers it, then or later. Any thread. */
void ese_http_worker_ask(struct ese_http_worker *worker, struct ese_http_request *request,
                         void (*answer)(void *context, struct ese_http_request *request), void *context);

/* After what is being answered; the rest is refused. NULL behind the pointer is allowed; nulls it. */
void ese_http_worker_close(struct ese_http_worker **worker);

#endif
