#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <unistd.h>

#include "ese-consumer/decisions.h"
#include "ese-consumer/state.h"
#include "ese-core/memory.h"
#include "tests/support/directory.h"
#include "tests/support/synced.h"

static char *directory;
static char *path;
static const struct ese_rule *rule;

static int make_directory(void **state)
{
    (void)state;
    directory = ese_test_directory_make();
    path = ese_test_path(directory, "state");
    return ese_rule_find("steady-click", &rule, NULL);
}

static int remove_directory(void **state)
{
    (void)state;
    free(path);
    ese_test_directory_remove(&directory);
    return 0;
}

static struct ese_state *open_as(enum ese_durability durability, int64_t max_bytes)
{
    struct ese_error error;
    struct ese_state *state = NULL;
    const struct ese_state_options options = {
        .path = path, .durability = durability, .group = "g", .transport = "t",
        .max_bytes = max_bytes};
    if (ese_state_open(&options, &state, &error) != 0)
        fail_msg("%s", error.text);
    return state;
}

static struct ese_state *open_bounded(int64_t max_bytes)
{
    return open_as(ESE_DURABILITY_OS, max_bytes);
}

static struct ese_state *open_state(void)
{
    return open_bounded(0);
}

static struct ese_position take(struct ese_state *state, int32_t partition)
{
    struct ese_position position = {0};
    assert_int_equal(ese_state_take(state, partition, "p", &position, NULL), 0);
    return position;
}

static int advance(struct ese_state *state, int32_t partition, const struct ese_position *position,
                   struct ese_error *error)
{
    static const struct ese_progress progress = {.processed = 2};
    assert_int_equal(ese_state_begin(state, NULL), 0);
    if (ese_state_advance(state, partition, position, &progress, error) != 0) {
        ese_state_rollback(state);
        return -1;
    }
    return ese_state_commit(state, error);
}

static void a_position_is_where_the_last_commit_left_it(void **unused)
{
    (void)unused;
    struct ese_state *state = open_state();
    struct ese_position position = take(state, 3);
    assert_int_equal(position.epoch, 1);
    assert_true(position.next == ESE_POSITION_NONE);
    position.next = 0;
    position.event_time_ms = 77;
    assert_int_equal(advance(state, 3, &position, NULL), 0);
    ese_state_close(&state);

    state = open_state();
    position = take(state, 3);
    assert_int_equal(position.epoch, 2);
    assert_int_equal(position.next, 0);
    assert_int_equal(position.event_time_ms, 77);
    assert_true(take(state, 4).next == ESE_POSITION_NONE);
    ese_state_close(&state);
}

static void the_newest_owner_fences_the_older(void **unused)
{
    (void)unused;
    struct ese_error error = {0};
    struct ese_state *older = open_state();
    struct ese_state *newer = open_state();
    struct ese_position old_position = take(older, 0);
    struct ese_position new_position = take(newer, 0);
    assert_int_equal(ese_state_check_owned(newer, 0, new_position.epoch, &error), 0);
    assert_int_equal(ese_state_check_owned(older, 0, old_position.epoch, &error), -1);
    assert_int_equal(error.code, ESE_E_FENCED);

    error.code = ESE_OK;
    old_position.next = 99;
    assert_int_equal(advance(older, 0, &old_position, &error), -1);
    assert_int_equal(error.code, ESE_E_FENCED);
    new_position.next = 5;
    assert_int_equal(advance(newer, 0, &new_position, &error), 0);
    assert_int_equal(take(newer, 0).next, 5);
    ese_state_close(&older);
    ese_state_close(&newer);
}

static void a_file_belongs_to_one_group_and_transport(void **unused)
{
    (void)unused;
    struct ese_error error = {0};
    struct ese_state *state = open_state();
    ese_state_close(&state);
    struct ese_state_options options = {
        .path = path, .durability = ESE_DURABILITY_OS, .group = "g", .transport = "other"};
    assert_int_equal(ese_state_open(&options, &state, &error), -1);
    assert_int_equal(error.code, ESE_E_USAGE);
    assert_non_null(strstr(error.text, "transport 't'"));
    options.transport = "t";
    options.group = "others";
    assert_int_equal(ese_state_open(&options, &state, &error), -1);
    assert_non_null(strstr(error.text, "group 'g'"));
}

