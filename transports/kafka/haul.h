/*
 * haul.h - what was read of the brokers' records for one batch. One thread at a time.
 */
#ifndef ESE_KAFKA_HAUL_H
#define ESE_KAFKA_HAUL_H

#include <librdkafka/rdkafka.h>

#include "transports/kafka/assignment.h"
#include "transports/transport.h"
#include "transports/unreadable.h"

struct ese_haul {
    int most;                   /* records */
    struct ese_record *records; /* NULL: not needed yet */
    int count;
    struct ese_batch passed_over; /* of it, what is no event; */
    struct ese_unreadable spoilt[ESE_UNREADABLE_MOST];
    char *bytes[ESE_UNREADABLE_MOST]; /* theirs */
};

bool ese_haul_is_full(const struct ese_haul *haul);
/* How many records there are in it, events and others. */
int ese_haul_found(const struct ese_haul *haul);

/* Takes along the message, a record of the partition that is held, which it moves on; there is room. */
void ese_haul_take(struct ese_haul *haul, const rd_kafka_message_t *message, struct ese_held *held);

/* Lets go of what is in it. */
void ese_haul_clear(struct ese_haul *haul);
/* And of its memory. */
void ese_haul_free(struct ese_haul *haul);

#endif
