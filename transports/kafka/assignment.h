/*
 * assignment.h - the partitions a consumer holds, and where it stands in each.
 */
#ifndef ESE_KAFKA_ASSIGNMENT_H
#define ESE_KAFKA_ASSIGNMENT_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>

#include "transports/kafka/partition.h"

#define ESE_ASSIGNMENT_MOST 256

struct ese_held {
    int32_t code;
    /* the offset of the record to come; RD_KAFKA_OFFSET_BEGINNING or _END before the first */
    int64_t next;
    int64_t processed; /* acknowledged up to here and not committed yet; -1: nothing */
    bool at_end;       /* nothing came since the broker last said that this is the end */
};

struct ese_assignment {
    struct ese_topic_range topics;
    char names[ESE_KAFKA_TOPICS_ALL][ESE_KAFKA_TOPIC_SIZE]; /* with the prefix; of its topics */
    struct ese_held held[ESE_ASSIGNMENT_MOST];
    int count;
};

/* -1 when the prefix makes no topic name. */
int ese_assignment_name_topics(struct ese_assignment *assignment, struct ese_topic_range topics,
                               const char *prefix);

/* The partition's code, or -1 for a topic that is not ours. */
int32_t ese_assignment_code(const struct ese_assignment *assignment, const char *topic,
                            int32_t partition);

/* NULL: not held. */
struct ese_held *ese_assignment_find(struct ese_assignment *assignment, int32_t code);
struct ese_held *ese_assignment_add(struct ese_assignment *assignment, int32_t code, int64_t next);

/* and it holds at least one */
bool ese_assignment_all_at_end(const struct ese_assignment *assignment);
void ese_assignment_leave_ends(struct ese_assignment *assignment);

/* Whether these are the partitions that are held; and, of such, whether it stands at their offsets, or behind. */
bool ese_assignment_is_of(const struct ese_assignment *assignment, const rd_kafka_topic_partition_list_t *places);
bool ese_assignment_has_come_to(const struct ese_assignment *assignment,
                                const rd_kafka_topic_partition_list_t *places);

/* Everything held as librdkafka's list, at `next`; the caller destroys it. */
rd_kafka_topic_partition_list_t *ese_assignment_list(const struct ese_assignment *assignment);
/* What is processed and not committed yet, which then counts as committed; NULL when there is
 * nothing. */
rd_kafka_topic_partition_list_t *ese_assignment_processed(struct ese_assignment *assignment);

#endif