static void what_rules_keep_is_kept(void **unused)
{
    (void)unused;
    struct ese_state *state = open_state();
    struct ese_kept *kept = ese_kept_new();
    struct ese_rule_state one = {.length = 3, .leaves_ms = 100, .bytes = "abc"};
    for (char key[] = "k"; key[0] <= 'm'; key[0]++, one.leaves_ms += 100) {
        ese_kept_put(kept, rule, key, &one);
        assert_int_equal(ese_state_save_kept(state, 7, kept, NULL), 0);
    }
    ese_kept_sweep(kept, rule, 101, 10);
    assert_int_equal(ese_state_save_kept(state, 7, kept, NULL), 0);
    ese_kept_free(&kept);
    ese_state_close(&state);

    state = open_state();
    kept = ese_kept_new();
    assert_int_equal(ese_state_load_kept(state, 7, kept, NULL), 0);
    assert_int_equal(ese_kept_count(kept, rule), 2);
    assert_int_equal(ese_kept_get(kept, rule, "m", &one, NULL), 0);
    assert_int_equal(one.leaves_ms, 300);
    assert_memory_equal(one.bytes, "abc", 3);
    ese_kept_free(&kept);
    kept = ese_kept_new();
    assert_int_equal(ese_state_load_kept(state, 8, kept, NULL), 0);
    assert_int_equal(ese_kept_count(kept, rule), 0); /* another partition's */
    ese_kept_free(&kept);
    ese_state_close(&state);
}

static void a_sheet_missing_in_the_middle_is_told(void **unused)
{
    (void)unused;
    struct ese_error error = {0};
    struct ese_state *state = open_state();
    struct ese_kept *kept = ese_kept_new();
    const struct ese_rule_state one = {.length = 1, .leaves_ms = 1, .bytes = "x"};
    for (char key[] = "a"; key[0] <= 'c'; key[0]++) {
        ese_kept_put(kept, rule, key, &one);
        assert_int_equal(ese_state_save_kept(state, 7, kept, NULL), 0);
    }
    ese_kept_free(&kept);
    assert_int_equal(ese_sqlite_run(ese_state_database(state), "DELETE FROM kept WHERE number = 1", NULL), 0);
    kept = ese_kept_new();
    assert_int_equal(ese_state_load_kept(state, 7, kept, &error), -1);
    assert_int_equal(error.code, ESE_E_INVALID);
    ese_kept_free(&kept);
    assert_int_equal(ese_state_begin(state, NULL), 0); /* no statement is left in the middle */
    assert_int_equal(ese_state_commit(state, NULL), 0);
    ese_state_close(&state);
}

static void repeats_are_kept(void **unused)
{
    (void)unused;
    struct ese_state *state = open_state();
    struct ese_repeats *repeats = ese_repeats_new(2);
    struct ese_id ids[3];
    for (uint32_t i = 0; i < 3; i++) {
        ids[i] = ese_id_make(&(struct ese_id_parts){
            .time_ms = 1, .lane = 4095, .run = 0x3fffffff - i, .sequence = UINT32_MAX});
        ese_repeats_note(repeats, &ids[i], 5);
        assert_int_equal(ese_state_save_repeats(state, 7, repeats, NULL), 0);
    }
    ese_repeats_free(&repeats);
    repeats = ese_repeats_new(2);
    assert_int_equal(ese_state_load_repeats(state, 7, repeats, NULL), 0);
    assert_int_equal(ese_repeats_count(repeats), 2); /* the first was pushed out there, too */
    assert_int_equal(ese_repeats_note(repeats, &ids[2], 5), ESE_REPEATS_SEEN);
    assert_int_equal(ese_repeats_note(repeats, &ids[0], 5), ESE_REPEATS_NEW);
    ese_repeats_free(&repeats);
    repeats = ese_repeats_new(2);
    assert_int_equal(ese_state_load_repeats(state, 8, repeats, NULL), 0);
    assert_int_equal(ese_repeats_count(repeats), 0); /* another partition's */
    ese_repeats_free(&repeats);
    ese_state_close(&state);
}

static struct ese_id name_of(int number)
{
    struct ese_event event = {.source = "s"};
    snprintf(event.foreign_id, sizeof event.foreign_id, "%d", number);
    return ese_event_id_of_name(&event);
}

static void names_are_kept(void **unused)
{
    (void)unused;
    struct ese_state *state = open_state();
    struct ese_named *named = ese_named_new(2);
    struct ese_id ids[3];
    for (int i = 0; i < 3; i++) {
        ids[i] = name_of(i);
        assert_false(ese_named_note(named, &ids[i], 5 + i));
        assert_int_equal(ese_state_save_named(state, 7, named, NULL), 0);
    }
    ese_named_free(&named);
    ese_state_close(&state);

    state = open_state();
    named = ese_named_new(2);
    assert_int_equal(ese_state_load_named(state, 7, named, NULL), 0);
    assert_int_equal(ese_named_count(named), 2); /* the first was pushed out there, too */
    assert_true(ese_named_note(named, &ids[1], 7));
    assert_true(ese_named_note(named, &ids[2], 7));
    assert_false(ese_named_note(named, &ids[1], 7 + ESE_NAMED_KEPT_MS)); /* its time is kept, too */
    ese_named_free(&named);
    named = ese_named_new(2);
    assert_int_equal(ese_state_load_named(state, 8, named, NULL), 0);
    assert_int_equal(ese_named_count(named), 0); /* another partition's */
    ese_named_free(&named);
    ese_state_close(&state);
}

