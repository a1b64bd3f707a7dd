#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-core/clock.h"
#include "orchestration/proxy/flow.h"

#define SIZE 1000
#define MS ESE_NS_PER_MS

static struct ese_proxy_flow flow;
static struct ese_random chance;

static uint64_t put_in, taken_out; /* bytes */

static int open_flow(void **state)
{
    (void)state;
    ese_proxy_flow_open(&flow, SIZE, ese_random_seeded(7, 0));
    chance = ese_random_seeded(11, 0);
    put_in = taken_out = 0;
    return 0;
}

static int close_flow(void **state)
{
    (void)state;
    ese_proxy_flow_close(&flow);
    return 0;
}

/* The n-th byte of all that passes. */
static char byte_at(uint64_t n)
{
    return (char)(n * 31 + n / 251);
}

static size_t put(size_t most, int64_t latency_ns, int64_t jitter_ns, int64_t now_ns)
{
    const struct ese_proxy_delay delay = {latency_ns, jitter_ns};
    size_t room;
    char *place = ese_proxy_flow_room(&flow, &room);
    size_t length = most < room ? most : room;
    for (size_t i = 0; i < length; i++)
        place[i] = byte_at(put_in + i);
    if (length > 0)
        ese_proxy_flow_put(&flow, length, &delay, now_ns);
    put_in += length;
    return length;
}

/* Fails where a byte is another one than the next. */
static size_t take(size_t most, int64_t now_ns)
{
    size_t length;
    const char *bytes = ese_proxy_flow_due(&flow, now_ns, &length);
    length = length < most ? length : most;
    for (size_t i = 0; i < length; i++)
        assert_int_equal(bytes[i], byte_at(taken_out + i));
    ese_proxy_flow_take(&flow, length);
    taken_out += length;
    return length;
}

static size_t due(int64_t now_ns)
{
    size_t length;
    ese_proxy_flow_due(&flow, now_ns, &length);
    return length;
}

/* When each of ten pieces is due, of a flow with that seed. */
static void jitter_of(uint64_t seed, int64_t dues_ns[10])
{
    const struct ese_proxy_delay delay = {20 * MS, 1000 * MS};
    struct ese_proxy_flow one;
    for (int i = 0; i < 10; i++) {
        size_t room;
        ese_proxy_flow_open(&one, SIZE, ese_random_seeded(seed, (uint64_t)i));
        *ese_proxy_flow_room(&one, &room) = 'x';
        ese_proxy_flow_put(&one, 1, &delay, 5 * MS);
        dues_ns[i] = ese_proxy_flow_next_ns(&one);
        ese_proxy_flow_close(&one);
    }
}

static void the_same_seed_gives_the_same_jitter(void **state)
{
    (void)state;
    int64_t first_ns[10], again_ns[10], other_ns[10];
    jitter_of(42, first_ns);
    jitter_of(42, again_ns);
    jitter_of(43, other_ns);
    assert_memory_equal(first_ns, again_ns, sizeof first_ns);
    assert_memory_not_equal(first_ns, other_ns, sizeof first_ns);
}

static void bytes_are_due_after_the_latency_and_soon(void **state)
{
    (void)state;
    put(10, 100 * MS, 0, 5 * MS);
    assert_int_equal(due(105 * MS - 1), 0);
    assert_int_equal(due(105 * MS + 100 * MS / 256 + 1), 10);
    int64_t next_ns = ese_proxy_flow_next_ns(&flow);
    assert_in_range(next_ns, 105 * MS, 105 * MS + 100 * MS / 256 + 1);
    put(10, 100 * MS, 0, 6 * MS);
    assert_int_equal(due(next_ns), 10);
    assert_int_equal(due(107 * MS), 20);
}

static void without_latency_they_are_due_at_once(void **state)
{
    (void)state;
    for (int i = 0; i < 900; i++)
        put(1, 0, 0, i);
    assert_int_equal(due(899), 900);
    assert_int_equal(flow.part_count, 1);
}

static void a_latency_that_is_taken_away_overtakes_nothing(void **state)
{
    (void)state;
    put(10, 100 * MS, 0, 0);
    put(10, 0, 0, 1 * MS);
    assert_int_equal(due(99 * MS), 0);
    assert_int_equal(due(101 * MS), 20);
}

