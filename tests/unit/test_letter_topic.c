/* Dead letters on their topic, here a file: each once, and again only where nobody could have noted it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "ese-consumer/letter_topic.h"
#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "tests/support/directory.h"
#include "tests/support/state_probe.h"
#include "transports/face_config.h"

#define PATIENCE_NS (20 * ESE_NS_PER_S)

struct world {
    char *directory, *path;
    char specification[300];
    struct ese_state *state;
    struct ese_holdings holdings;
    struct ese_letter_topic *topic;
    int64_t give_up_ms;
};

static struct ese_error error;

static void must(int result)
{
    if (result != 0)
        fail_msg("%s", error.text);
}

static void open_topic(struct world *world)
{
    const struct ese_letter_topic_options options = {
        .specification = world->specification, .state = world->state, .holdings = &world->holdings,
        .give_up_ms = world->give_up_ms};
    ese_letter_topic_close(&world->topic);
    must(ese_letter_topic_open(&options, &world->topic, &error));
    assert_non_null(world->topic);
}

static int open_world(void **state)
{
    struct world *world = ese_alloc(sizeof *world);
    *state = world;
    world->directory = ese_test_directory_make();
    world->path = ese_test_path(world->directory, "state");
    snprintf(world->specification, sizeof world->specification, "file:data=%s/letters", world->directory);
    const struct ese_state_options options = {
        .path = world->path, .durability = ESE_DURABILITY_OS, .group = "g", .transport = "t"};
    must(ese_state_open(&options, &world->state, &error));
    for (int32_t partition = 0; partition < 2; partition++) {
        const struct ese_rules none = {.count = 0};
        must(ese_holding_load(ese_holdings_add(&world->holdings, partition), world->state, "p", &none, &error));
    }
    open_topic(world);
    return 0;
}

static int close_world(void **state)
{
    struct world *world = *state;
    ese_letter_topic_close(&world->topic);
    ese_holdings_clear(&world->holdings);
    ese_state_close(&world->state);
    free(world->path);
    ese_test_directory_remove(&world->directory);
    free(world);
    return 0;
}

static void die(struct world *world, int32_t partition, char *data)
{
    struct ese_dead_letter letter = {.partition = partition, .cause = ESE_DEAD_FAILED, .reason = "it \x1b failed",
                                     .event = {.type = ESE_TYPE_ORDER, .sub_type = "S", .ip = "i", .key = "k",
                                               .client_ts = 1000, .data = data}};
    struct ese_holding *holding = ese_holdings_find(&world->holdings, partition);
    if (holding != NULL)
        holding->letters++;
    letter.event.id = ese_id_make(&(struct ese_id_parts){.time_ms = 1000, .run = 1});
    must(ese_dead_letters_put(ese_state_letters(world->state), &letter, &error));
}

static void die_unparsable(struct world *world, const char *bytes, size_t length)
{
    const struct ese_dead_letter letter = {.cause = ESE_DEAD_UNPARSABLE, .reason = "no event", .bytes = bytes,
                                           .event = {.type = ESE_TYPE_CLICK}, .length = length, .whole = 70000};
    world->holdings.items[0]->letters++;
    must(ese_dead_letters_put(ese_state_letters(world->state), &letter, &error));
}

static int64_t untold(const struct world *world)
{
    return state_probe_number(world->path, "SELECT count(*) FROM dead_letter WHERE told_ms IS NULL");
}

static int64_t untold_of(const struct world *world, int partition)
{
    char text[120];
    snprintf(text, sizeof text, "SELECT count(*) FROM dead_letter WHERE partition = %d AND told_ms IS NULL", partition);
    return state_probe_number(world->path, text);
}

/* Until so many are left. */
static void turn_until(struct world *world, int64_t left)
{
    int64_t limit_ns = ese_clock_monotonic_ns() + PATIENCE_NS;
    do {
        must(ese_letter_topic_turn(world->topic, &error));
        ese_clock_sleep_until(ese_clock_monotonic_ns() + ESE_NS_PER_MS);
    } while ((untold(world) > left || !ese_letter_topic_is_idle(world->topic)) && ese_clock_monotonic_ns() < limit_ns);
    assert_int_equal(untold(world), left);
}

static int64_t earliest(void *context, int32_t partition)
{
    (void)context, (void)partition;
    return ESE_OFFSET_EARLIEST;
}

static void taken(void *context, int32_t partition)
{
    (void)context, (void)partition;
}

