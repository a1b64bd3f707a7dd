/*
 * topics.h - the topics of a cluster as topics.conf wants them, by Kafka's Admin API.
 *
 * A line of the file is "name partitions property=value ...", '#' starts a comment line. Applying
 * is idempotent: a missing topic is made, a topic with fewer partitions is grown (never shrunk:
 * keys would move, and so they do when it grows, which is said in the log), a property that
 * differs is set. Properties the file does not name stay as they are. Replicas a topic lacks are not added.
 */
#ifndef ESE_TOPICS_H
#define ESE_TOPICS_H

#include <stdbool.h>
#include <stddef.h>

#include "ese-core/error.h"

#define ESE_TOPIC_NAME_SIZE 250 /* Kafka's 249 and the NUL */
#define ESE_TOPIC_PROPERTIES 16
#define ESE_TOPICS 32

struct ese_topic_property {
    char name[64];
    char value[64];
};

struct ese_topic {
    char name[ESE_TOPIC_NAME_SIZE]; /* without a prefix */
    int partitions;
    struct ese_topic_property properties[ESE_TOPIC_PROPERTIES];
    int property_count;
};

struct ese_topics {
    struct ese_topic topics[ESE_TOPICS];
    int count;
};

struct ese_topics_target {
    const char *bootstrap_servers;
    const char *prefix;   /* before every name; NULL: none */
    /* flush.messages=1: the broker syncs before it acknowledges (durability disk) */
    bool flush_every;
    int replicas;         /* 0: the cluster's default; that many brokers are waited for */
    int min_insync_replicas; /* 0: as it is */
    int timeout_ms;
};

/* ESE_E_INVALID names the line. */
int ese_topics_read(const char *path, struct ese_topics *topics, struct ese_error *error);

/* Whether the topics can have names with the prefix (NULL: none) before them. ESE_E_USAGE. */
int ese_topics_check_prefix(const struct ese_topics *topics, const char *prefix,
                            struct ese_error *error);

/* Also waits until every topic has leaders for all its partitions. */
int ese_topics_apply(const struct ese_topics *topics, const struct ese_topics_target *target,
                     struct ese_error *error);

/* Those of them that are there, with all that they hold. A broker that was killed looks through each partition it has
 * when it comes back. */
int ese_topics_remove(const struct ese_topics *topics, const struct ese_topics_target *target,
                      struct ese_error *error);

#endif
