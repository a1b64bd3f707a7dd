#include "transports/webhook/reading.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"

#define READING_MOST 256
#define IDLE_NS ESE_NS_PER_S

struct question {
    struct ese_http_request *request;
    void (*answer)(void *context, struct ese_http_request *request);
    void *context;
};

struct ese_webhook_reading {
    struct ese_webhook_reading_options options;
    pthread_t thread;
    bool started;
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t work;
    struct question waiting[READING_MOST]; /* a ring */
    int first;
    int count;
    bool closing;
};

static void refuse(struct ese_http_request *request, const char *why)
{
    ese_http_request_add_header(request, "Retry-After", "1");
    ese_http_reply(request, 503, "text/plain; charset=UTF-8", why, strlen(why));
}

/* With the mutex. False: there was none for a while. */
static bool take(struct ese_webhook_reading *reading, struct question *question)
{
    int64_t until_ns = ese_clock_monotonic_ns() + IDLE_NS;
    const struct timespec until = {.tv_sec = until_ns / ESE_NS_PER_S, .tv_nsec = until_ns % ESE_NS_PER_S};

    while (reading->count == 0 && !reading->closing) {
        if (pthread_cond_timedwait(&reading->work, &reading->mutex, &until) != 0)
            return false;
    }
    if (reading->count == 0)
        return false;
    *question = reading->waiting[reading->first];
    reading->first = (reading->first + 1) % READING_MOST;
    reading->count--;
    return true;
}

static void *run(void *context)
{
    struct ese_webhook_reading *reading = context;
    struct question question;

    pthread_mutex_lock(&reading->mutex);
    while (!reading->closing) {
        bool is_asked = take(reading, &question);
        bool is_closing = reading->closing;
        pthread_mutex_unlock(&reading->mutex);
        if (is_asked && is_closing)
            refuse(question.request, "the server is stopping\n");
        else if (is_asked)
            question.answer(question.context, question.request);
        else if (!is_closing && reading->options.idle != NULL)
            reading->options.idle(reading->options.context);
        pthread_mutex_lock(&reading->mutex);
    }
    pthread_mutex_unlock(&reading->mutex);
    return NULL;
}

void ese_webhook_reading_ask(struct ese_webhook_reading *reading, struct ese_http_request *request,
                             void (*answer)(void *context, struct ese_http_request *request), void *context)
{
    pthread_mutex_lock(&reading->mutex);
    bool has_room = reading->count < READING_MOST && !reading->closing;
    if (has_room) {
        reading->waiting[(reading->first + reading->count++) % READING_MOST] =
            (struct question){.request = request, .answer = answer, .context = context};
        pthread_cond_signal(&reading->work);
    }
    pthread_mutex_unlock(&reading->mutex);
    if (!has_room)
        refuse(request, "too many are reading just now: try again\n");
}

int ese_webhook_reading_open(const struct ese_webhook_reading_options *options, struct ese_webhook_reading **reading,
                             struct ese_error *error)
{
    struct ese_webhook_reading *opened = *reading = ese_alloc(sizeof(*opened));
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
        ese_webhook_reading_close(reading);
        return ese_fail(error, ESE_E_IO, "no thread for reading: %s", strerror(failed));
    }
    return 0;
}

void ese_webhook_reading_close(struct ese_webhook_reading **reading)
{
    struct ese_webhook_reading *closed = *reading;

    if (closed == NULL)
        return;
    *reading = NULL;
    pthread_mutex_lock(&closed->mutex);
    closed->closing = true;
    pthread_cond_signal(&closed->work);
    pthread_mutex_unlock(&closed->mutex);
    if (closed->started)
        pthread_join(closed->thread, NULL);
    for (int i = 0; i < closed->count; i++)
        refuse(closed->waiting[(closed->first + i) % READING_MOST].request, "the server is stopping\n");
    pthread_cond_destroy(&closed->work);
    pthread_mutex_destroy(&closed->mutex);
    free(closed);
}
