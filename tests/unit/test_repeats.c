#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ese-consumer/repeats.h"

#define HOUR_MS ESE_REPEATS_KEPT_MS

static struct ese_id id_of(uint32_t run, uint16_t lane, uint32_t sequence)
{
    return ese_id_make(&(struct ese_id_parts){
        .time_ms = 1700000000000, .lane = lane, .run = run, .sequence = sequence});
}

static enum ese_repeats_verdict note(struct ese_repeats *repeats, uint32_t run, uint16_t lane,
                                     uint32_t sequence, int64_t event_time_ms)
{
    struct ese_id id = id_of(run, lane, sequence);
    return ese_repeats_note(repeats, &id, event_time_ms);
}

static void a_number_had_is_seen(void **state)
{
    (void)state;
    struct ese_repeats *repeats = ese_repeats_new(100);
    assert_int_equal(note(repeats, 7, 3, 10, 0), ESE_REPEATS_NEW);
    assert_int_equal(note(repeats, 7, 3, 10, 0), ESE_REPEATS_SEEN);
    assert_int_equal(note(repeats, 7, 3, 11, 0), ESE_REPEATS_NEW);
    assert_int_equal(note(repeats, 7, 3, 10, 0), ESE_REPEATS_SEEN);
    assert_int_equal(note(repeats, 7, 4, 10, 0), ESE_REPEATS_NEW); /* another lane */
    assert_int_equal(note(repeats, 8, 3, 10, 0), ESE_REPEATS_NEW); /* another run */
    assert_int_equal(ese_repeats_count(repeats), 3);
    ese_repeats_free(&repeats);
}

static void a_gap_is_filled_once(void **state)
{
    (void)state;
    struct ese_repeats *repeats = ese_repeats_new(100);
    assert_int_equal(note(repeats, 1, 1, 5, 0), ESE_REPEATS_NEW);
    assert_int_equal(note(repeats, 1, 1, 9, 0), ESE_REPEATS_NEW);
    assert_int_equal(note(repeats, 1, 1, 7, 0), ESE_REPEATS_NEW);
    assert_int_equal(note(repeats, 1, 1, 7, 0), ESE_REPEATS_SEEN);
    assert_int_equal(note(repeats, 1, 1, 5, 0), ESE_REPEATS_SEEN);
    ese_repeats_free(&repeats);
}

static void the_window_has_its_edges(void **state)
{
    (void)state;
    struct ese_repeats *repeats = ese_repeats_new(100);
    note(repeats, 1, 1, 100, 0);
    note(repeats, 1, 1, 100 + ESE_REPEATS_WINDOW - 1, 0);
    assert_int_equal(note(repeats, 1, 1, 100, 0), ESE_REPEATS_SEEN); /* the last inside */
    assert_int_equal(note(repeats, 1, 1, 99, 0), ESE_REPEATS_BEYOND);
    note(repeats, 1, 1, 100 + ESE_REPEATS_WINDOW, 0);
    assert_int_equal(note(repeats, 1, 1, 100, 0), ESE_REPEATS_BEYOND);
    assert_int_equal(note(repeats, 1, 1, 101, 0), ESE_REPEATS_NEW); /* never had, still inside */
    ese_repeats_free(&repeats);
}

static void a_jump_clears_what_it_passes(void **state)
{
    (void)state;
    struct ese_repeats *repeats = ese_repeats_new(100);
    for (uint32_t s = 0; s < ESE_REPEATS_WINDOW; s++)
        note(repeats, 1, 1, s, 0);
    note(repeats, 1, 1, ESE_REPEATS_WINDOW + 500, 0); /* passes 500 places of the ring */
    assert_int_equal(note(repeats, 1, 1, ESE_REPEATS_WINDOW + 499, 0), ESE_REPEATS_NEW);
    assert_int_equal(note(repeats, 1, 1, ESE_REPEATS_WINDOW, 0), ESE_REPEATS_NEW);
    assert_int_equal(note(repeats, 1, 1, ESE_REPEATS_WINDOW - 1, 0), ESE_REPEATS_SEEN);
    note(repeats, 1, 1, UINT32_MAX, 0); /* passes all of them */
    assert_int_equal(note(repeats, 1, 1, UINT32_MAX - 1, 0), ESE_REPEATS_NEW);
    assert_int_equal(note(repeats, 1, 1, UINT32_MAX - 1023, 0), ESE_REPEATS_NEW);
    assert_int_equal(note(repeats, 1, 1, UINT32_MAX - 1024, 0), ESE_REPEATS_BEYOND);
    assert_int_equal(note(repeats, 1, 1, UINT32_MAX, 0), ESE_REPEATS_SEEN);
    ese_repeats_free(&repeats);
}

