#include "transports/kafka/cluster.h"

#include "transports/kafka/connection.h"

/* ---- the topics ---------------------------------------------------------------------------- */

int ese_cluster_open(struct ese_cluster *cluster, rd_kafka_t *handle, struct ese_topic_range range,
                     const char *prefix, struct ese_error *error)
{
    cluster->handle = handle;
    cluster->range = range;
    for (int i = range.first; i < range.first + range.count; i++) {
        char name[ESE_KAFKA_TOPIC_SIZE];
        if (ese_partition_topic_name(prefix, i, name) == -1)
            return ese_fail(error, ESE_E_USAGE, ESE_CONNECTION_PREFIX_IS_WRONG, prefix);
        cluster->topics[i] = rd_kafka_topic_new(handle, name, NULL);
        if (cluster->topics[i] == NULL)
            return ese_fail(error, ESE_E_USAGE, "topic '%.200s': %s", name,
                            rd_kafka_err2str(rd_kafka_last_error()));
    }
    return 0;
}

void ese_cluster_close(struct ese_cluster *cluster)
{
    for (int i = 0; i < ESE_KAFKA_TOPICS_ALL; i++) {
        if (cluster->topics[i] != NULL)
            rd_kafka_topic_destroy(cluster->topics[i]);
        cluster->topics[i] = NULL;
    }
}

int ese_cluster_count_partitions(rd_kafka_t *handle, const char *name, int timeout_ms)
{
    const rd_kafka_metadata_t *metadata = NULL;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(handle, name, NULL);
    rd_kafka_resp_err_t result = rd_kafka_metadata(handle, 0, topic, &metadata, timeout_ms);
    rd_kafka_topic_destroy(topic);
    if (result != RD_KAFKA_RESP_ERR_NO_ERROR)
        return 0;
    int count = metadata->topic_cnt == 1 ? metadata->topics[0].partition_cnt : 0;
    rd_kafka_metadata_destroy(metadata);
    return count;
}

/* ---- whether it is there ------------------------------------------------------------------- */

/* Writes what is wrong with the topic as the metadata tell it; false when nothing is. */
static bool lacking(const rd_kafka_metadata_t *metadata, char *text, size_t size)
{
    const rd_kafka_metadata_topic_t *topic = &metadata->topics[0];
    if (metadata->topic_cnt != 1 || topic->err != RD_KAFKA_RESP_ERR_NO_ERROR ||
        topic->partition_cnt == 0) {
        snprintf(text, size, "topic '%s' is not there: `./lab kafka topics` makes it",
                 metadata->topic_cnt == 1 ? topic->topic : "?");
        return true;
    }
    for (int i = 0; i < topic->partition_cnt; i++) {
        if (topic->partitions[i].leader < 0) {
            snprintf(text, size, "partition %s-%d has no leader", topic->topic, i);
            return true;
        }
    }
    return false;
}

/* After one, librdkafka takes nothing any more. */
static bool met_fatal_error(const struct ese_cluster *cluster, char *text, size_t size)
{
    char reason[128];
    if (rd_kafka_fatal_error(cluster->handle, reason, sizeof reason) == RD_KAFKA_RESP_ERR_NO_ERROR)
        return false;
    snprintf(text, size, "the producer cannot go on, start it anew: %s", reason);
    return true;
}

bool ese_cluster_reachable(const struct ese_cluster *cluster, int timeout_ms, char *text,
                           size_t size)
{
    if (met_fatal_error(cluster, text, size))
        return false;
    const struct ese_topic_range *range = &cluster->range;
    for (int i = range->first; i < range->first + range->count; i++) {
        const rd_kafka_metadata_t *metadata = NULL;
        rd_kafka_resp_err_t result =
            rd_kafka_metadata(cluster->handle, 0, cluster->topics[i], &metadata, timeout_ms);
        if (result != RD_KAFKA_RESP_ERR_NO_ERROR) {
            char address[ESE_CONNECTION_ADDRESS_SIZE];
            snprintf(text, size, "no Kafka broker answers at %s (%s): " ESE_CONNECTION_REMEDY,
                     ese_connection_address(cluster->handle, address), rd_kafka_err2str(result));
            return false;
        }
        bool is_lacking = lacking(metadata, text, size);
        rd_kafka_metadata_destroy(metadata);
        if (is_lacking)
            return false;
    }
    return true;
}
