#include "transports/kafka/partition.h"

#include <assert.h>

#include "ese-core/event.h"
#include "ese-core/memory.h"

static const struct {
    const char *name;
    const char *event_type;
} topics[ESE_KAFKA_TOPICS_ALL] = {
    {"click-events", ESE_TYPE_CLICK},
    {"order-events", ESE_TYPE_ORDER},
    {ESE_TOPIC_MAIL_REQUESTS, ESE_TYPE_MAIL_REQUEST},
    {"dlq.click-events", ESE_TYPE_CLICK},
    {"dlq.order-events", ESE_TYPE_ORDER},
};

static const struct {
    const char *word;
    struct ese_topic_range range;
} ranges[] = {
    {ESE_TOPIC_MAIL_REQUESTS, {.first = ESE_KAFKA_TOPICS, .count = 1}},
    {ESE_TOPIC_DEAD_LETTERS, {.first = ESE_KAFKA_TOPICS + 1, .count = ESE_KAFKA_TOPICS}},
};

const struct ese_topic_range ese_partition_events = {.first = 0, .count = ESE_KAFKA_TOPICS};

struct ese_topic_range ese_partition_range(const char *topic)
{
    for (size_t i = 0; i < ESE_COUNT_OF(ranges); i++) {
        if (strcmp(ranges[i].word, topic) == 0)
            return ranges[i].range;
    }
    return ese_partition_events;
}

const char *ese_partition_topic(int topic)
{
    assert(topic >= 0 && topic < ESE_KAFKA_TOPICS_ALL);
    return topics[topic].name;
}

int ese_partition_topic_name(const char *prefix, int topic, char name[ESE_KAFKA_TOPIC_SIZE])
{
    static const char legal[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    int written = snprintf(name, ESE_KAFKA_TOPIC_SIZE, "%s%s", prefix, ese_partition_topic(topic));
    return written < ESE_KAFKA_TOPIC_SIZE && prefix[strspn(prefix, legal)] == '\0' ? 0 : -1;
}

int ese_partition_topic_for(const char *event_type)
{
    return strcmp(event_type, ESE_TYPE_ORDER) == 0 ? 1 : 0;
}

int ese_partition_topic_within(struct ese_topic_range range, const char *event_type)
{
    return range.first + (range.count == 1 ? 0 : ese_partition_topic_for(event_type));
}

const char *ese_partition_type(int topic)
{
    assert(topic >= 0 && topic < ESE_KAFKA_TOPICS_ALL);
    return topics[topic].event_type;
}

int32_t ese_partition_code(int topic, int32_t partition)
{
    assert(partition >= 0 && partition < 1 << 16);
    return (int32_t)(topic << 16) | partition;
}

int ese_partition_code_topic(int32_t code)
{
    return code >> 16;
}

int32_t ese_partition_code_partition(int32_t code)
{
    return code & 0xffff;
}

void ese_partition_name(int32_t code, char *text, size_t size)
{
    int topic = ese_partition_code_topic(code);
    if (code < 0 || topic >= ESE_KAFKA_TOPICS_ALL)
        snprintf(text, size, "partition %d", (int)code);
    else
        snprintf(text, size, "%s-%d", topics[topic].name, (int)ese_partition_code_partition(code));
}
