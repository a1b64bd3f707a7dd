#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "transports/kafka/window.h"

static struct ese_name id_name(uint32_t sequence)
{
    struct ese_event event = {0};
    const struct ese_id_parts parts = {.time_ms = 1, .lane = 3, .run = 4, .sequence = sequence};
    event.id = ese_id_make(&parts);
    return ese_name_of_event(&event);
}

static struct ese_name foreign_name(const char *source, const char *id)
{
    struct ese_event event = {0};
    snprintf(event.source, sizeof event.source, "%s", source);
    snprintf(event.foreign_id, sizeof event.foreign_id, "%s", id);
    return ese_name_of_event(&event);
}

static void finds_what_was_added_and_nothing_else(void **state)
{
    (void)state;
    struct ese_window *window = ese_window_new(1000, 5000, 5000);
    for (uint32_t i = 0; i < 5000; i++) {
        struct ese_name name = id_name(i);
        assert_null(ese_window_find(window, &name));
        struct ese_window_entry *entry = ese_window_add(window, &name, 0);
        assert_non_null(entry);
        entry->server_ts = i;
    }
    for (uint32_t i = 0; i < 5000; i++) {
        struct ese_name name = id_name(i);
        assert_int_equal(ese_window_find(window, &name)->server_ts, i);
    }
    struct ese_name absent = id_name(5000);
    assert_null(ese_window_find(window, &absent));
    ese_window_free(&window);
    assert_null(window);
}

static void names_of_different_kinds_differ(void **state)
{
    (void)state;
    struct ese_window *window = ese_window_new(1000, 100, 100);
    const struct ese_name names[] = {foreign_name("a", "b"), foreign_name("ab", ""),
                                     foreign_name("a", "c"), foreign_name("b", "b"),
                                     ese_name_of_key("b"), ese_name_of_key("ab")};
    for (size_t i = 0; i < 6; i++) {
        if (i == 1)
            continue; /* no foreign id: named by its own id, which is none */
        assert_null(ese_window_find(window, &names[i]));
        assert_non_null(ese_window_add(window, &names[i], 0));
    }
    ese_window_free(&window);
}

static void a_full_window_refuses_and_drops_nothing(void **state)
{
    (void)state;
    struct ese_window *window = ese_window_new(1000, 2, 2);
    struct ese_name names[] = {id_name(0), id_name(1), id_name(2)};
    struct ese_window_entry *first = ese_window_add(window, &names[0], 0);
    assert_non_null(first);
    assert_non_null(ese_window_add(window, &names[1], 0));
    assert_null(ese_window_add(window, &names[2], 0));
    assert_non_null(ese_window_find(window, &names[0]));
    ese_window_forget(window, first);
    assert_null(ese_window_find(window, &names[0]));
    assert_int_equal(ese_window_count(window), 1);
    assert_non_null(ese_window_add(window, &names[2], 0));
    ese_window_free(&window);
}

static void old_entries_leave_in_their_order(void **state)
{
    (void)state;
    struct ese_window *window = ese_window_new(1000, 10, 10);
    struct ese_name names[] = {id_name(0), id_name(1), id_name(2)};
    for (int i = 0; i < 3; i++)
        ese_window_add(window, &names[i], i * 100)->state = ESE_ENTRY_STORED;
    ese_window_expire(window, 999);
    assert_int_equal(ese_window_count(window), 3);
    ese_window_expire(window, 1000);
    assert_null(ese_window_find(window, &names[0]));
    assert_int_equal(ese_window_count(window), 2);
    ese_window_find(window, &names[1])->state = ESE_ENTRY_IN_FLIGHT;
    ese_window_expire(window, 5000);
    assert_int_equal(ese_window_count(window), 2);
    ese_window_find(window, &names[1])->state = ESE_ENTRY_UNKNOWN;
    ese_window_expire(window, 5000);
    assert_int_equal(ese_window_count(window), 0);
    ese_window_free(&window);
}

static void forgetting_from_the_middle_keeps_the_order(void **state)
{
    (void)state;
    struct ese_window *window = ese_window_new(1000, 10, 10);
    struct ese_name names[] = {id_name(0), id_name(1), id_name(2)};
    struct ese_window_entry *middle = NULL;
    for (int i = 0; i < 3; i++) {
        struct ese_window_entry *entry = ese_window_add(window, &names[i], i * 100);
        entry->state = ESE_ENTRY_STORED;
        middle = i == 1 ? entry : middle;
    }
    ese_window_forget(window, middle);
    ese_window_expire(window, 1000);
    assert_int_equal(ese_window_count(window), 1);
    ese_window_expire(window, 1200);
    assert_int_equal(ese_window_count(window), 0);
    assert_non_null(ese_window_add(window, &names[0], 1300));
    ese_window_free(&window);
}

