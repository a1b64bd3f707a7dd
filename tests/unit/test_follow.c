/* Following a store, here that of the transport without a server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "orchestration/lab/artifacts.h"
#include "orchestration/lab/follow.h"
#include "tests/support/directory.h"
#include "transports/face_config.h"

#define TURN_MS 200

struct bench {
    char *directory;
    char specification[200];
    const struct ese_produce_face *face;
    struct ese_config *config;
    struct ese_producer *producer;
    struct ese_follower *follower;
    uint32_t sequence;
};

static void open_follower(struct bench *bench)
{
    const struct ese_follow_options options = {
        .specification = bench->specification, .directory = bench->directory,
        .history_bytes = 1 << 20, .history_segments = 4};
    ese_follower_close(&bench->follower);
    assert_int_equal(ese_follower_open(&options, &bench->follower, NULL), 0);
}

static int set_up(void **state)
{
    struct bench *bench = ese_alloc(sizeof *bench);
    const struct ese_produce_settings settings = {.inflight = 100, .retry_deadline_ms = 10000};
    const struct ese_registry_entry *entry;
    bench->directory = ese_test_directory_make();
    snprintf(bench->specification, sizeof bench->specification, "file:data=%s", bench->directory);
    assert_int_equal(ese_registry_find(bench->specification, &entry, NULL), 0);
    bench->face = entry->transport->produce;
    assert_int_equal(ese_face_config(bench->specification, ESE_FACE_PRODUCE, &bench->config, NULL), 0);
    assert_int_equal(ese_config_settle(bench->config, NULL), 0);
    assert_int_equal(bench->face->open(bench->config, &settings, &bench->producer, NULL), 0);
    open_follower(bench);
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    ese_follower_close(&bench->follower);
    bench->face->close(&bench->producer);
    ese_config_free(&bench->config);
    ese_test_directory_remove(&bench->directory);
    free(bench);
    return 0;
}

static void store(struct bench *bench, int count)
{
    for (int i = 0; i < count; i++) {
        struct ese_event event = {.type = ESE_TYPE_CLICK, .sub_type = ESE_SUB_TYPE_KEY_PRESS,
                                  .ip = "192.0.2.1", .key = "192.0.2.1",
                                  .client_ts = ese_clock_wall_ms()};
        struct ese_acknowledgement acknowledgement;
        event.id = ese_id_make(&(struct ese_id_parts){.time_ms = event.client_ts, .run = 5,
                                                      .sequence = bench->sequence++});
        assert_int_equal(bench->face->send(bench->producer, &event, NULL), 0);
        while (bench->face->pending(bench->producer) > 0)
            assert_in_range(bench->face->poll(bench->producer, 1000, &acknowledgement, 1), 0, 1);
    }
}

static void follow_to_the_end(struct bench *bench, int expected)
{
    struct ese_error error = {0};
    int noted = 0, said = 1;
    while (said > 0) {
        said = ese_follower_turn(bench->follower, TURN_MS, &error);
        noted += said;
    }
    assert_int_equal(said, 0);
    assert_int_equal(noted, expected);
}

/* Every event so far, once, in order. Returns when all was last noted. */
static int64_t expect_noted(const struct bench *bench)
{
    char *path = ese_test_path(bench->directory, ESE_ARTIFACT_STORE_HISTORY);
    struct ese_history_reader *reader = NULL;
    struct ese_history_record record;
    assert_int_equal(ese_history_read_open(path, &reader, NULL), 0);
    for (uint32_t i = 0; i < bench->sequence; i++) {
        while (ese_history_read_next(reader, &record, NULL) == 1 && record.kind == ESE_HISTORY_GIVEN)
            assert_int_equal(record.a == 0, i == 0); /* the first life begins with the first event that ever was */
        assert_int_equal(record.kind, ESE_HISTORY_STORED);
        assert_int_equal(ese_id_read(&record.id).sequence, i);
    }
    while (ese_history_read_next(reader, &record, NULL) == 1)
        assert_int_equal(record.kind, ESE_HISTORY_GIVEN);
    int64_t followed_ns = ese_history_read_count(reader, ESE_COUNT_FOLLOWED_NS);
    ese_history_read_close(&reader);
    free(path);
    return followed_ns;
}

static void each_event_is_noted_once(void **state)
{
    struct bench *bench = *state;
    store(bench, 5);
    int64_t stored_ns = ese_clock_monotonic_ns();
    follow_to_the_end(bench, 5);
    assert_true(expect_noted(bench) >= stored_ns);
    store(bench, 7);
    follow_to_the_end(bench, 7);
    expect_noted(bench);
}

static void the_next_life_goes_on(void **state)
{
    struct bench *bench = *state;
    for (int life = 0; life < 3; life++) {
        store(bench, 4);
        follow_to_the_end(bench, 4);
        open_follower(bench);
    }
    follow_to_the_end(bench, 0);
    expect_noted(bench);
}

static void a_wrong_specification_is_told(void **state)
{
    struct bench *bench = *state;
    struct ese_follower *other = NULL;
    struct ese_error error = {0};
    const struct ese_follow_options options = {.specification = "none", .directory = bench->directory,
                                               .history_bytes = 1 << 20};
    ese_follower_close(&bench->follower);
    assert_int_equal(ese_follower_open(&options, &other, &error), -1);
    assert_null(other);
    assert_int_equal(error.code, ESE_E_USAGE);
    open_follower(bench);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(each_event_is_noted_once),
        WITH_STORE(the_next_life_goes_on),
        WITH_STORE(a_wrong_specification_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
