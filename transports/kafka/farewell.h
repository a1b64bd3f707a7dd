/*
 * farewell.h - a consumer's handle is left behind, within a limit.
 *
 * rd_kafka_consumer_close waits until the last commit is answered and the group has heard of it; where the
 * broker has died at the wrong moment, librdkafka 2.0 waits for ever.
 */
#ifndef ESE_KAFKA_FAREWELL_H
#define ESE_KAFKA_FAREWELL_H

#include <librdkafka/rdkafka.h>

/* Leaves the group, sends what is to be committed, and destroys the handle; after two seconds without an
 * end of that it destroys it at once. Partitions must have been given back before: the handle's callback is
 * not told. Nulls the handle. */
void ese_farewell(rd_kafka_t **handle);

#endif
