#include "transports/kafka/partition.h"

#include <assert.h>

#include "ese-core/event.h"

static const struct {
    const char *name;
    const char *event_type;
} topics[ESE_KAFKA_TOPICS_ALL] = {
    {"click-events", ESE_TYPE_CLICK},
    {"order-events", ESE_TYPE_ORDER},
    {ESE_TOPIC_MAIL_REQUESTS, ESE_TYPE_MAIL_REQUEST},
};

const struct ese_topic_range ese_partition_events = {.first = 0, .count = ESE_KAFKA_TOPICS};

struct ese_topic_range ese_partition_range(const char *topic)
{
    for (int i = ESE_KAFKA_TOPICS; i < ESE_KAFKA_TOPICS_ALL; i++) {
        if (strcmp(topics[i].name, topic) == 0)
            return (struct ese_topic_range){.first = i, .count = 1};
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
    return range.count == 1 ? range.first : ese_partition_topic_for(event_type);
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