static void jitter_is_within_its_bounds_and_by_the_seed(void **state)
{
    (void)state;
    int64_t least_ns = INT64_MAX, most_ns = 0, seen_ns[50];
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 50; i++) {
            int64_t now_ns = i * 100 * MS;
            put(1, 10 * MS, 40 * MS, now_ns);
            int64_t took_ns = ese_proxy_flow_next_ns(&flow) - now_ns;
            least_ns = took_ns < least_ns ? took_ns : least_ns;
            most_ns = took_ns > most_ns ? took_ns : most_ns;
            if (round == 1)
                assert_int_equal(took_ns, seen_ns[i]);
            seen_ns[i] = took_ns;
            ese_proxy_flow_take(&flow, 1);
        }
        flow.random = ese_random_seeded(7, 0);
    }
    assert_in_range(least_ns, 10 * MS, 20 * MS);
    assert_in_range(most_ns, 40 * MS, 50 * MS + 50 * MS / 256 + 1);
}

static void there_is_an_end(void **state)
{
    (void)state;
    const struct ese_proxy_delay delay = {.latency_ns = 100 * MS};
    assert_int_equal(ese_proxy_flow_next_ns(&flow), INT64_MAX);
    put(10, 100 * MS, 0, 0);
    ese_proxy_flow_end(&flow, &delay, 0);
    assert_false(ese_proxy_flow_is_over(&flow, 1000 * MS));
    assert_int_equal(take(100, 101 * MS), 10);
    assert_false(ese_proxy_flow_is_over(&flow, 99 * MS));
    assert_true(ese_proxy_flow_is_over(&flow, 101 * MS));
    assert_in_range(ese_proxy_flow_next_ns(&flow), 100 * MS, 101 * MS);
}

static void there_is_no_more_room_than_there_is(void **state)
{
    (void)state;
    assert_int_equal(put(2 * SIZE, 0, 0, 0), SIZE);
    assert_int_equal(put(1, 0, 0, 0), 0);
    assert_int_equal(take(300, 0), 300);
    assert_int_equal(put(2 * SIZE, 0, 0, 0), 300);
    assert_int_equal(take(2 * SIZE, 0), SIZE - 300);
    assert_int_equal(take(2 * SIZE, 0), 300);
    assert_int_equal(flow.part_count, 0);
}

/* Whatever the pieces, the latencies and the times at which somebody looks. */
static void nothing_is_lost_or_out_of_order(void **state)
{
    (void)state;
    int64_t now_ns = 0;
    while (taken_out < 2000000) {
        int64_t latency_ns = (int64_t)ese_random_below(&chance, 3) * MS * 50;
        int64_t jitter_ns = (int64_t)ese_random_below(&chance, 2) * MS * 20;
        put((size_t)ese_random_below(&chance, 300), latency_ns, jitter_ns, now_ns);
        if (ese_random_below(&chance, 2) == 0)
            take((size_t)ese_random_below(&chance, 500), now_ns);
        now_ns += (int64_t)ese_random_below(&chance, MS);
        assert_true(flow.part_count <= ESE_PROXY_PARTS);
        assert_true(flow.length == put_in - taken_out);
    }
}

/* With one part left, the last one takes what comes, and is due when that is. */
static void parts_are_bounded(void **state)
{
    (void)state;
    for (int i = 0; i < SIZE; i++)
        put(1, i * MS, 0, i * MS);
    assert_int_equal(flow.part_count, ESE_PROXY_PARTS);
    assert_int_equal(flow.length, SIZE);
    for (int left = SIZE; left > 0;)
        left -= (int)take(SIZE, INT64_MAX);
    assert_int_equal(flow.part_count, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_same_seed_gives_the_same_jitter, open_flow, close_flow),
        cmocka_unit_test_setup_teardown(bytes_are_due_after_the_latency_and_soon, open_flow, close_flow),
        cmocka_unit_test_setup_teardown(without_latency_they_are_due_at_once, open_flow, close_flow),
        cmocka_unit_test_setup_teardown(a_latency_that_is_taken_away_overtakes_nothing, open_flow, close_flow),
        cmocka_unit_test_setup_teardown(jitter_is_within_its_bounds_and_by_the_seed, open_flow, close_flow),
        cmocka_unit_test_setup_teardown(there_is_an_end, open_flow, close_flow),
        cmocka_unit_test_setup_teardown(there_is_no_more_room_than_there_is, open_flow, close_flow),
        cmocka_unit_test_setup_teardown(nothing_is_lost_or_out_of_order, open_flow, close_flow),
        cmocka_unit_test_setup_teardown(parts_are_bounded, open_flow, close_flow),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
