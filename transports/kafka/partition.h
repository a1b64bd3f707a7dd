/*
 * partition.h - which topic an event belongs to, and one number for a partition across all topics.
 *
 * The rest of the house knows a partition by one int32: topic index << 16 | the topic's own
 * partition.
 */
#ifndef ESE_KAFKA_PARTITION_H
#define ESE_KAFKA_PARTITION_H

#include <stddef.h>
#include <stdint.h>

#define ESE_KAFKA_TOPICS 2
#define ESE_KAFKA_TOPIC_SIZE 250 /* Kafka's 249 and the NUL */

/* The original's names, without a prefix: "click-events", "order-events". */
const char *ese_partition_topic(int topic);

/* With a prefix. -1 when Kafka would not take the name. */
int ese_partition_topic_name(const char *prefix, int topic, char name[ESE_KAFKA_TOPIC_SIZE]);

/* Orders have a topic of their own; everything else goes to the clicks, and its type is told by
 * ce_type. */
int ese_partition_topic_for(const char *event_type);
/* The type of a record that does not tell its own. */
const char *ese_partition_type(int topic);

int32_t ese_partition_code(int topic, int32_t partition);
int ese_partition_code_topic(int32_t code);
int32_t ese_partition_code_partition(int32_t code);

/* "click-events-2" */
void ese_partition_name(int32_t code, char *text, size_t size);

#endif