static void agrees_with_a_naive_one(void **state)
{
    (void)state;
    enum { NUMBERS = 4000 };
    struct ese_repeats *repeats = ese_repeats_new(100);
    bool *had = calloc(NUMBERS, sizeof *had);
    uint32_t highest = 0;
    uint64_t random = 42;
    for (int i = 0; i < 20000; i++) {
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        uint32_t reach = highest < 1400 ? highest : 1400;
        uint32_t s = highest - reach + (uint32_t)(random >> 33) % (reach + 4);
        if (s >= NUMBERS)
            break;
        highest = s > highest ? s : highest;
        enum ese_repeats_verdict expected = had[s] ? ESE_REPEATS_SEEN : ESE_REPEATS_NEW;
        if (highest - s >= ESE_REPEATS_WINDOW)
            expected = ESE_REPEATS_BEYOND;
        assert_int_equal(note(repeats, 1, 1, s, 0), expected);
        had[s] = true;
    }
    free(had);
    ese_repeats_free(&repeats);
}

static void an_hour_unseen_is_forgotten(void **state)
{
    (void)state;
    struct ese_repeats *repeats = ese_repeats_new(100);
    note(repeats, 1, 1, 5, 1000);
    note(repeats, 2, 1, 5, 2000);
    note(repeats, 1, 1, 6, 3000);
    note(repeats, 3, 1, 5, 2000 + HOUR_MS);
    assert_int_equal(ese_repeats_count(repeats), 3); /* exactly an hour is kept */
    note(repeats, 3, 1, 6, 2001 + HOUR_MS);
    assert_int_equal(ese_repeats_count(repeats), 2); /* run 2 has gone, run 1 was seen since */
    assert_int_equal(note(repeats, 1, 1, 5, 2002 + HOUR_MS), ESE_REPEATS_SEEN);
    assert_int_equal(note(repeats, 2, 1, 5, 2002 + HOUR_MS), ESE_REPEATS_NEW);
    assert_int_equal(ese_repeats_evicted(repeats), 0);
    ese_repeats_free(&repeats);
}

static void strangers_push_out_no_lane_in_use(void **state)
{
    (void)state;
    struct ese_repeats *repeats = ese_repeats_new(50);
    for (uint32_t i = 0; i < 1000; i++) {
        note(repeats, 100 + i, (uint16_t)(i % 4096), i * 77, 0); /* as if runs of their own */
        if (i % 20 == 0)
            assert_int_equal(note(repeats, 1, 1, i, 0), ESE_REPEATS_NEW);
    }
    assert_int_equal(ese_repeats_count(repeats), 50);
    assert_int_equal(ese_repeats_evicted(repeats), 1001 - 50);
    assert_int_equal(note(repeats, 1, 1, 980, 0), ESE_REPEATS_SEEN);
    assert_int_equal(note(repeats, 100, 0, 0, 0), ESE_REPEATS_NEW); /* this one was pushed out */
    ese_repeats_free(&repeats);
}

/* ---- saving: a table in memory stands for the database -------------------------------------- */

struct shelf {
    struct ese_repeat rows[64];
    int count;
    int calls;
    int fail_at; /* the call that fails; 0: none */
};

static int keep(void *context, const struct ese_repeat *repeat, bool forgotten,
                struct ese_error *error)
{
    struct shelf *shelf = context;
    if (++shelf->calls == shelf->fail_at)
        return ese_fail(error, ESE_E_IO, "the shelf broke");
    int i = 0;
    while (i < shelf->count &&
           (shelf->rows[i].run != repeat->run || shelf->rows[i].lane != repeat->lane))
        i++;
    if (forgotten && i < shelf->count)
        shelf->rows[i] = shelf->rows[--shelf->count];
    if (forgotten)
        return 0;
    shelf->rows[i] = *repeat;
    shelf->count += i == shelf->count;
    return 0;
}