static void a_name_missing_in_the_middle_is_told(void **unused)
{
    (void)unused;
    struct ese_error error = {0};
    struct ese_state *state = open_state();
    struct ese_named *named = ese_named_new(10);
    for (int i = 0; i < 3; i++) {
        struct ese_id id = name_of(i);
        ese_named_note(named, &id, 5);
    }
    assert_int_equal(ese_state_save_named(state, 7, named, NULL), 0);
    ese_named_free(&named);
    assert_int_equal(ese_sqlite_run(ese_state_database(state),
                                    "DELETE FROM named WHERE number = 1", NULL), 0);
    named = ese_named_new(10);
    assert_int_equal(ese_state_load_named(state, 7, named, &error), -1);
    assert_int_equal(error.code, ESE_E_INVALID);
    ese_named_free(&named);
    assert_int_equal(ese_state_begin(state, NULL), 0); /* no statement is left in the middle */
    assert_int_equal(ese_state_commit(state, NULL), 0);
    ese_state_close(&state);
}

/* ---- decisions ------------------------------------------------------------------------------ */

static struct ese_decision decision_of(const char *key, int32_t partition, int64_t made_ms)
{
    struct ese_event last = {.traceparent = "00-1-2-01"};
    snprintf(last.key, sizeof last.key, "%s", key);
    struct ese_id event = ese_id_make(&(struct ese_id_parts){.time_ms = 1, .run = 1});
    struct ese_decision decision;
    ese_decision_make(&decision, "r", &last, &event, 1);
    snprintf(decision.subject, sizeof decision.subject, "subject of %s", key);
    snprintf(decision.content, sizeof decision.content, "content");
    decision.partition = partition;
    decision.made_ms = made_ms;
    return decision;
}

static void add(struct ese_decisions *decisions, const struct ese_decision *decision, bool expected)
{
    bool added = !expected;
    assert_int_equal(ese_decisions_add(decisions, decision, &added, NULL), 0);
    assert_int_equal(added, expected);
}

static void decisions_are_open_until_answered(void **unused)
{
    (void)unused;
    struct ese_state *state = open_state();
    struct ese_decisions *decisions = ese_decisions_new(ese_state_database(state), "t");
    struct ese_decision a = decision_of("a", 0, 10), b = decision_of("b", 0, 20);
    struct ese_decision c = decision_of("c", 1, 30);
    add(decisions, &a, true);
    add(decisions, &b, true);
    add(decisions, &c, true);
    add(decisions, &a, false); /* concluded once more */

    struct ese_decision open[4];
    assert_int_equal(ese_decisions_read_open(decisions, 0, open, 4, NULL), 2);
    assert_memory_equal(&open[0], &a, sizeof a);
    assert_memory_equal(&open[1], &b, sizeof b);
    assert_int_equal(ese_decisions_read_open(decisions, 0, open, 1, NULL), 1);
    for (int times = 0; times < 2; times++) { /* by two members: it is news once */
        bool noted = times == 1;
        assert_int_equal(ese_decisions_note_answered(decisions, &a.id, 1000, &noted, NULL), 0);
        assert_int_equal(noted, times == 0);
        noted = times == 1;
        assert_int_equal(ese_decisions_note_refused(decisions, &b.id, 2000, "422 no", &noted, NULL),
                         0);
        assert_int_equal(noted, times == 0);
    }
    assert_int_equal(ese_decisions_read_open(decisions, 0, open, 4, NULL), 0);
    assert_int_equal(ese_decisions_read_open(decisions, 1, open, 4, NULL), 1);
    add(decisions, &a, false); /* still known */

    assert_int_equal(ese_decisions_sweep(decisions, 2000, 10, NULL), 0);
    add(decisions, &b, false);
    add(decisions, &a, true); /* it had left */
    ese_decisions_free(&decisions);
    ese_state_close(&state);
}

