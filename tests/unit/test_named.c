#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-consumer/named.h"
#include "ese-core/event.h"

#define HOUR_MS ESE_NAMED_KEPT_MS

static struct ese_id id_of(int name)
{
    struct ese_event event = {.source = "shop"};
    snprintf(event.foreign_id, sizeof event.foreign_id, "order-%d", name);
    return ese_event_id_of_name(&event);
}

static bool note(struct ese_named *named, int name, int64_t event_time_ms)
{
    struct ese_id id = id_of(name);
    return ese_named_note(named, &id, event_time_ms);
}

static void each_is_recognised_by_itself(void **state)
{
    (void)state;
    struct ese_named *named = ese_named_new(1000);
    for (int i = 0; i < 1000; i += 2)
        assert_false(note(named, i, 0));
    for (int i = 0; i < 1000; i++)
        assert_int_equal(note(named, i, 0), i % 2 == 0); /* in any order, with gaps */
    for (int i = 999; i >= 0; i--)
        assert_true(note(named, i, 0));
    assert_int_equal(ese_named_count(named), 1000);
    assert_int_equal(ese_named_evicted(named), 0);
    ese_named_free(&named);
    assert_null(named);
}

static void after_an_hour_it_is_forgotten(void **state)
{
    (void)state;
    struct ese_named *named = ese_named_new(100);
    note(named, 1, 1000);
    note(named, 2, 2000);
    assert_true(note(named, 1, 1000 + HOUR_MS)); /* exactly an hour is kept */
    assert_false(note(named, 1, 1001 + HOUR_MS));
    assert_true(note(named, 2, 2000 + HOUR_MS));
    assert_int_equal(ese_named_count(named), 2);
    assert_int_equal(ese_named_evicted(named), 0);
    ese_named_free(&named);
}

static void a_jump_in_time_is_paid_for_in_parts(void **state)
{
    (void)state;
    struct ese_named *named = ese_named_new(100);
    for (int i = 0; i < 100; i++)
        note(named, i, 0);
    for (int i = 0; i < 20; i++)
        note(named, 1000, 2 * HOUR_MS);
    assert_int_equal(ese_named_count(named), 1);
    assert_int_equal(ese_named_evicted(named), 0);
    ese_named_free(&named);
}

static void beyond_the_limit_the_oldest_leaves(void **state)
{
    (void)state;
    struct ese_named *named = ese_named_new(3);
    for (int i = 0; i < 10; i++)
        assert_false(note(named, i, 0));
    assert_int_equal(ese_named_count(named), 3);
    assert_int_equal(ese_named_evicted(named), 7);
    for (int i = 7; i < 10; i++)
        assert_true(note(named, i, 0));
    assert_false(note(named, 6, 0));
    assert_false(note(named, 7, 0)); /* 6 pushed it out */
    ese_named_free(&named);
}

static void agrees_with_a_naive_one(void **state)
{
    (void)state;
    enum { NAMES = 300, LIMIT = 100 };
    struct ese_named *named = ese_named_new(LIMIT);
    int line[20000], count = 0; /* what was noted as new, the newest last */
    uint64_t random = 42;
    for (int i = 0; i < 20000; i++) {
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        int name = (int)((random >> 33) % NAMES);
        bool expected = false;
        for (int j = count > LIMIT ? count - LIMIT : 0; j < count; j++)
            expected |= line[j] == name;
        assert_int_equal(note(named, name, 0), expected);
        if (!expected)
            line[count++] = name;
    }
    assert_true(count > 1000 && count < 19000);
    ese_named_free(&named);
}

/* ---- saving: a table in memory stands for the database -------------------------------------- */

struct shelf {
    struct ese_named_event rows[64];
    int count;
    int calls;
    int fail_at; /* the call that fails; 0: none */
};

