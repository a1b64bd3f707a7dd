/*
 * kafka_scene.h - one real broker for a test program, and topics of each test's own on it.
 */
#ifndef ESE_TEST_KAFKA_SCENE_H
#define ESE_TEST_KAFKA_SCENE_H

#include <stdbool.h>
#include <stdint.h>

#include "ese-core/config.h"
#include "orchestration/kafka/broker.h"

#define ESE_SCENE_READY_MS 60000

struct ese_kafka_scene {
    struct ese_broker *broker;
    char bootstrap[64];
    char prefix[32]; /* of this test's topics */
    int made;        /* such topics, so far */
    char *directory, *data_dir, *log_path;
};

/* False, with why, where Java or the jars are missing: then print it as TAP's skip and end. Ends
 * the program when the broker cannot be made ready. */
bool ese_kafka_scene_open(struct ese_kafka_scene *scene, struct ese_error *error);
void ese_kafka_scene_close(struct ese_kafka_scene *scene);

/* Topics nobody has used, under a new prefix; flush.messages=1 on them for flush_every. Those of the
 * test before are removed, as a broker that was killed would look through all of them. */
void ese_kafka_scene_fresh_topics(struct ese_kafka_scene *scene, bool flush_every);
/* Of the present prefix. */
void ese_kafka_scene_make_topics(struct ese_kafka_scene *scene, bool flush_every);
void ese_kafka_scene_remove_topics(struct ese_kafka_scene *scene);

/* Kills the broker; brings it back and waits until it takes records. */
void ese_kafka_scene_kill(struct ese_kafka_scene *scene);
void ese_kafka_scene_restart(struct ese_kafka_scene *scene);

/* A record as it is, with neither key nor header, as the original's clients send it, to a topic of the present
 * prefix. */
void ese_kafka_scene_send(const struct ese_kafka_scene *scene, const char *topic, int32_t partition, const char *value);

/* A settled config of the table, on this broker and prefix, with pairs of name and value ended by
 * NULL (or NULL). */
struct ese_config *ese_kafka_scene_config(const struct ese_kafka_scene *scene,
                                          const struct ese_option *table, const char *const *pairs);

#endif
