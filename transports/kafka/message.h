/*
 * message.h - a record as librdkafka hands it, read as an event (record.h).
 */
#ifndef ESE_KAFKA_MESSAGE_H
#define ESE_KAFKA_MESSAGE_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>

#include "ese-core/error.h"
#include "ese-core/event.h"

/* topic: index, see partition.h. The event must have been initialised. False: the record is no
 * event, which is logged for who debugs, and said in reason; the event is empty. */
bool ese_message_read(const rd_kafka_message_t *message, int topic, struct ese_event *event,
                      struct ese_error *reason);

#endif