static int put(void *context, const struct ese_named_event *event, struct ese_error *error)
{
    struct shelf *shelf = context;
    if (++shelf->calls == shelf->fail_at)
        return ese_fail(error, ESE_E_IO, "the shelf broke");
    assert_true(shelf->count == 0 || shelf->rows[shelf->count - 1].number < event->number);
    shelf->rows[shelf->count++] = *event;
    return 0;
}

static int clear(void *context, int64_t number, struct ese_error *error)
{
    struct shelf *shelf = context;
    if (++shelf->calls == shelf->fail_at)
        return ese_fail(error, ESE_E_IO, "the shelf broke");
    int gone = 0;
    while (gone < shelf->count && shelf->rows[gone].number < number)
        gone++;
    shelf->count -= gone;
    memmove(shelf->rows, shelf->rows + gone, (size_t)shelf->count * sizeof shelf->rows[0]);
    return 0;
}

static int save(struct ese_named *named, struct shelf *shelf, struct ese_error *error)
{
    const struct ese_named_shelf where = {.context = shelf, .put = put, .clear = clear};
    return ese_named_save(named, &where, error);
}

static struct ese_named *restored(const struct shelf *shelf, size_t limit)
{
    struct ese_named *named = ese_named_new(limit);
    for (int i = 0; i < shelf->count; i++)
        assert_int_equal(ese_named_restore(named, &shelf->rows[i], NULL), 0);
    return named;
}

static void what_was_saved_is_known_again(void **state)
{
    (void)state;
    struct shelf shelf = {.count = 0};
    struct ese_named *named = ese_named_new(5);
    for (int life = 0; life < 10; life++) {
        for (int i = 0; i < 3; i++) /* three a life, five are kept */
            assert_false(note(named, 3 * life + i, 1000 * life));
        assert_int_equal(save(named, &shelf, NULL), 0);
        int calls = shelf.calls;
        assert_int_equal(save(named, &shelf, NULL), 0);
        assert_int_equal(shelf.calls, calls); /* nothing changed since */
        assert_int_equal(shelf.count, life == 0 ? 3 : 5);
        ese_named_free(&named);
        named = restored(&shelf, 5);
        assert_true(note(named, 3 * life, 1000 * life));
        assert_true(life == 0 || note(named, 3 * life - 2, 1000 * life));
        assert_int_equal(save(named, &shelf, NULL), 0);
        assert_int_equal(shelf.calls, calls); /* a repeat changes nothing */
    }
    note(named, 1000, 9000 + 2 * HOUR_MS); /* all leave for this one, and it is left unsaved */
    ese_named_free(&named);
}

static void what_came_and_left_between_two_saves_is_not_saved(void **state)
{
    (void)state;
    struct shelf shelf = {.count = 0};
    struct ese_named *named = ese_named_new(4);
    note(named, 0, 0);
    assert_int_equal(save(named, &shelf, NULL), 0);
    for (int i = 1; i < 20; i++)
        note(named, i, 0);
    assert_int_equal(save(named, &shelf, NULL), 0);
    assert_int_equal(shelf.count, 4);
    assert_int_equal(shelf.rows[0].number, 16);
    for (int i = 0; i < 8; i++)
        note(named, 19, 2 * HOUR_MS);
    assert_int_equal(save(named, &shelf, NULL), 0);
    assert_int_equal(shelf.count, 1);
    ese_named_free(&named);
    named = restored(&shelf, 4);
    assert_true(note(named, 19, 2 * HOUR_MS));
    ese_named_free(&named);
}

static void a_failed_save_goes_on_later(void **state)
{
    (void)state;
    for (int fail_at = 1; fail_at <= 4; fail_at++) {
        struct shelf shelf = {.count = 0};
        struct ese_error error = {0};
        struct ese_named *named = ese_named_new(2);
        note(named, 0, 0);
        assert_int_equal(save(named, &shelf, NULL), 0);
        note(named, 1, 0);
        note(named, 2, 0); /* two to put, one to clear */
        shelf = (struct shelf){.rows = {shelf.rows[0]}, .count = 1, .fail_at = fail_at};
        assert_int_equal(save(named, &shelf, &error), fail_at <= 3 ? -1 : 0);
        assert_int_equal(error.code, fail_at <= 3 ? ESE_E_IO : ESE_OK);
        assert_int_equal(save(named, &shelf, NULL), 0);
        assert_int_equal(shelf.count, 2);
        assert_int_equal(shelf.rows[0].number, 1);
        assert_int_equal(shelf.rows[1].number, 2);
        ese_named_free(&named);
    }
}

