/* What a crowd's destinations came to: delivered, missed, handed again, out of order, behind, and how late. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "ese-core/clock.h"
#include "ese-core/history.h"
#include "ese-core/memory.h"
#include "orchestration/lab/artifacts.h"
#include "orchestration/lab/crowd_account.h"
#include "tests/support/directory.h"

#define BEGUN_NS (INT64_C(1000) * ESE_NS_PER_S)
#define SEED 1
#define COUNT 20
#define FLAKY 30
/* As the plan of that seed says (test_crowd_plan.c). */
#define HUNG 1
#define FAILING 7
#define WELL 4
#define OTHER_WELL 5

enum { EVENTS = 12 };

struct scene {
    char *directory;
    struct ese_id ids[EVENTS];
    struct ese_history *history;
    struct ese_crowd_account account;
};

static void begin(struct scene *scene, const char *name)
{
    struct ese_error error;
    char *path = ese_test_path(scene->directory, name);
    const struct ese_history_options options = {.path = path, .party = "somebody", .transport = "x",
                                                .limit = 1 << 20};
    ese_history_close(&scene->history);
    assert_int_equal(ese_history_open(&options, &scene->history, &error), 0);
    free(path);
}

static int64_t at(int64_t ms)
{
    return BEGUN_NS + ms * ESE_NS_PER_MS;
}

static void note_outcome(struct scene *scene, int number, enum ese_history_kind kind)
{
    struct ese_history_record record = {.kind = (uint16_t)kind, .time_ns = at(10 * number + 5),
                                        .id = scene->ids[number]};
    struct ese_event event = {.id = scene->ids[number], .type = "a", .key = "k"};
    ese_history_offer(scene->history, &event, at(10 * number));
    ese_history_record(scene->history, &record);
}

/* Twelve events in two lanes, 10 ms apart, of two clients; the last is not acknowledged. Acknowledged 5 ms after it was
 * due, the last of these at 105. */
static int set_up(void **state)
{
    struct scene *scene = ese_alloc(sizeof *scene);
    scene->directory = ese_test_directory_make();
    for (int i = 0; i < EVENTS; i++) {
        const struct ese_id_parts parts = {
            .time_ms = 1767225600000 + 10 * i, .lane = (uint16_t)(i % 2), .run = 7, .sequence = (uint32_t)(i / 2)};
        scene->ids[i] = ese_id_make(&parts);
    }
    begin(scene, "client.history");
    for (int i = 0; i < EVENTS; i += 2)
        note_outcome(scene, i, ESE_HISTORY_ACKNOWLEDGED);
    begin(scene, "client-2.history");
    for (int i = 1; i < EVENTS; i += 2)
        note_outcome(scene, i, i == EVENTS - 1 ? ESE_HISTORY_UNKNOWN : ESE_HISTORY_ACKNOWLEDGED);
    begin(scene, ESE_ARTIFACT_CROWD_HISTORY);
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;
    ese_history_close(&scene->history);
    ese_test_directory_remove(&scene->directory);
    free(scene);
    return 0;
}

static void hand_in(struct scene *scene, int who, int event, int32_t partition, int64_t offset, int64_t ms)
{
    const struct ese_history_record record = {.kind = ESE_HISTORY_HANDED, .partition = partition, .time_ns = at(ms),
                                              .id = scene->ids[event], .a = offset, .b = who};
    ese_history_record(scene->history, &record);
}

static void hand(struct scene *scene, int who, int event, int64_t ms)
{
    hand_in(scene, who, event, 0, event, ms);
}

static void note(struct scene *scene, enum ese_history_kind kind, int who, int64_t position, int64_t ms)
{
    const struct ese_history_record record = {.kind = (uint16_t)kind, .aux = (uint16_t)who, .time_ns = at(ms),
                                              .a = position};
    ese_history_record(scene->history, &record);
}

static void commit(struct scene *scene, int who, int64_t next, int64_t ms)
{
    note(scene, ESE_HISTORY_COMMITTED, who, next, ms);
}

static void commit_in(struct scene *scene, int who, int32_t partition, int64_t next, int64_t ms)
{
    const struct ese_history_record record = {.kind = ESE_HISTORY_COMMITTED, .aux = (uint16_t)who,
                                              .partition = partition, .time_ns = at(ms), .a = next};
    ese_history_record(scene->history, &record);
}

