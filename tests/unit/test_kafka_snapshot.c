/* What is listed of the topics: in which order, and how much of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-core/memory.h"
#include "transports/kafka/snapshot.h"

static struct ese_error error;

/* client_ts tells which one it is. */
static int add(struct ese_snapshot *snapshot, const char *ip, int64_t server_ts, int32_t partition,
               int64_t client_ts)
{
    struct ese_event event = {.type = ESE_TYPE_CLICK, .sub_type = "KEY_PRESS_EVENT",
                              .client_ts = client_ts, .server_ts = server_ts};
    snprintf(event.ip, sizeof event.ip, "%s", ip);
    return ese_snapshot_add(snapshot, &event, partition, &error);
}

static void assert_next(struct ese_snapshot *snapshot, const char *ip, int64_t client_ts)
{
    struct ese_event event;
    assert_true(ese_snapshot_next(snapshot, &event));
    assert_string_equal(event.ip, ip);
    assert_int_equal(event.client_ts, client_ts);
}

static void assert_end(struct ese_snapshot *snapshot)
{
    struct ese_event event;
    assert_false(ese_snapshot_next(snapshot, &event));
    assert_false(ese_snapshot_next(snapshot, &event));
}

static void an_event_comes_out_as_it_went_in(void **state)
{
    (void)state;
    struct ese_snapshot *snapshot = ese_snapshot_new(10);
    struct ese_event event = {.type = ESE_TYPE_ORDER, .sub_type = "ORDER_CREATED",
                              .ip = "10.0.0.1", .client_ts = 5, .server_ts = 6,
                              .data = ese_copy_text("{\"orderId\":\"o-1\"}")};
    const struct ese_id_parts parts = {.time_ms = 5, .lane = 7, .run = 99, .sequence = 5};
    struct ese_event out;
    event.id = ese_id_make(&parts);
    assert_int_equal(ese_snapshot_add(snapshot, &event, 3, &error), 0);
    assert_int_equal(add(snapshot, "10.0.0.2", 8, 3, 7), 0);
    ese_snapshot_sort(snapshot);
    assert_int_equal(ese_snapshot_count(snapshot), 2);
    assert_true(ese_snapshot_next(snapshot, &out));
    assert_true(ese_id_equal(&out.id, &event.id));
    assert_string_equal(out.type, ESE_TYPE_ORDER);
    assert_string_equal(out.sub_type, "ORDER_CREATED");
    assert_string_equal(out.ip, "10.0.0.1");
    assert_int_equal(out.client_ts, 5);
    assert_int_equal(out.server_ts, 6);
    assert_string_equal(out.data, "{\"orderId\":\"o-1\"}");
    assert_true(ese_snapshot_next(snapshot, &out));
    assert_string_equal(out.data, "{}");
    assert_end(snapshot);
    ese_event_clear(&event);
    ese_snapshot_free(&snapshot);
    assert_null(snapshot);
}

static void nothing_is_no_event(void **state)
{
    (void)state;
    struct ese_snapshot *snapshot = ese_snapshot_new(1);
    ese_snapshot_sort(snapshot);
    assert_end(snapshot);
    ese_snapshot_free(&snapshot);
    ese_snapshot_free(&snapshot);
}

/* As strcmp has it, and SQLite. */
static void they_are_sorted_by_ip_and_then_by_time(void **state)
{
    (void)state;
    struct ese_snapshot *snapshot = ese_snapshot_new(10);
    assert_int_equal(add(snapshot, "10.0.0.9", 100, 0, 1), 0);
    assert_int_equal(add(snapshot, "10.0.0.9", 103, 0, 2), 0);
    assert_int_equal(add(snapshot, "10.0.0.10", 104, 0, 3), 0);
    assert_int_equal(add(snapshot, "10.0.0.9", 101, 65536, 4), 0);
    assert_int_equal(add(snapshot, "10.0.0.9", 103, 65536, 5), 0);
    ese_snapshot_sort(snapshot);
    assert_next(snapshot, "10.0.0.10", 3);
    assert_next(snapshot, "10.0.0.9", 1);
    assert_next(snapshot, "10.0.0.9", 4);
    assert_next(snapshot, "10.0.0.9", 2);
    assert_next(snapshot, "10.0.0.9", 5);
    assert_end(snapshot);
    ese_snapshot_free(&snapshot);
}

/* Also where a broker's clock went back, and where all came in one millisecond. */
static void within_a_partition_nothing_is_turned_round(void **state)
{
    (void)state;
    static const int64_t times[] = {100, 105, 101, 101, 104, 106, 106};
    struct ese_snapshot *snapshot = ese_snapshot_new(100);
    for (size_t i = 0; i < ESE_COUNT_OF(times); i++) {
        assert_int_equal(add(snapshot, "a", times[i], 1, (int64_t)i), 0);
        assert_int_equal(add(snapshot, "a", 50, 2, (int64_t)(1000 + i)), 0);
    }
    ese_snapshot_sort(snapshot);
    for (size_t i = 0; i < ESE_COUNT_OF(times); i++)
        assert_next(snapshot, "a", (int64_t)(1000 + i));
    for (size_t i = 0; i < ESE_COUNT_OF(times); i++)
        assert_next(snapshot, "a", (int64_t)i);
    ese_snapshot_free(&snapshot);
}

static void all_that_it_is_made_for_finds_room(void **state)
{
    (void)state;
    struct ese_snapshot *snapshot = ese_snapshot_new(5000);
    for (int i = 0; i < 5000; i++)
        assert_int_equal(add(snapshot, "203.0.113.200-10", 1000 + i, i % 6, i), 0);
    ese_snapshot_sort(snapshot);
    for (int i = 0; i < 5000; i++)
        assert_next(snapshot, "203.0.113.200-10", i);
    ese_snapshot_free(&snapshot);
}

static void what_is_too_large_is_refused_by_name(void **state)
{
    (void)state;
    struct ese_snapshot *snapshot = ese_snapshot_new(4);
    struct ese_event event = {.type = "T", .sub_type = "S", .ip = "a",
                              .data = ese_alloc(4 * ESE_SNAPSHOT_EVENT_BYTES + 1)};
    memset(event.data, 'x', 4 * ESE_SNAPSHOT_EVENT_BYTES);
    assert_int_equal(ese_snapshot_add(snapshot, &event, 0, &error), -1);
    assert_int_equal(error.code, ESE_E_FULL);
    assert_non_null(strstr(error.text, "--list-events"));
    assert_non_null(strstr(error.text, "--retention"));
    event.data[2 * ESE_SNAPSHOT_EVENT_BYTES] = '\0'; /* there is room for one that large */
    assert_int_equal(ese_snapshot_add(snapshot, &event, 0, &error), 0);
    assert_int_equal(ese_snapshot_add(snapshot, &event, 0, &error), -1);
    assert_int_equal(ese_snapshot_count(snapshot), 1);
    ese_event_clear(&event);
    ese_snapshot_free(&snapshot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_comes_out_as_it_went_in),
        cmocka_unit_test(nothing_is_no_event),
        cmocka_unit_test(they_are_sorted_by_ip_and_then_by_time),
        cmocka_unit_test(within_a_partition_nothing_is_turned_round),
        cmocka_unit_test(all_that_it_is_made_for_finds_room),
        cmocka_unit_test(what_is_too_large_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