static void what_was_saved_is_known_again(void **state)
{
    (void)state;
    struct shelf shelf = {.count = 0};
    struct ese_repeats *repeats = ese_repeats_new(100);
    note(repeats, 1, 1, 5, 1000);
    note(repeats, 1, 1, 8, 1000);
    note(repeats, 2, 9, 70000, 1500);
    assert_int_equal(ese_repeats_save(repeats, keep, &shelf, NULL), 0);
    assert_int_equal(shelf.calls, 2); /* once for each changed */
    assert_int_equal(ese_repeats_save(repeats, keep, &shelf, NULL), 0);
    assert_int_equal(shelf.calls, 2); /* nothing changed since */
    ese_repeats_free(&repeats);

    struct ese_repeats *again = ese_repeats_new(100);
    for (int i = 0; i < shelf.count; i++)
        ese_repeats_restore(again, &shelf.rows[i]);
    assert_int_equal(note(again, 1, 1, 5, 2000), ESE_REPEATS_SEEN);
    assert_int_equal(note(again, 1, 1, 6, 2000), ESE_REPEATS_NEW);
    assert_int_equal(note(again, 1, 1, 8, 2000), ESE_REPEATS_SEEN);
    assert_int_equal(note(again, 2, 9, 70000, 2000), ESE_REPEATS_SEEN);
    ese_repeats_free(&again);
}

static void forgetting_is_saved_too(void **state)
{
    (void)state;
    struct shelf shelf = {.count = 0};
    struct ese_repeats *repeats = ese_repeats_new(2);
    note(repeats, 1, 1, 5, 0);
    note(repeats, 2, 1, 5, 0);
    ese_repeats_save(repeats, keep, &shelf, NULL);
    note(repeats, 3, 1, 5, 0); /* pushes out 1 */
    note(repeats, 1, 1, 6, 0); /* which comes again, and pushes out 2 */
    ese_repeats_save(repeats, keep, &shelf, NULL);
    assert_int_equal(shelf.count, 2);
    for (int i = 0; i < shelf.count; i++)
        assert_int_not_equal(shelf.rows[i].run, 2);
    note(repeats, 4, 1, 5, 0); /* left unsaved on purpose: free lets go of all */
    ese_repeats_free(&repeats);
}

static void a_failed_save_goes_on_later(void **state)
{
    (void)state;
    struct shelf shelf = {.fail_at = 2};
    struct ese_error error = {0};
    struct ese_repeats *repeats = ese_repeats_new(100);
    note(repeats, 1, 1, 5, 0);
    note(repeats, 2, 1, 5, 0);
    note(repeats, 3, 1, 5, 0);
    assert_int_equal(ese_repeats_save(repeats, keep, &shelf, &error), -1);
    assert_int_equal(error.code, ESE_E_IO);
    assert_int_equal(ese_repeats_save(repeats, keep, &shelf, &error), 0);
    assert_int_equal(shelf.count, 3);
    ese_repeats_free(&repeats);
}

static int recall(void *context, struct ese_repeat *repeat, struct ese_error *error)
{
    struct shelf *shelf = context;
    if (++shelf->calls == shelf->fail_at)
        return ese_fail(error, ESE_E_IO, "the shelf broke");
    for (int i = 0; i < shelf->count; i++) {
        if (shelf->rows[i].run != repeat->run || shelf->rows[i].lane != repeat->lane)
            continue;
        *repeat = shelf->rows[i];
        return 1;
    }
    return 0;
}

static int by_time(const void *a, const void *b)
{
    const struct ese_repeat *left = a, *right = b;
    return (left->event_time_ms > right->event_time_ms) - (left->event_time_ms < right->event_time_ms);
}