static void unasked_decisions_leave_where_nobody_asks(void **unused)
{
    (void)unused;
    struct ese_state *state = open_state();
    struct ese_decisions *decisions = ese_decisions_new(ese_state_database(state), "t");
    struct ese_decision a = decision_of("a", 0, 10), b = decision_of("b", 0, 20), found;
    add(decisions, &a, true);
    add(decisions, &b, true);
    assert_int_equal(ese_decisions_sweep_unasked(decisions, 0, 20, 10, NULL), 0);
    assert_int_equal(ese_decisions_read_open(decisions, 0, &found, 1, NULL), 1);
    assert_true(ese_id_equal(&found.id, &b.id));
    ese_decisions_free(&decisions);
    ese_state_close(&state);
}

/* ---- room ----------------------------------------------------------------------------------- */

#define BOUND (INT64_C(2) << 20)
#define BATCH 20

/* Adds decisions while there is room for a batch. Returns how many. */
static int fill(struct ese_state *state, struct ese_decisions *decisions, struct ese_error *full)
{
    char key[20];
    int added = 0;
    for (; ese_state_check_room(state, BATCH, full) == 0; added++) {
        snprintf(key, sizeof key, "%d", added);
        struct ese_decision decision = decision_of(key, 0, added);
        add(decisions, &decision, true);
        assert_true(added < 100000);
    }
    return added;
}

/* A row grows by the answer, most of all by a refusal. */
static void what_was_decided_can_be_answered_though_it_is_full(void **unused)
{
    (void)unused;
    struct ese_error full = {0}, error = {0};
    struct ese_state *state = open_bounded(BOUND);
    struct ese_decisions *decisions = ese_decisions_new(ese_state_database(state), "t");
    char key[20], reason[161];
    bool noted;
    memset(reason, 'r', sizeof reason - 1);
    reason[sizeof reason - 1] = '\0';
    int added = fill(state, decisions, &full);
    assert_true(added > 500);
    assert_int_equal(full.code, ESE_E_FULL);
    assert_non_null(strstr(full.text, "2097152 bytes"));
    for (int i = 0; i < added; i++) {
        snprintf(key, sizeof key, "%d", i);
        struct ese_decision decision = decision_of(key, 0, i);
        if (ese_decisions_note_refused(decisions, &decision.id, 1000, reason, &noted, &error) != 0)
            fail_msg("decision %d of %d: %s", i, added, error.text);
    }
    assert_true(ese_state_used_bytes(state) <= BOUND);
    ese_decisions_free(&decisions);
    ese_state_close(&state);
}

static void what_has_left_makes_room(void **unused)
{
    (void)unused;
    struct ese_error full = {0};
    struct ese_state *state = open_bounded(BOUND);
    struct ese_decisions *decisions = ese_decisions_new(ese_state_database(state), "t");
    int added = fill(state, decisions, &full);
    assert_int_equal(ese_decisions_sweep_unasked(decisions, 0, added / 2, 100000, NULL), 0);
    assert_int_equal(ese_state_check_room(state, BATCH, &full), 0);
    assert_int_equal(ese_state_check_room(state, BOUND / ESE_STATE_EVENT_BYTES, &full), -1);
    ese_decisions_free(&decisions);
    ese_state_close(&state);
    state = open_state();
    assert_int_equal(ese_state_check_room(state, 1000000, &full), 0); /* without a bound: always */
    ese_state_close(&state);
}

static void its_directory_is_made(void **unused)
{
    (void)unused;
    static const enum ese_durability durabilities[] = {ESE_DURABILITY_OS, ESE_DURABILITY_DISK};
    char *inside = ese_test_path(directory, "new");
    free(path);
    path = ese_test_path(inside, "state");
    for (size_t i = 0; i < ESE_COUNT_OF(durabilities); i++) {
        ese_test_synced_watch(directory);
        struct ese_state *state = open_as(durabilities[i], 0);
        assert_int_equal(access(path, F_OK), 0);
        assert_int_equal(ese_test_synced(), durabilities[i] == ESE_DURABILITY_DISK ? 1 : 0);
        ese_state_close(&state);
    }
    free(inside);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)

int main(int count, char **words)
{
    const struct CMUnitTest tests[] = {
        TEST(a_position_is_where_the_last_commit_left_it),
        TEST(the_newest_owner_fences_the_older),
        TEST(a_file_belongs_to_one_group_and_transport),
        TEST(what_rules_keep_is_kept),
        TEST(a_sheet_missing_in_the_middle_is_told),
        TEST(repeats_are_kept),
        TEST(names_are_kept),
        TEST(a_name_missing_in_the_middle_is_told),
        TEST(decisions_are_open_until_answered),
        TEST(unasked_decisions_leave_where_nobody_asks),
        TEST(what_was_decided_can_be_answered_though_it_is_full),
        TEST(what_has_left_makes_room),
        TEST(its_directory_is_made),
    };

    if (count > 1)
        cmocka_set_test_filter(words[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
