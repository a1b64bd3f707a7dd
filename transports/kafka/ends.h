/*
 * ends.h - asks the brokers where partitions end, on a thread of its own, so that nobody who has records in hand waits
 * for the answer: it may come as late as a fetch that the broker holds before it on the same connection.
 */
#ifndef ESE_KAFKA_ENDS_H
#define ESE_KAFKA_ENDS_H

#include <librdkafka/rdkafka.h>
#include <stdint.h>

#include "ese-core/error.h"

struct ese_ends;

/* Of this handle, which outlives it. */
int ese_ends_open(rd_kafka_t *handle, struct ese_ends **ends, struct ese_error *error);

/* Waits for the answer that is under way, at most a fifth of a second. NULL behind the pointer is allowed; nulls it. */
void ese_ends_close(struct ese_ends **ends);

/* Of these partitions; the list becomes its own. A question at a time: where one is under way, or its answer was not
 * taken yet, this one is dropped. One thread asks and takes. */
void ese_ends_ask(struct ese_ends *ends, rd_kafka_topic_partition_list_t *partitions);

/* The partitions that were asked for, each with the offset of the record to come, as of a moment not before asked_ns
 * (CLOCK_MONOTONIC); the caller's. NULL: there is no answer yet, or none has come to the last question. */
rd_kafka_topic_partition_list_t *ese_ends_take(struct ese_ends *ends, int64_t *asked_ns);

#endif
