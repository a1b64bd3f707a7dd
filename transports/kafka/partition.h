/*
 * partition.h - which topic an event belongs to, and one number for a partition across all topics.
 *
 * There are the topics of events, and beside them one of requests for mails, and of each topic of
 * events one of its dead letters. These are read and written by themselves: by whoever is told so by
 * the option "topic".
 *
 * The rest of the house knows a partition by one int32: topic index << 16 | the topic's own
 * partition.
 */
#ifndef ESE_KAFKA_PARTITION_H
#define ESE_KAFKA_PARTITION_H

#include <stddef.h>
#include <stdint.h>

#include "ese-core/dead_letter_event.h"
#include "ese-core/mail_request.h"
#include "ese-core/option.h"

#define ESE_KAFKA_TOPICS 2     /* of events */
#define ESE_KAFKA_TOPICS_ALL 5
#define ESE_KAFKA_TOPIC_SIZE 250 /* Kafka's 249 and the NUL */

/* The option of those faces that can be told. */
#define ESE_PARTITION_TOPIC_OPTION                                                                \
    {.name = ESE_TOPIC_OPTION, .kind = ESE_OPTION_CHOICE,                                         \
     .choices = "events|" ESE_TOPIC_MAIL_REQUESTS "|" ESE_TOPIC_DEAD_LETTERS,                     \
     .fallback = "events",                                                                        \
     .help = "events: click-events and order-events. mail-requests: that topic alone, which "     \
             "ese-mailer --intake reads and ese-consumer --mail-requests writes. dead-letters: "  \
             "dlq.click-events and dlq.order-events, which ese-consumer writes. Both always to "  \
             "the brokers themselves."}

/* Topics that are opened together: so many from that index on. */
struct ese_topic_range {
    int first;
    int count;
};
extern const struct ese_topic_range ese_partition_events;

/* The range that the option's value means. */
struct ese_topic_range ese_partition_range(const char *topic);

/* The original's names, without a prefix: "click-events", "order-events"; and "mail-requests",
 * "dlq.click-events", "dlq.order-events". */
const char *ese_partition_topic(int topic);

/* With a prefix. -1 when Kafka would not take the name. */
int ese_partition_topic_name(const char *prefix, int topic, char name[ESE_KAFKA_TOPIC_SIZE]);

/* Of events, orders have a topic of their own; everything else goes to the clicks, and its type is
 * told by ce_type. */
int ese_partition_topic_for(const char *event_type);
/* The same within a range, whose topics stand in that order: where it has but one topic, that. */
int ese_partition_topic_within(struct ese_topic_range range, const char *event_type);
/* The type of a record that does not tell its own. */
const char *ese_partition_type(int topic);

int32_t ese_partition_code(int topic, int32_t partition);
int ese_partition_code_topic(int32_t code);
int32_t ese_partition_code_partition(int32_t code);

/* "click-events-2" */
void ese_partition_name(int32_t code, char *text, size_t size);

#endif
