/* How far each of a crowd's destinations has come, and that its next life knows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "ese-core/history.h"
#include "ese-core/memory.h"
#include "orchestration/crowd/places.h"
#include "tests/support/directory.h"

static void what_was_passed_is_where_it_goes_on(void **state)
{
    struct ese_crowd_places places = {0};
    const struct ese_record records[] = {{.partition = 4, .offset = 7, .next = 8},
                                         {.partition = 4, .offset = 8, .next = 9},
                                         {.partition = 2, .offset = 0, .next = 100}};
    const struct ese_unreadable stray = {.partition = 4, .offset = 6, .next = 7};
    const struct ese_batch batch = {.records = records, .count = 3, .unreadable = 1, .unreadables = &stray};
    (void)state;
    assert_int_equal(ese_crowd_places_from(&places, 4), ESE_OFFSET_EARLIEST);
    ese_crowd_places_pass(&places, &batch);
    assert_int_equal(ese_crowd_places_from(&places, 4), 9); /* the stray stood before that */
    assert_int_equal(ese_crowd_places_from(&places, 2), 100);
    assert_int_equal(ese_crowd_places_from(&places, 3), ESE_OFFSET_EARLIEST);
    ese_crowd_places_free(&places);
}

static void who_has_not_moved_has_nothing_to_acknowledge(void **state)
{
    struct ese_crowd_places places = {0};
    const struct ese_record one = {.partition = 1, .next = 5}, other = {.partition = 2, .next = 6};
    const struct ese_unreadable stray = {.partition = 3, .next = 7};
    const struct ese_batch first = {.records = &one, .count = 1}, second = {.records = &other, .count = 1},
                           third = {.unreadable = 1, .unreadables = &stray};
    (void)state;
    ese_crowd_places_pass(&places, &first);
    assert_true(places.list[0].has_moved);
    ese_crowd_places_pass(&places, &second);
    assert_false(places.list[0].has_moved);
    assert_true(places.list[1].has_moved);
    ese_crowd_places_pass(&places, &third);
    assert_true(places.list[2].has_moved); /* what is no event is passed, too */
    ese_crowd_places_free(&places);
}

static void note(struct ese_history *history, enum ese_history_kind kind, int number, int32_t partition, int64_t next)
{
    const struct ese_history_record record = {.kind = (uint16_t)kind, .aux = (uint16_t)number, .partition = partition,
                                              .time_ns = 1, .a = next};
    ese_history_record(history, &record);
}

static void the_next_life_reads_where_each_stood(void **state)
{
    struct ese_crowd_places places[2] = {{0}, {0}};
    struct ese_history *history = NULL;
    struct ese_error error;
    char *directory = ese_test_directory_make(), *path = ese_test_path(directory, "crowd.history");
    const struct ese_history_options options = {.path = path, .party = "ese-crowd", .transport = "x", .limit = 1 << 20};
    (void)state;
    assert_int_equal(ese_crowd_places_read(path, places, 2, &error), 0); /* there was none yet */
    assert_int_equal(ese_crowd_places_read(NULL, places, 2, &error), 0);
    assert_int_equal(ese_history_open(&options, &history, &error), 0);
    note(history, ESE_HISTORY_COMMITTED, 1, 0, 10);
    note(history, ESE_HISTORY_COMMITTED, 2, 0, 5);
    note(history, ESE_HISTORY_COMMITTED, 1, 0, 12);
    note(history, ESE_HISTORY_GIVEN, 2, 0, 70);
    note(history, ESE_HISTORY_COMMITTED, 2, 1, 3);
    note(history, ESE_HISTORY_COMMITTED, 3, 0, 99); /* of a crowd that was larger then */
    note(history, ESE_HISTORY_COMMITTED, 0, 0, 98);
    ese_history_close(&history);
    assert_int_equal(ese_crowd_places_read(path, places, 2, &error), 0);
    assert_int_equal(ese_crowd_places_from(&places[0], 0), 12);
    assert_int_equal(ese_crowd_places_from(&places[0], 1), ESE_OFFSET_EARLIEST);
    assert_int_equal(ese_crowd_places_from(&places[1], 0), 5);
    assert_int_equal(ese_crowd_places_from(&places[1], 1), 3);
    ese_crowd_places_free(&places[0]);
    ese_crowd_places_free(&places[1]);
    free(path);
    ese_test_directory_remove(&directory);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_passed_is_where_it_goes_on),
        cmocka_unit_test(who_has_not_moved_has_nothing_to_acknowledge),
        cmocka_unit_test(the_next_life_reads_where_each_stood),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
