#include "transports/kafka/farewell.h"

#include "ese-core/clock.h"
#include "ese-core/log.h"

#define LIMIT_MS 2000
#define STEP_MS 50

/* What is still told here is let go: records, and that partitions are taken away, which closing waits
 * for. */
static void hear(rd_kafka_t *handle, rd_kafka_queue_t *queue)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, STEP_MS);
    if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_REBALANCE)
        rd_kafka_assign(handle, NULL);
    if (event != NULL)
        rd_kafka_event_destroy(event);
}

void ese_farewell(rd_kafka_t **handle)
{
    int64_t limit_ns = ese_clock_monotonic_ns() + LIMIT_MS * ESE_NS_PER_MS;
    rd_kafka_queue_t *queue = rd_kafka_queue_new(*handle);
    rd_kafka_error_t *refusal = rd_kafka_consumer_close_queue(*handle, queue);
    while (refusal == NULL && !rd_kafka_consumer_closed(*handle) && ese_clock_monotonic_ns() < limit_ns)
        hear(*handle, queue);
    if (refusal == NULL && !rd_kafka_consumer_closed(*handle))
        ese_log_debug("the group has not answered within %d ms, and is left without", LIMIT_MS);
    if (refusal != NULL)
        rd_kafka_error_destroy(refusal);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy_flags(*handle, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    *handle = NULL;
}
