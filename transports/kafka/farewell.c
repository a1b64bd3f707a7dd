#include "transports/kafka/farewell.h"

#include <pthread.h>
#include <stdbool.h>
#include <time.h>

#include "ese-core/clock.h"
#include "ese-core/log.h"

#define LIMIT_MS 2000
#define STEP_MS 50

struct farewell {
    rd_kafka_t *handle;
    rd_kafka_queue_t *queue;
    int64_t limit_ns;
    pthread_t answerer; /* where one is out */
    bool is_out;
};

static bool is_over(const struct farewell *farewell)
{
    return ese_clock_monotonic_ns() >= farewell->limit_ns;
}

/* ---- answering ------------------------------------------------------------------------------- */

/* This is what may never come back (farewell.h). */
static void *give_back(void *handle)
{
    rd_kafka_assign(handle, NULL);
    return NULL;
}

/* Whether whoever was out is back, within the limit. */
static bool is_back(struct farewell *farewell)
{
    if (!farewell->is_out)
        return true;
    int64_t left_ns = farewell->limit_ns - ese_clock_monotonic_ns();
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until); /* as pthread_timedjoin_np counts */
    int64_t until_ns = until.tv_nsec + (left_ns > 0 ? left_ns : 0);
    until.tv_sec += until_ns / ESE_NS_PER_S;
    until.tv_nsec = until_ns % ESE_NS_PER_S;
    farewell->is_out = pthread_timedjoin_np(farewell->answerer, NULL, &until) != 0;
    return !farewell->is_out;
}

/* On a thread of its own. Where there is none to be had it is left to the limit. */
static void answer(struct farewell *farewell)
{
    if (is_back(farewell))
        farewell->is_out = pthread_create(&farewell->answerer, NULL, give_back, farewell->handle) == 0;
}

/* What is still told here is let go: records, and that partitions are taken away, which closing waits
 * for. */
static void hear(struct farewell *farewell)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(farewell->queue, STEP_MS);
    if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_REBALANCE)
        answer(farewell);
    if (event != NULL)
        rd_kafka_event_destroy(event);
}

/* ---- leaving --------------------------------------------------------------------------------- */

static void close_group(struct farewell *farewell)
{
    rd_kafka_error_t *refusal = rd_kafka_consumer_close_queue(farewell->handle, farewell->queue);
    while (refusal == NULL && !rd_kafka_consumer_closed(farewell->handle) && !is_over(farewell))
        hear(farewell);
    if (refusal == NULL && !rd_kafka_consumer_closed(farewell->handle))
        ese_log_debug("the group has not answered within %d ms, and is left without", LIMIT_MS);
    if (refusal != NULL)
        rd_kafka_error_destroy(refusal);
}

void ese_farewell(rd_kafka_t **handle)
{
    struct farewell farewell = {.handle = *handle, .queue = rd_kafka_queue_new(*handle)};
    farewell.limit_ns = ese_clock_monotonic_ns() + LIMIT_MS * ESE_NS_PER_MS;
    *handle = NULL;
    close_group(&farewell);
    rd_kafka_queue_destroy(farewell.queue);
    if (is_back(&farewell)) {
        rd_kafka_destroy_flags(farewell.handle, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
        return;
    }
    ese_log_debug("librdkafka still owes an answer; its handle is left as it is");
    pthread_detach(farewell.answerer);
}
