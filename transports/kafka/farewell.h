/*
 * farewell.h - a consumer's handle is left behind, within a limit.
 *
 * rd_kafka_consumer_close waits until the last commit is answered and the group has heard of it; where the
 * broker has died at the wrong moment, librdkafka 2.0 waits for ever.
 *
 * So does rd_kafka_assign, with which it is to be answered that partitions are taken away: where the group is done
 * with, while that call is on its way, what was asked is thrown away without an answer (rd_kafka_cgrp_terminated of
 * 2.0.2; seen where a member stops amid the rebalances of its start, on a machine with no processor to spare).
 */
#ifndef ESE_KAFKA_FAREWELL_H
#define ESE_KAFKA_FAREWELL_H

#include <librdkafka/rdkafka.h>

/* Leaves the group, sends what is to be committed, and destroys the handle; after two seconds without an
 * end of that it destroys it at once, or, while the answer to a call is still owed, leaves it as it is. Partitions must
 * have been given back before: the handle's callback is not told. Nulls the handle. */
void ese_farewell(rd_kafka_t **handle);

#endif
