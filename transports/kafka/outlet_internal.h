/*
 * outlet_internal.h - what the files of the outlet share: outlet.c sends, cluster.c asks about the
 * cluster, durable.c about what the topics keep.
 */
#ifndef ESE_KAFKA_OUTLET_INTERNAL_H
#define ESE_KAFKA_OUTLET_INTERNAL_H

#include <librdkafka/rdkafka.h>

#include "transports/kafka/outlet.h"
#include "transports/kafka/partition.h"

struct ese_outlet {
    rd_kafka_t *producer;
    rd_kafka_topic_t *topics[ESE_KAFKA_TOPICS];
    struct ese_outlet_options options;
    bool silent; /* closing: reports go nowhere */
};

#endif