/* All at once, and acknowledged. */
static void bring_all(struct scene *scene, int who, int64_t ms)
{
    for (int i = 0; i < EVENTS; i++)
        hand(scene, who, i, ms);
    commit(scene, who, EVENTS, ms);
}

static const struct ese_crowd_sum *judge_from(struct scene *scene, enum ese_crowd_kind kind, int64_t from_ms)
{
    const struct ese_crowd_plan plan = {COUNT, FLAKY, SEED};
    struct ese_error error;
    assert_int_equal(ese_crowd_account(scene->directory, &plan, at(from_ms), &scene->account, &error), 0);
    return &scene->account.of[kind];
}

static const struct ese_crowd_sum *judge(struct scene *scene, enum ese_crowd_kind kind)
{
    return judge_from(scene, kind, 0);
}

/* ---- delivered ------------------------------------------------------------------------------- */

static void each_is_expected_to_have_all_that_was_acknowledged(void **state)
{
    struct scene *scene = *state;
    const struct ese_crowd_sum *healthy = judge(scene, ESE_CROWD_HEALTHY);
    assert_int_equal(healthy->count, 14);
    assert_int_equal(healthy->expected, 14 * (EVENTS - 1));
    assert_int_equal(healthy->missed, healthy->expected);
    assert_int_equal(scene->account.all.count, 19);
    assert_int_equal(scene->account.all.expected, 19 * (EVENTS - 1));
    assert_int_equal(scene->account.of[ESE_CROWD_HUNG].count, 1);
}

static void what_is_acknowledged_is_delivered_once(void **state)
{
    struct scene *scene = *state;
    bring_all(scene, WELL, 50);
    bring_all(scene, WELL, 60);
    bring_all(scene, OTHER_WELL, 50);
    const struct ese_crowd_sum *healthy = judge(scene, ESE_CROWD_HEALTHY);
    assert_int_equal(healthy->delivered, 2 * (EVENTS - 1));
    assert_int_equal(healthy->missed, 12 * (EVENTS - 1));
    assert_int_equal(healthy->again, EVENTS - 1);
    assert_int_equal(scene->account.all.delivered, 2 * (EVENTS - 1));
}

static void what_is_handed_and_not_acknowledged_is_missed(void **state)
{
    struct scene *scene = *state;
    for (int i = 0; i < 8; i++)
        hand(scene, WELL, i, 50);
    commit(scene, WELL, 5, 51);
    commit(scene, OTHER_WELL, 8, 51); /* somebody else's */
    assert_int_equal(judge(scene, ESE_CROWD_HEALTHY)->delivered, 5);
}

static void of_another_partition_nothing_is_acknowledged(void **state)
{
    struct scene *scene = *state;
    hand_in(scene, WELL, 0, 0, 0, 50);
    hand_in(scene, WELL, 1, 1, 0, 50);
    commit(scene, WELL, 9, 51);
    assert_int_equal(judge(scene, ESE_CROWD_HEALTHY)->delivered, 1);
}

/* What it had in hand it no longer has: what is acknowledged then is what came anew. */
static void who_is_given_anew_is_handed_again(void **state)
{
    struct scene *scene = *state;
    hand(scene, FAILING, 0, 50);
    hand(scene, FAILING, 1, 50);
    note(scene, ESE_HISTORY_GIVEN, FAILING, 0, 51);
    hand(scene, FAILING, 0, 52);
    commit(scene, FAILING, 2, 53);
    const struct ese_crowd_sum *failing = judge(scene, ESE_CROWD_FAILING);
    assert_int_equal(failing->delivered, 1);
    assert_int_equal(failing->again, 1);
}

static void who_hangs_is_told_of_by_itself(void **state)
{
    struct scene *scene = *state;
    hand(scene, HUNG, 0, 50);
    commit(scene, HUNG, 1, 50);
    hand(scene, HUNG, 1, 51);
    const struct ese_crowd_sum *hung = judge(scene, ESE_CROWD_HUNG);
    assert_int_equal(hung->missed, EVENTS - 2);
    assert_int_equal(scene->account.all.delivered, 0);
    assert_int_equal(scene->account.all.latency.count, 0);
}

/* ---- order and time -------------------------------------------------------------------------- */

