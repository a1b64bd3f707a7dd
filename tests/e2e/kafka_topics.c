#include "tests/e2e/kafka_topics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "ese-core/clock.h"

#define WAIT_MS 20000

extern const struct ese_transport ese_transport_kafka;

static int64_t from_the_start(void *context, int32_t partition)
{
    (void)context;
    (void)partition;
    return ESE_OFFSET_EARLIEST;
}

static void taken(void *context, int32_t partition)
{
    (void)context;
    (void)partition;
}

static void keep(struct ese_topics_hold *hold, const struct ese_record *record)
{
    assert_true(hold->count < ESE_TOPICS_MOST);
    struct ese_record *kept = &hold->records[hold->count++];
    *kept = *record;
    kept->event = (struct ese_event){.data = NULL};
    ese_event_copy(&kept->event, &record->event);
}

void ese_kafka_topics_read(const struct ese_kafka_scene *scene, struct ese_topics_hold *hold)
{
    const struct ese_consume_face *face = ese_transport_kafka.consume;
    struct ese_config *config = ese_kafka_scene_config(scene, face->options, NULL);
    const struct ese_consume_settings settings = {
        .max_batch = ESE_TOPICS_MOST, .listener = {.given = from_the_start, .taken = taken}};
    struct ese_consumer *consumer = NULL;
    struct ese_error error;
    struct ese_batch batch = {0};
    hold->count = 0;
    if (face->open(config, &settings, &consumer, &error) != 0)
        fail_msg("%s", error.text);
    int64_t limit_ns = ese_clock_monotonic_ns() + WAIT_MS * ESE_NS_PER_MS;
    while (!batch.at_end && ese_clock_monotonic_ns() < limit_ns) {
        assert_int_equal(face->next(consumer, 100, &batch, &error), 0);
        for (int i = 0; i < batch.count; i++)
            keep(hold, &batch.records[i]);
    }
    assert_true(batch.at_end);
    face->close(&consumer);
    ese_config_free(&config);
}

void ese_kafka_topics_clear(struct ese_topics_hold *hold)
{
    for (int i = 0; i < hold->count; i++)
        ese_event_clear(&hold->records[i].event);
    hold->count = 0;
}