static int draw(uint64_t *random, int64_t below)
{
    *random = *random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (int)((int64_t)(*random >> 33) % below);
}

/* Beside one that was read anew: both know the same, and go on knowing it. */
static void what_was_noted_since_the_save_is_taken_back(void **state)
{
    (void)state;
    enum { LIMIT = 20, NAMES = 60 };
    struct shelf shelf = {.count = 0};
    struct ese_named *named = ese_named_new(LIMIT);
    int64_t ms = 0;
    uint64_t random = 42;
    for (int round = 0; round < 500; round++) {
        int64_t lost_ms = ms;
        for (int i = round % 50; i >= 0; i--) {
            lost_ms += draw(&random, HOUR_MS / 10);
            note(named, draw(&random, NAMES), lost_ms);
        }
        assert_true(ese_named_undo(named));
        struct ese_named *other = restored(&shelf, LIMIT);
        assert_int_equal(ese_named_count(named), ese_named_count(other));
        for (int i = 0; i < 15; i++) {
            int name = draw(&random, NAMES);
            ms += draw(&random, HOUR_MS / 20);
            assert_int_equal(note(named, name, ms), note(other, name, ms));
        }
        assert_int_equal(ese_named_count(named), ese_named_count(other));
        ese_named_free(&other);
        assert_int_equal(save(named, &shelf, NULL), 0);
    }
    ese_named_free(&named);
}

static void what_has_pushed_out_too_much_cannot_be_taken_back(void **state)
{
    (void)state;
    struct shelf shelf = {.count = 0};
    struct ese_named *named = ese_named_new(2);
    note(named, 0, 0);
    assert_int_equal(save(named, &shelf, NULL), 0);
    for (int i = 1; i < 4098; i++)
        note(named, i, 0);
    assert_int_equal(ese_named_evicted(named), 4096);
    assert_true(ese_named_undo(named));
    assert_int_equal(ese_named_evicted(named), 0);
    assert_true(note(named, 0, 0));
    for (int i = 1; i < 4099; i++)
        note(named, i, 0);
    assert_false(ese_named_undo(named));
    ese_named_free(&named);
}

static void a_number_that_is_missing_is_told(void **state)
{
    (void)state;
    struct ese_error error = {0};
    struct ese_named *named = ese_named_new(10);
    struct ese_named_event event = {.number = 7, .id = id_of(1)};
    assert_int_equal(ese_named_restore(named, &event, &error), 0);
    event = (struct ese_named_event){.number = 9, .id = id_of(2)};
    assert_int_equal(ese_named_restore(named, &event, &error), -1);
    assert_int_equal(error.code, ESE_E_INVALID);
    assert_non_null(strstr(error.text, "number 8"));
    ese_named_free(&named);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_recognised_by_itself),
        cmocka_unit_test(after_an_hour_it_is_forgotten),
        cmocka_unit_test(a_jump_in_time_is_paid_for_in_parts),
        cmocka_unit_test(beyond_the_limit_the_oldest_leaves),
        cmocka_unit_test(agrees_with_a_naive_one),
        cmocka_unit_test(what_was_saved_is_known_again),
        cmocka_unit_test(what_came_and_left_between_two_saves_is_not_saved),
        cmocka_unit_test(a_failed_save_goes_on_later),
        cmocka_unit_test(what_was_noted_since_the_save_is_taken_back),
        cmocka_unit_test(what_has_pushed_out_too_much_cannot_be_taken_back),
        cmocka_unit_test(a_number_that_is_missing_is_told),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
