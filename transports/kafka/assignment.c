#include "transports/kafka/assignment.h"

#include <assert.h>

int ese_assignment_name_topics(struct ese_assignment *assignment, struct ese_topic_range topics,
                               const char *prefix)
{
    assignment->topics = topics;
    for (int i = topics.first; i < topics.first + topics.count; i++) {
        if (ese_partition_topic_name(prefix, i, assignment->names[i]) == -1)
            return -1;
    }
    return 0;
}

int32_t ese_assignment_code(const struct ese_assignment *assignment, const char *topic,
                            int32_t partition)
{
    const struct ese_topic_range *topics = &assignment->topics;
    for (int i = topics->first; i < topics->first + topics->count; i++) {
        if (strcmp(assignment->names[i], topic) == 0)
            return ese_partition_code(i, partition);
    }
    return -1;
}

struct ese_held *ese_assignment_find(struct ese_assignment *assignment, int32_t code)
{
    for (int i = 0; i < assignment->count; i++) {
        if (assignment->held[i].code == code)
            return &assignment->held[i];
    }
    return NULL;
}

struct ese_held *ese_assignment_add(struct ese_assignment *assignment, int32_t code, int64_t next)
{
    assert(assignment->count < ESE_ASSIGNMENT_MOST);
    struct ese_held *held = &assignment->held[assignment->count++];
    *held = (struct ese_held){.code = code, .next = next, .processed = -1};
    return held;
}

bool ese_assignment_all_at_end(const struct ese_assignment *assignment)
{
    for (int i = 0; i < assignment->count; i++) {
        if (!assignment->held[i].at_end)
            return false;
    }
    return assignment->count > 0;
}

void ese_assignment_leave_ends(struct ese_assignment *assignment)
{
    for (int i = 0; i < assignment->count; i++)
        assignment->held[i].at_end = false;
}

static const struct ese_held *held_of(const struct ese_assignment *assignment, const rd_kafka_topic_partition_t *place)
{
    int32_t code = ese_assignment_code(assignment, place->topic, place->partition);
    for (int i = 0; i < assignment->count; i++) {
        if (assignment->held[i].code == code)
            return &assignment->held[i];
    }
    return NULL;
}

bool ese_assignment_is_of(const struct ese_assignment *assignment, const rd_kafka_topic_partition_list_t *places)
{
    for (int i = 0; i < places->cnt; i++) {
        if (held_of(assignment, &places->elems[i]) == NULL)
            return false;
    }
    return places->cnt == assignment->count;
}

bool ese_assignment_has_come_to(const struct ese_assignment *assignment, const rd_kafka_topic_partition_list_t *places)
{
    for (int i = 0; i < places->cnt; i++) {
        if (held_of(assignment, &places->elems[i])->next < places->elems[i].offset)
            return false;
    }
    return true;
}

static rd_kafka_topic_partition_t *append(rd_kafka_topic_partition_list_t *list,
                                          const struct ese_assignment *assignment, int32_t code)
{
    return rd_kafka_topic_partition_list_add(list,
                                             assignment->names[ese_partition_code_topic(code)],
                                             ese_partition_code_partition(code));
}

rd_kafka_topic_partition_list_t *ese_assignment_list(const struct ese_assignment *assignment)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(assignment->count);
    for (int i = 0; i < assignment->count; i++)
        append(list, assignment, assignment->held[i].code)->offset = assignment->held[i].next;
    return list;
}

rd_kafka_topic_partition_list_t *ese_assignment_processed(struct ese_assignment *assignment)
{
    rd_kafka_topic_partition_list_t *list = NULL;
    for (int i = 0; i < assignment->count; i++) {
        struct ese_held *held = &assignment->held[i];
        if (held->processed < 0)
            continue;
        if (list == NULL)
            list = rd_kafka_topic_partition_list_new(assignment->count);
        append(list, assignment, held->code)->offset = held->processed;
        held->processed = -1;
    }
    return list;
}