/* How many there are; and what the last one says. */
static int read_all(struct world *world, json_t **last)
{
    const struct ese_consume_settings settings = {.max_batch = 500, .listener = {.given = earliest, .taken = taken}};
    struct ese_config *config = NULL;
    struct ese_consumer *reader = NULL;
    struct ese_batch batch;
    must(ese_face_config(world->specification, ESE_FACE_CONSUME, &config, &error));
    must(ese_config_settle(config, &error));
    const struct ese_consume_face *face = ese_registry_chosen(config)->consume;
    must(face->open(config, &settings, &reader, &error));
    must(face->next(reader, 0, &batch, &error));
    assert_int_equal(batch.unreadable, 0);
    if (batch.count > 0 && last != NULL)
        *last = json_loads(ese_event_data(&batch.records[batch.count - 1].event), 0, NULL);
    int count = batch.count;
    face->close(&reader);
    ese_config_free(&config);
    return count;
}

static const char *text_of(json_t *data, const char *member)
{
    return json_string_value(json_object_get(data, member));
}

static void each_is_put_once(void **state)
{
    struct world *world = *state;
    json_t *last = NULL;
    char data[] = "{\"orderId\":\"o-1\"}";
    for (int i = 0; i < 50; i++) /* more than may be under way */
        die(world, i % 2, data);
    turn_until(world, 0);
    assert_int_equal(read_all(world, &last), 50);
    assert_string_equal(text_of(last, "data"), data);
    assert_string_equal(text_of(last, "cause"), "failed");
    assert_string_equal(text_of(last, "reason"), "it \\x1b failed");
    assert_int_equal(json_integer_value(json_object_get(last, "client_ts")), 1000);
    assert_true(json_is_false(json_object_get(last, "cut")));
    json_decref(last);
    turn_until(world, 0);
    open_topic(world); /* another life */
    turn_until(world, 0);
    assert_int_equal(read_all(world, NULL), 50);
}

/* As often as they are taken, and whoever else has many. */
static void those_beside_a_flood_are_put_at_once(void **state)
{
    struct world *world = *state;
    for (int i = 0; i < 200; i++)
        die(world, 0, NULL);
    die(world, 1, NULL);
    for (int i = 0; i < 3; i++) /* thirty-two are put, are taken, and it is this one's turn */
        must(ese_letter_topic_turn(world->topic, &error));
    assert_int_equal(state_probe_number(world->path, "SELECT count(*) FROM dead_letter"
                                                     " WHERE partition = 1 AND told_ms IS NULL"), 0);
    for (int i = 0; i < 6; i++)
        must(ese_letter_topic_turn(world->topic, &error));
    assert_int_equal(untold(world), 0);
}

static void those_of_other_members_are_theirs(void **state)
{
    struct world *world = *state;
    die(world, 7, NULL);
    die(world, 1, NULL);
    turn_until(world, 1);
    assert_int_equal(read_all(world, NULL), 1);
}

static void what_is_too_long_is_cut(void **state)
{
    struct world *world = *state;
    json_t *last = NULL;
    char *data = ese_alloc(60001), *bytes = ese_alloc(60000);
    memset(data, '"', 60000); /* twice as long in JSON */
    die(world, 0, data);
    turn_until(world, 0);
    read_all(world, &last);
    assert_true(json_is_true(json_object_get(last, "cut")));
    assert_null(json_object_get(last, "data"));
    json_decref(last);
    memset(bytes, '\x01', 60000);
    die_unparsable(world, bytes, 60000);
    turn_until(world, 0);
    assert_int_equal(read_all(world, &last), 2);
    assert_true(json_is_true(json_object_get(last, "cut")));
    assert_int_equal(strlen(text_of(last, "bytes")), 4 * 12 * 1024);
    assert_int_equal(json_integer_value(json_object_get(last, "whole")), 70000);
    json_decref(last);
    free(data);
    free(bytes);
}

/* Who has the file, so that nobody else can write to it. */
struct other {
    struct ese_config *config;
    const struct ese_produce_face *face;
    struct ese_producer *producer;
};

static void take_topic(const struct world *world, struct other *other)
{
    const struct ese_produce_settings settings = {.inflight = 1, .retry_deadline_ms = 1000};
    *other = (struct other){.config = NULL};
    must(ese_face_config(world->specification, ESE_FACE_PRODUCE, &other->config, &error));
    must(ese_config_settle(other->config, &error));
    other->face = ese_registry_chosen(other->config)->produce;
    must(other->face->open(other->config, &settings, &other->producer, &error));
}

static void give_topic_back(struct other *other)
{
    other->face->close(&other->producer);
    ese_config_free(&other->config);
}

