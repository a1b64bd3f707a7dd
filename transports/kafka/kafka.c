/*
 * kafka.c - the transport "kafka": topics of partitions on Apache Kafka. Promises and faces.
 */
#include "transports/kafka/kafka.h"

extern const struct ese_transport ese_transport_kafka;

const struct ese_transport ese_transport_kafka = {
    .name = "kafka",
    .summary = "topics and partitions on Apache Kafka, read by a group whose members share the "
               "work",
    .promises =
        {
            .delivery = ESE_DELIVERY_AT_LEAST_ONCE,
            .ordered_per_key = true,
            .replayable = true,
            .positions_survive = true,
            .shares_work = true,
            .retry_stored_once = false,
            .slow_consumer_holds_producers = false,
            .durability = ESE_DURABILITY_OS | ESE_DURABILITY_DISK | ESE_DURABILITY_REPLICAS,
            .notes = "By via=server a retry across the server's death, or after an unknown "
                     "outcome, may be stored twice: the consumer recognises it by its id.",
        },
    .produce = &ese_kafka_produce,
    .store = &ese_kafka_store,
    .consume = &ese_kafka_consume,
};
