/*
 * kafka.h - the faces of this transport.
 */
#ifndef ESE_TRANSPORT_KAFKA_H
#define ESE_TRANSPORT_KAFKA_H

#include "transports/transport.h"

extern const struct ese_produce_face ese_kafka_produce;
extern const struct ese_store_face ese_kafka_store;
extern const struct ese_consume_face ese_kafka_consume;

#endif
