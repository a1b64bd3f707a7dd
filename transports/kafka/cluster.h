/*
 * cluster.h - a cluster as one of librdkafka's handles knows it, and some of its topics.
 *
 * Whether it is there and serves these topics, and whether these keep what a durability level
 * promises:
 *
 *   os        acks=all alone
 *   disk      flush.messages=1: the broker syncs before it acknowledges
 *   replicas  min.insync.replicas of at least 2: acks=all then waits for a second broker
 *
 * Any handle will do, one that produces or one that reads, and any thread.
 */
#ifndef ESE_KAFKA_CLUSTER_H
#define ESE_KAFKA_CLUSTER_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>

#include "ese-core/error.h"
#include "ese-core/sqlite.h" /* enum ese_durability */
#include "transports/kafka/partition.h"

struct ese_cluster {
    rd_kafka_t *handle;
    struct ese_topic_range range;
    rd_kafka_topic_t *topics[ESE_KAFKA_TOPICS_ALL]; /* those of the range */
};

/* Names the topics; waits for nobody. The handle stays the caller's. */
int ese_cluster_open(struct ese_cluster *cluster, rd_kafka_t *handle, struct ese_topic_range range,
                     const char *prefix, struct ese_error *error);
/* Before the handle is destroyed. Of one that was not opened nothing is left to do. */
void ese_cluster_close(struct ese_cluster *cluster);

/* Asks whether every partition of its topics has a leader. Fills text with what is wrong. */
bool ese_cluster_reachable(const struct ese_cluster *cluster, int timeout_ms, char *text,
                           size_t size);

/* Whether the topics keep what the level promises. Fills text with what does not, or why it cannot
 * be told. */
bool ese_cluster_durable(const struct ese_cluster *cluster, enum ese_durability durability,
                         int timeout_ms, char *text, size_t size);

/* How many partitions the topic has; 0 when the cluster does not tell within timeout_ms. */
int ese_cluster_count_partitions(rd_kafka_t *handle, const char *topic, int timeout_ms);

#endif