static struct ese_repeats *restored(struct shelf *shelf, size_t limit)
{
    struct ese_repeats *repeats = ese_repeats_new(limit);
    qsort(shelf->rows, (size_t)shelf->count, sizeof shelf->rows[0], by_time);
    for (int i = 0; i < shelf->count; i++)
        ese_repeats_restore(repeats, &shelf->rows[i]);
    return repeats;
}

static uint32_t draw(uint64_t *random, uint32_t below)
{
    *random = *random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*random >> 33) % below;
}

/* Beside one that was read anew: both know the same, and go on knowing it. */
static void what_was_noted_since_the_save_is_taken_back(void **state)
{
    (void)state;
    enum { LIMIT = 20, RUNS = 40, SEQUENCES = 30 };
    struct shelf shelf = {.count = 0};
    struct ese_repeats *repeats = ese_repeats_new(LIMIT);
    int64_t ms = 0;
    uint64_t random = 42;
    for (int round = 0; round < 500; round++) {
        int64_t evicted = ese_repeats_evicted(repeats), lost_ms = ms;
        for (int i = round % 50; i >= 0; i--) {
            uint32_t run = draw(&random, RUNS), sequence = draw(&random, SEQUENCES);
            lost_ms += draw(&random, HOUR_MS / 10);
            note(repeats, run, 1, sequence, lost_ms);
        }
        assert_int_equal(ese_repeats_undo(repeats, recall, &shelf, NULL), 0);
        assert_int_equal(ese_repeats_evicted(repeats), evicted);
        struct ese_repeats *other = restored(&shelf, LIMIT);
        assert_int_equal(ese_repeats_count(repeats), ese_repeats_count(other));
        for (int i = 0; i < 15; i++) {
            uint32_t run = draw(&random, RUNS), sequence = draw(&random, SEQUENCES);
            ms += 1 + draw(&random, HOUR_MS / 20); /* no two the same: their order would be anybody's */
            assert_int_equal(note(repeats, run, 1, sequence, ms), note(other, run, 1, sequence, ms));
        }
        assert_int_equal(ese_repeats_count(repeats), ese_repeats_count(other));
        ese_repeats_free(&other);
        assert_int_equal(ese_repeats_save(repeats, keep, &shelf, NULL), 0);
    }
    ese_repeats_free(&repeats);
}

static void taking_back_asks_for_what_has_changed_alone(void **state)
{
    (void)state;
    struct shelf shelf = {.count = 0};
    struct ese_error error = {0};
    struct ese_repeats *repeats = ese_repeats_new(100);
    for (uint32_t run = 1; run <= 50; run++)
        note(repeats, run, 1, 5, 1000);
    assert_int_equal(ese_repeats_save(repeats, keep, &shelf, NULL), 0);
    note(repeats, 7, 1, 6, 1000);
    note(repeats, 51, 1, 6, 1000);
    shelf.calls = 0;
    assert_int_equal(ese_repeats_undo(repeats, recall, &shelf, NULL), 0);
    assert_int_equal(shelf.calls, 2);
    assert_int_equal(ese_repeats_count(repeats), 50);
    assert_int_equal(note(repeats, 7, 1, 5, 1000), ESE_REPEATS_SEEN);
    assert_int_equal(note(repeats, 7, 1, 6, 1000), ESE_REPEATS_NEW);
    shelf.fail_at = 3;
    assert_int_equal(ese_repeats_undo(repeats, recall, &shelf, &error), -1);
    assert_int_equal(error.code, ESE_E_IO);
    ese_repeats_free(&repeats);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_had_is_seen),
        cmocka_unit_test(a_gap_is_filled_once),
        cmocka_unit_test(the_window_has_its_edges),
        cmocka_unit_test(a_jump_clears_what_it_passes),
        cmocka_unit_test(agrees_with_a_naive_one),
        cmocka_unit_test(an_hour_unseen_is_forgotten),
        cmocka_unit_test(strangers_push_out_no_lane_in_use),
        cmocka_unit_test(what_was_saved_is_known_again),
        cmocka_unit_test(forgetting_is_saved_too),
        cmocka_unit_test(a_failed_save_goes_on_later),
        cmocka_unit_test(what_was_noted_since_the_save_is_taken_back),
        cmocka_unit_test(taking_back_asks_for_what_has_changed_alone),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
