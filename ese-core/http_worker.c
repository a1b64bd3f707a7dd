#include "ese-core/http_worker.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"

#define IDLE_NS ESE_NS_PER_S

static const char too_many[] = "too many are reading just now: try again";
static const char stopping[] = "the server is stopping";

struct asked {
    struct ese_http_request *request;
    void (*answer)(void *context, struct ese_http_request *request);
    void *context;
};

struct ese_http_worker {
    struct ese_http_worker_options options;
    pthread_t thread;
    bool started;
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t work;
    struct asked waiting[ESE_HTTP_WORKER_MOST]; /* a ring */
    int first;
    int count;
    bool closing;
};

static void refuse(struct ese_http_worker *worker, struct ese_http_request *request, const char *why)
{
    worker->options.refuse(worker->options.context, request, why);
}

/* With the mutex. Until there is work, or, where somebody is to be called meanwhile, that time is over. */
static void wait_for_work(struct ese_http_worker *worker)
{
    int64_t until_ns = ese_clock_monotonic_ns() + IDLE_NS;
    const struct timespec until = {.tv_sec = until_ns / ESE_NS_PER_S, .tv_nsec = until_ns % ESE_NS_PER_S};
    int result = 0;

    while (worker->count == 0 && !worker->closing && result == 0)
        result = worker->options.idle != NULL ? pthread_cond_timedwait(&worker->work, &worker->mutex, &until)
                                              : pthread_cond_wait(&worker->work, &worker->mutex);
}

/* With the mutex, which is let go of while somebody's work is done. */
static void turn(struct ese_http_worker *worker)
{
    bool is_asked = worker->count > 0;
    struct asked asked = worker->waiting[worker->first];

    if (is_asked) {
        worker->first = (worker->first + 1) % ESE_HTTP_WORKER_MOST;
        worker->count--;
    }
    pthread_mutex_unlock(&worker->mutex);
    if (is_asked)
        asked.answer(asked.context, asked.request);
    else if (worker->options.idle != NULL)
        worker->options.idle(worker->options.context);
    pthread_mutex_lock(&worker->mutex);
}

static void *run(void *context)
{
    struct ese_http_worker *worker = context;

    pthread_mutex_lock(&worker->mutex);
    while (!worker->closing) {
        wait_for_work(worker);
        if (!worker->closing)
            turn(worker);
    }
    pthread_mutex_unlock(&worker->mutex);
    return NULL;
}

void ese_http_worker_ask(struct ese_http_worker *worker, struct ese_http_request *request,
                         void (*answer)(void *context, struct ese_http_request *request), void *context)
{
    pthread_mutex_lock(&worker->mutex);
    const char *why = worker->closing ? stopping : worker->count == ESE_HTTP_WORKER_MOST ? too_many : NULL;
    if (why == NULL) {
        worker->waiting[(worker->first + worker->count++) % ESE_HTTP_WORKER_MOST] =
            (struct asked){.request = request, .answer = answer, .context = context};
        pthread_cond_signal(&worker->work);
    }
    pthread_mutex_unlock(&worker->mutex);
    if (why != NULL)
        refuse(worker, request, why);
}

/* ---- life ------------------------------------------------------------------------------------ */

int ese_http_worker_open(const struct ese_http_worker_options *options, struct ese_http_worker **worker,
                         struct ese_error *error)
{
    struct ese_http_worker *opened = *worker = ese_alloc(sizeof *opened);
    pthread_condattr_t monotonic;

    opened->options = *options;
    pthread_mutex_init(&opened->mutex, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&opened->work, &monotonic);
    pthread_condattr_destroy(&monotonic);
    int failed = pthread_create(&opened->thread, NULL, run, opened);
    opened->started = failed == 0;
    if (!opened->started) {
        ese_http_worker_close(worker);
        return ese_fail(error, ESE_E_IO, "no thread for %s: %s", options->work, strerror(failed));
    }
    return 0;
}

void ese_http_worker_close(struct ese_http_worker **worker)
{
    struct ese_http_worker *closed = *worker;

    if (closed == NULL)
        return;
    *worker = NULL;
    pthread_mutex_lock(&closed->mutex);
    closed->closing = true;
    pthread_cond_signal(&closed->work);
    pthread_mutex_unlock(&closed->mutex);
    if (closed->started)
        pthread_join(closed->thread, NULL);
    for (int i = 0; i < closed->count; i++)
        refuse(closed, closed->waiting[(closed->first + i) % ESE_HTTP_WORKER_MOST].request, stopping);
    pthread_cond_destroy(&closed->work);
    pthread_mutex_destroy(&closed->mutex);
    free(closed);
}
