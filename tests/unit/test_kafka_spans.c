/* Spans beside a model that has every sequence by itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-core/memory.h"
#include "ese-core/random.h"
#include "transports/kafka/spans.h"

#define LANES 40
#define SEQUENCES 500

static struct ese_id id_of(int lane, uint32_t sequence)
{
    const struct ese_id_parts parts = {
        .time_ms = 5, .lane = (uint16_t)(lane % 8), .run = 1 + (uint32_t)lane / 8, .sequence = sequence};
    return ese_id_make(&parts);
}

static bool add(struct ese_spans *spans, int lane, uint32_t sequence, int64_t now_ms)
{
    struct ese_id id = id_of(lane, sequence);
    return ese_spans_add(spans, &id, now_ms);
}

static bool have(const struct ese_spans *spans, int lane, uint32_t sequence)
{
    struct ese_id id = id_of(lane, sequence);
    return ese_spans_have(spans, &id);
}

static size_t stretches(bool had[LANES][SEQUENCES])
{
    size_t count = 0;
    for (int lane = 0; lane < LANES; lane++) {
        for (int i = 0; i < SEQUENCES; i++)
            count += had[lane][i] && (i == 0 || !had[lane][i - 1]);
    }
    return count;
}

static void they_have_what_was_added_in_whatever_order(void **state)
{
    (void)state;
    static bool had[LANES][SEQUENCES];
    struct ese_random random = ese_random_seeded(5, 1);
    struct ese_spans *spans = ese_spans_new(1000, 100000);
    for (int i = 0; i < 3 * LANES * SEQUENCES; i++) {
        int lane = (int)ese_random_below(&random, LANES);
        uint32_t sequence = (uint32_t)ese_random_below(&random, SEQUENCES);
        assert_int_equal(have(spans, lane, sequence), had[lane][sequence]);
        assert_true(add(spans, lane, sequence, 0));
        assert_true(have(spans, lane, sequence));
        had[lane][sequence] = true;
        if (i % 1000 == 0)
            assert_int_equal(ese_spans_count(spans), stretches(had));
    }
    for (int lane = 0; lane < LANES; lane++) {
        for (uint32_t k = 0; k < SEQUENCES; k++)
            assert_int_equal(have(spans, lane, k), had[lane][k]);
    }
    ese_spans_free(&spans);
    assert_null(spans);
}

static void a_lane_in_order_is_one_span(void **state)
{
    (void)state;
    struct ese_spans *spans = ese_spans_new(1000, 3);
    for (uint32_t k = 0; k < 1000; k++) {
        for (int lane = 0; lane < 2; lane++)
            assert_true(add(spans, lane, k + (lane == 0 && k >= 500), 0)); /* 500 of one of them was refused */
    }
    assert_int_equal(ese_spans_count(spans), 3); /* there was room for one gap alone */
    assert_false(have(spans, 0, 500));
    assert_true(add(spans, 0, 500, 0)); /* and is stored after all */
    assert_int_equal(ese_spans_count(spans), 2);
    assert_true(have(spans, 0, 500) && have(spans, 0, 499) && have(spans, 0, 501) && have(spans, 0, 1000));
    ese_spans_free(&spans);
}

static void the_ends_of_a_lane_are_no_neighbours(void **state)
{
    (void)state;
    struct ese_spans *spans = ese_spans_new(1000, 10);
    assert_true(add(spans, 0, UINT32_MAX, 0));
    assert_false(have(spans, 0, 0));
    assert_true(add(spans, 0, 0, 0));
    assert_int_equal(ese_spans_count(spans), 2);
    assert_true(add(spans, 0, UINT32_MAX - 1, 0));
    assert_int_equal(ese_spans_count(spans), 2);
    assert_false(have(spans, 0, 1));
    assert_true(have(spans, 0, UINT32_MAX));
    ese_spans_free(&spans);
}

/* One more is refused until one is old enough: by the newest that is in it. */
static void there_are_so_many_and_no_more(void **state)
{
    (void)state;
    struct ese_spans *spans = ese_spans_new(5000, 3);
    for (uint32_t k = 0; k < 3; k++)
        assert_true(add(spans, (int)k, 7, 0));
    assert_false(add(spans, 0, 9, 4999));
    assert_true(add(spans, 1, 8, 4999)); /* needs none */
    assert_false(add(spans, 0, 9, 5000)); /* who looked just now does not look again */
    assert_true(add(spans, 0, 9, 6000));
    assert_int_equal(ese_spans_count(spans), 2);
    assert_false(have(spans, 0, 7) || have(spans, 2, 7));
    assert_true(have(spans, 1, 7) && have(spans, 1, 8) && have(spans, 0, 9));
    ese_spans_free(&spans);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_have_what_was_added_in_whatever_order),
        cmocka_unit_test(a_lane_in_order_is_one_span),
        cmocka_unit_test(the_ends_of_a_lane_are_no_neighbours),
        cmocka_unit_test(there_are_so_many_and_no_more),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests_name("kafka_spans", tests, NULL, NULL);
}