static void while_it_is_away_they_wait(void **state)
{
    struct world *world = *state;
    struct other other;
    take_topic(world, &other);
    die(world, 0, NULL);
    must(ese_letter_topic_turn(world->topic, &error));
    assert_false(ese_letter_topic_is_idle(world->topic));
    assert_int_equal(untold(world), 1);
    assert_false(ese_letter_topic_has_failed(world->topic));
    give_topic_back(&other);
    turn_until(world, 0);
    assert_int_equal(read_all(world, NULL), 1);
}

/* more: meanwhile there is always one more of ours. */
static void turn_both_until_told(struct world *world, struct ese_letter_topic *other, int partition, bool more)
{
    int64_t limit_ns = ese_clock_monotonic_ns() + PATIENCE_NS;
    while (untold_of(world, partition) > 0 && ese_clock_monotonic_ns() < limit_ns) {
        if (more)
            die(world, 0, NULL);
        must(ese_letter_topic_turn(world->topic, &error));
        must(ese_letter_topic_turn(other, &error));
        ese_clock_sleep_until(ese_clock_monotonic_ns() + 10 * ESE_NS_PER_MS);
    }
    assert_int_equal(untold_of(world, partition), 0);
}

/* Over this one only one may write at a time: whoever has nothing more to put lets the others write. */
static void members_have_their_turns(void **state)
{
    struct world *world = *state;
    struct ese_holdings theirs = {.count = 0};
    const struct ese_rules none = {.count = 0};
    const struct ese_letter_topic_options options = {
        .specification = world->specification, .state = world->state, .holdings = &theirs};
    struct ese_letter_topic *other = NULL;
    must(ese_holding_load(ese_holdings_add(&theirs, 7), world->state, "p", &none, &error));
    theirs.items[0]->letters = 1;
    must(ese_letter_topic_open(&options, &other, &error));
    for (int round = 0; round < 2; round++) {
        die(world, 0, NULL);
        turn_both_until_told(world, other, 0, false);
        die(world, 7, NULL); /* while we have it */
        turn_both_until_told(world, other, 7, round == 1);
    }
    assert_true(read_all(world, NULL) > 4);
    ese_letter_topic_close(&other);
    ese_holdings_clear(&theirs);
}

/* Whoever waits for the end need not wait for it; and yet they are put when it is there. */
static void what_takes_nothing_for_long_has_failed(void **state)
{
    struct world *world = *state;
    struct other other;
    int64_t limit_ns = ese_clock_monotonic_ns() + PATIENCE_NS;
    world->give_up_ms = 1;
    open_topic(world);
    take_topic(world, &other);
    must(ese_letter_topic_turn(world->topic, &error));
    ese_clock_sleep_until(ese_clock_monotonic_ns() + 2 * ESE_NS_PER_MS);
    assert_false(ese_letter_topic_has_failed(world->topic)); /* there is nothing to put */
    die(world, 0, NULL);
    while (!ese_letter_topic_has_failed(world->topic) && ese_clock_monotonic_ns() < limit_ns)
        must(ese_letter_topic_turn(world->topic, &error));
    assert_true(ese_letter_topic_has_failed(world->topic));
    assert_false(ese_letter_topic_is_idle(world->topic));
    give_topic_back(&other);
    turn_until(world, 0);
    assert_false(ese_letter_topic_has_failed(world->topic));
}

/* Killed between putting it and noting it: put again, as the same letter. */
static void what_was_not_noted_is_put_again(void **state)
{
    struct world *world = *state;
    json_t *first = NULL, *again = NULL;
    die(world, 0, NULL);
    turn_until(world, 0);
    read_all(world, &first);
    must(ese_sqlite_run(ese_state_database(world->state), "UPDATE dead_letter SET told_ms = NULL", &error));
    open_topic(world);
    turn_until(world, 0);
    assert_int_equal(read_all(world, &again), 2);
    assert_true(json_equal(first, again));
    json_decref(first);
    json_decref(again);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_is_put_once, open_world, close_world),
        cmocka_unit_test_setup_teardown(those_beside_a_flood_are_put_at_once, open_world, close_world),
        cmocka_unit_test_setup_teardown(those_of_other_members_are_theirs, open_world, close_world),
        cmocka_unit_test_setup_teardown(what_is_too_long_is_cut, open_world, close_world),
        cmocka_unit_test_setup_teardown(while_it_is_away_they_wait, open_world, close_world),
        cmocka_unit_test_setup_teardown(members_have_their_turns, open_world, close_world),
        cmocka_unit_test_setup_teardown(what_takes_nothing_for_long_has_failed, open_world, close_world),
        cmocka_unit_test_setup_teardown(what_was_not_noted_is_put_again, open_world, close_world),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