static void order_is_that_of_a_lane_in_a_partition(void **state)
{
    struct scene *scene = *state;
    hand_in(scene, WELL, 2, 0, 0, 50); /* lane 0: the second */
    hand_in(scene, WELL, 1, 0, 1, 50); /* lane 1: the first */
    hand_in(scene, WELL, 0, 1, 0, 50); /* lane 0: the first, elsewhere */
    hand_in(scene, WELL, 4, 0, 2, 50);
    commit(scene, WELL, 3, 51);
    commit_in(scene, WELL, 1, 1, 51);
    assert_int_equal(judge(scene, ESE_CROWD_HEALTHY)->delivered, 4);
    assert_int_equal(scene->account.all.out_of_order, 0);
    hand_in(scene, WELL, 10, 0, 3, 52);
    hand_in(scene, WELL, 3, 0, 4, 52);
    hand_in(scene, WELL, 8, 0, 5, 52); /* lane 0: the fifth, behind its last */
    hand_in(scene, WELL, 2, 0, 0, 53); /* again is no disorder */
    commit(scene, WELL, 6, 54);
    assert_int_equal(judge(scene, ESE_CROWD_HEALTHY)->out_of_order, 1);
    assert_int_equal(scene->account.all.out_of_order, 1);
}

static void who_is_furthest_behind_when_the_load_ends_is_told(void **state)
{
    struct scene *scene = *state;
    const struct ese_crowd_plan two = {2, 0, SEED};
    struct ese_error error;
    bring_all(scene, 1, 105); /* just then */
    for (int i = 0; i < EVENTS; i++)
        hand(scene, 2, i, 60);
    commit(scene, 2, 4, 61);
    commit(scene, 2, EVENTS, 106);
    assert_int_equal(ese_crowd_account(scene->directory, &two, 0, &scene->account, &error), 0);
    assert_int_equal(scene->account.of[ESE_CROWD_HEALTHY].behind, EVENTS - 1 - 4);
    assert_int_equal(scene->account.of[ESE_CROWD_HEALTHY].missed, 0);
}

/* From when it was due to when it was acknowledged, each once; what was due in the warm-up is cut. */
static void how_late_runs_from_due_to_acknowledged(void **state)
{
    struct scene *scene = *state;
    hand(scene, WELL, 3, 32);
    hand(scene, WELL, 9, 95);
    commit(scene, WELL, 10, 530);
    hand(scene, WELL, 9, 700);
    commit(scene, WELL, 10, 900);
    const struct ese_latency *latency = &judge(scene, ESE_CROWD_HEALTHY)->latency;
    assert_int_equal(latency->count, 2);
    assert_int_equal(latency->max_us, 500000);
    latency = &judge_from(scene, ESE_CROWD_HEALTHY, 40)->latency;
    assert_int_equal(latency->count, 1);
    assert_int_equal(latency->max_us, 440000);
    assert_int_equal(scene->account.all.latency.count, 1);
}

/* ---- what there is not ----------------------------------------------------------------------- */

static void without_destinations_nothing_is_told(void **state)
{
    struct scene *scene = *state;
    const struct ese_crowd_plan none = {0, 0, SEED};
    struct ese_error error;
    bring_all(scene, 1, 50);
    scene->account.all.count = 5;
    assert_int_equal(ese_crowd_account(scene->directory, &none, 0, &scene->account, &error), 0);
    assert_int_equal(scene->account.all.count, 0);
}

static void whoever_is_not_among_them_does_not_count(void **state)
{
    struct scene *scene = *state;
    bring_all(scene, COUNT + 1, 50);
    bring_all(scene, 0, 50);
    judge(scene, ESE_CROWD_HEALTHY);
    assert_int_equal(scene->account.all.delivered, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(each_is_expected_to_have_all_that_was_acknowledged),
        TEST(what_is_acknowledged_is_delivered_once),
        TEST(what_is_handed_and_not_acknowledged_is_missed),
        TEST(of_another_partition_nothing_is_acknowledged),
        TEST(who_is_given_anew_is_handed_again),
        TEST(who_hangs_is_told_of_by_itself),
        TEST(order_is_that_of_a_lane_in_a_partition),
        TEST(who_is_furthest_behind_when_the_load_ends_is_told),
        TEST(how_late_runs_from_due_to_acknowledged),
        TEST(without_destinations_nothing_is_told),
        TEST(whoever_is_not_among_them_does_not_count),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
