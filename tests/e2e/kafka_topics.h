/*
 * kafka_topics.h - all that a scene's topics hold, read through the transport without a group.
 *
 * Every failure fails the test (cmocka).
 */
#ifndef ESE_TEST_KAFKA_TOPICS_H
#define ESE_TEST_KAFKA_TOPICS_H

#include "tests/e2e/kafka_scene.h"
#include "transports/transport.h"

#define ESE_TOPICS_MOST 100

/* Per partition in order of offset. */
struct ese_topics_hold {
    int count;
    struct ese_record records[ESE_TOPICS_MOST];
};

void ese_kafka_topics_read(const struct ese_kafka_scene *scene, struct ese_topics_hold *hold);
void ese_kafka_topics_clear(struct ese_topics_hold *hold);

#endif
