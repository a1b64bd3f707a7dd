/*
 * durable.c - whether the topics keep what a durability level promises. Part of the cluster.
 */
#include "ese-core/memory.h"
#include "ese-core/number.h"
#include "transports/kafka/cluster.h"

struct demand {
    enum ese_durability durability;
    const char *property;
    int64_t least, most;
};

static const struct demand demands[] = {
    {ESE_DURABILITY_DISK, "flush.messages", 1, 1},
    {ESE_DURABILITY_REPLICAS, "min.insync.replicas", 2, 100},
};

static bool meets(const rd_kafka_ConfigResource_t *resource, const struct demand *demand)
{
    size_t count = 0;
    int64_t number = 0;
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(resource, &count);
    for (size_t i = 0; i < count; i++) {
        const char *value = rd_kafka_ConfigEntry_value(entries[i]);
        if (strcmp(rd_kafka_ConfigEntry_name(entries[i]), demand->property) == 0)
            return value != NULL &&
                   ese_number_parse(value, demand->property, demand->least, demand->most,
                                    &number, NULL) == 0;
    }
    return false;
}

static rd_kafka_event_t *describe(const struct ese_cluster *cluster, rd_kafka_queue_t *queue,
                                  int timeout_ms)
{
    char reason[128];
    rd_kafka_ConfigResource_t *asked[ESE_KAFKA_TOPICS_ALL];
    const struct ese_topic_range *range = &cluster->range;
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(cluster->handle, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, reason, sizeof reason);
    for (int i = 0; i < range->count; i++)
        asked[i] = rd_kafka_ConfigResource_new(
            RD_KAFKA_RESOURCE_TOPIC, rd_kafka_topic_name(cluster->topics[range->first + i]));
    rd_kafka_DescribeConfigs(cluster->handle, asked, (size_t)range->count, options, queue);
    rd_kafka_ConfigResource_destroy_array(asked, (size_t)range->count);
    rd_kafka_AdminOptions_destroy(options);
    return rd_kafka_queue_poll(queue, timeout_ms + 500);
}

static bool all_meet(rd_kafka_event_t *event, const struct demand *demand, char *text, size_t size)
{
    size_t count = 0;
    if (event == NULL || rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        snprintf(text, size, "the topics' properties cannot be read: %s",
                 event == NULL ? "no answer" : rd_kafka_event_error_string(event));
        return false;
    }
    const rd_kafka_ConfigResource_t **resources =
        rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event),
                                                  &count);
    for (size_t i = 0; i < count; i++) {
        if (!meets(resources[i], demand)) {
            snprintf(text, size, "topic %s does not keep --durability %s: %s must be %d%s",
                     rd_kafka_ConfigResource_name(resources[i]),
                     ese_durability_name(demand->durability), demand->property, (int)demand->least,
                     demand->most > demand->least ? " or more" : "");
            return false;
        }
    }
    return true;
}

bool ese_cluster_durable(const struct ese_cluster *cluster, enum ese_durability durability,
                         int timeout_ms, char *text, size_t size)
{
    for (size_t i = 0; i < ESE_COUNT_OF(demands); i++) {
        if (demands[i].durability != durability)
            continue;
        rd_kafka_queue_t *queue = rd_kafka_queue_new(cluster->handle);
        rd_kafka_event_t *event = describe(cluster, queue, timeout_ms);
        bool met = all_meet(event, &demands[i], text, size);
        if (event != NULL)
            rd_kafka_event_destroy(event);
        rd_kafka_queue_destroy(queue);
        return met;
    }
    return true;
}