/* As the gateway does it: an id with its event, which is stored. */
static struct ese_window_entry *stored(struct ese_window *window, const struct ese_name *name, int64_t now_ms)
{
    struct ese_window_entry *entry = ese_window_add(window, name, now_ms);
    assert_non_null(entry);
    if (name->kind == ESE_NAME_ID)
        memcpy(entry->id.bytes, name->bytes, sizeof name->bytes);
    ese_window_stored(window, entry);
    return entry;
}

static bool had(const struct ese_window *window, uint32_t sequence)
{
    struct ese_name name = id_name(sequence);
    struct ese_event event = {0};
    memcpy(event.id.bytes, name.bytes, sizeof name.bytes);
    return ese_window_had(window, &event);
}

/* Far more of them than there is room for, and none is refused or forgotten; nor is what is no id of ours, or not
 * stored. */
static void older_ids_are_kept_by_their_place(void **state)
{
    (void)state;
    struct ese_window *window = ese_window_new(1000000, 100, 40);
    struct ese_name foreign = foreign_name("shop", "7"), unknown = id_name(3), key = ese_name_of_key("k");
    stored(window, &foreign, 0);
    stored(window, &key, 0);
    struct ese_window_entry *doubted = ese_window_add(window, &unknown, 0);
    memcpy(doubted->id.bytes, unknown.bytes, sizeof unknown.bytes);
    doubted->state = ESE_ENTRY_UNKNOWN;
    for (uint32_t i = 0; i < 5000; i++) {
        struct ese_name name = id_name(i);
        if (i != 3)
            stored(window, &name, i);
        ese_window_expire(window, i);
        assert_true(ese_window_count(window) <= 43);
    }
    for (uint32_t i = 0; i < 5000; i++) {
        struct ese_name name = id_name(i);
        assert_int_equal(ese_window_find(window, &name) != NULL, i == 3 || i >= 4960);
        assert_int_equal(had(window, i), i != 3 && i < 4960);
    }
    assert_false(had(window, 5000));
    assert_non_null(ese_window_find(window, &foreign));
    assert_non_null(ese_window_find(window, &key));
    assert_int_equal(ese_window_spans(window), 2);
    ese_window_stored(window, doubted);
    for (uint32_t i = 5000; i < 5041; i++) {
        struct ese_name name = id_name(i);
        stored(window, &name, i);
    }
    ese_window_expire(window, 5041);
    assert_true(had(window, 3));
    assert_int_equal(ese_window_spans(window), 1);
    ese_window_free(&window);
}

/* An event with a name of its own is found by that, whatever id it was given. */
static void a_foreign_id_is_not_known_by_its_place(void **state)
{
    (void)state;
    struct ese_window *window = ese_window_new(1000, 10, 0);
    struct ese_name name = id_name(5);
    struct ese_event event = {.foreign_id = "7"};
    stored(window, &name, 0);
    ese_window_expire(window, 1);
    assert_true(had(window, 5));
    memcpy(event.id.bytes, name.bytes, sizeof name.bytes);
    assert_false(ese_window_had(window, &event));
    ese_window_free(&window);
}

/* As clients send them: along one lane, over all lanes in turn, a lane each, and one sequence for ever. */
static struct ese_name name_sent(int way, uint32_t i)
{
    const struct ese_id_parts ways[] = {
        {.time_ms = 1000 + i / 50, .lane = 3, .run = 4, .sequence = i},
        {.time_ms = 1000 + i / 50, .lane = (uint16_t)(i % ESE_ID_LANES), .run = 4, .sequence = i / ESE_ID_LANES},
        {.time_ms = 1000, .lane = (uint16_t)(i % ESE_ID_LANES), .run = 4 + i / ESE_ID_LANES},
        {.time_ms = 1000 + i, .lane = 3, .run = 4},
    };
    struct ese_event event = {.id = ese_id_make(&ways[way])};
    return ese_name_of_event(&event);
}

/* Among 65,536 buckets that are drawn by chance, ten of 50,000 names meet in one once in a thousand times. */
static void names_are_spread_however_they_come(void **state)
{
    (void)state;
    for (int way = 0; way < 4; way++) {
        struct ese_window *window = ese_window_new(1000, 100000, 100000);
        for (uint32_t i = 0; i < 50000; i++) {
            struct ese_name name = name_sent(way, i);
            assert_non_null(ese_window_add(window, &name, 0));
        }
        assert_in_range(ese_window_longest_chain(window), 1, 16);
        ese_window_free(&window);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_was_added_and_nothing_else),
        cmocka_unit_test(names_of_different_kinds_differ),
        cmocka_unit_test(a_full_window_refuses_and_drops_nothing),
        cmocka_unit_test(old_entries_leave_in_their_order),
        cmocka_unit_test(forgetting_from_the_middle_keeps_the_order),
        cmocka_unit_test(older_ids_are_kept_by_their_place),
        cmocka_unit_test(a_foreign_id_is_not_known_by_its_place),
        cmocka_unit_test(names_are_spread_however_they_come),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
