/* The newest keys of a stream: each is found, the last position counts, what is dropped is gone, they leave sorted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ese-core/memory.h"
#include "transports/webhook/key_memtable.h"

#define MOST ESE_WEBHOOK_MEMTABLE_MOST

static int set_up(void **state)
{
    *state = ese_alloc(sizeof(struct ese_webhook_memtable));
    return 0;
}

static int tear_down(void **state)
{
    free(*state);
    return 0;
}

/* In no order. */
static void make_uuid(int number, char uuid[ESE_ID_TEXT_SIZE])
{
    snprintf(uuid, ESE_ID_TEXT_SIZE, "%08x-0000-7000-8000-%012x", (unsigned)number * 2654435761U, (unsigned)number);
}

/* At positions from `first` on. */
static void put_many(struct ese_webhook_memtable *table, int count, int first)
{
    char uuid[ESE_ID_TEXT_SIZE];

    for (int i = 0; i < count; i++) {
        make_uuid(i, uuid);
        ese_webhook_memtable_put(table, uuid, first + i);
    }
}

static int64_t find(const struct ese_webhook_memtable *table, int number)
{
    char uuid[ESE_ID_TEXT_SIZE];

    make_uuid(number, uuid);
    return ese_webhook_memtable_find(table, uuid);
}

static void drop(struct ese_webhook_memtable *table, int number, int64_t position)
{
    char uuid[ESE_ID_TEXT_SIZE];

    make_uuid(number, uuid);
    ese_webhook_memtable_drop(table, uuid, position);
}

static void each_is_found(void **state)
{
    struct ese_webhook_memtable *table = *state;

    put_many(table, MOST, 1);
    for (int i = 0; i < MOST; i++)
        assert_int_equal(find(table, i), 1 + i);
    assert_int_equal(find(table, MOST), 0);
}

static void one_that_comes_again_has_its_last_position(void **state)
{
    struct ese_webhook_memtable *table = *state;

    put_many(table, MOST, 1);
    put_many(table, MOST, 5001);
    assert_int_equal(table->count, MOST);
    assert_int_equal(find(table, 0), 5001);
    assert_int_equal(find(table, MOST - 1), 5000 + MOST);
}

static void what_is_dropped_is_gone_until_it_comes_again(void **state)
{
    struct ese_webhook_memtable *table = *state;

    put_many(table, 3, 1);
    drop(table, 1, 3); /* of another event */
    drop(table, 9, 2); /* of none */
    assert_int_equal(find(table, 1), 2);
    drop(table, 1, 2);
    assert_int_equal(find(table, 1), 0);
    assert_int_equal(find(table, 2), 3);
    put_many(table, 2, 11);
    assert_int_equal(find(table, 1), 12);
}

static void they_leave_sorted_and_without_what_was_dropped(void **state)
{
    struct ese_webhook_memtable *table = *state;

    put_many(table, MOST, 1);
    drop(table, 7, 8);
    ese_webhook_memtable_sort(table);
    assert_int_equal(table->count, MOST - 1);
    for (int i = 0; i < table->count; i++) {
        assert_int_not_equal(table->keys[i].position, 0);
        assert_true(i == 0 || strcmp(table->keys[i - 1].uuid, table->keys[i].uuid) < 0);
    }
}

static void a_cleared_one_has_room_again(void **state)
{
    struct ese_webhook_memtable *table = *state;

    put_many(table, MOST, 1);
    ese_webhook_memtable_clear(table);
    assert_int_equal(find(table, 0), 0);
    put_many(table, MOST, 1);
    assert_int_equal(find(table, MOST - 1), MOST);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_that_comes_again_has_its_last_position, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_dropped_is_gone_until_it_comes_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(they_leave_sorted_and_without_what_was_dropped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_cleared_one_has_room_again, set_up, tear_down),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
