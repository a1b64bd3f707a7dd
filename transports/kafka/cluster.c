/*
 * cluster.c - whether the cluster is there and serves both topics. Part of the outlet.
 */
#include "transports/kafka/connection.h"
#include "transports/kafka/outlet_internal.h"

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
static bool met_fatal_error(struct ese_outlet *outlet, char *text, size_t size)
{
    char reason[128];
    if (rd_kafka_fatal_error(outlet->producer, reason, sizeof reason) == RD_KAFKA_RESP_ERR_NO_ERROR)
        return false;
    snprintf(text, size, "the producer cannot go on, start it anew: %s", reason);
    return true;
}

bool ese_outlet_reachable(struct ese_outlet *outlet, int timeout_ms, char *text, size_t size)
{
    if (met_fatal_error(outlet, text, size))
        return false;
    for (int i = 0; i < ESE_KAFKA_TOPICS; i++) {
        const rd_kafka_metadata_t *metadata = NULL;
        rd_kafka_resp_err_t result =
            rd_kafka_metadata(outlet->producer, 0, outlet->topics[i], &metadata, timeout_ms);
        if (result != RD_KAFKA_RESP_ERR_NO_ERROR) {
            char address[ESE_CONNECTION_ADDRESS_SIZE];
            snprintf(text, size, "no Kafka broker answers at %s (%s): " ESE_CONNECTION_REMEDY,
                     ese_connection_address(outlet->producer, address), rd_kafka_err2str(result));
            return false;
        }
        bool is_lacking = lacking(metadata, text, size);
        rd_kafka_metadata_destroy(metadata);
        if (is_lacking)
            return false;
    }
    return true;
}
