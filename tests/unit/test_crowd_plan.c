/* Who of a crowd is flaky, and how: as the seed says, and no other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "orchestration/crowd/plan.h"

static void write_plan(int64_t seed, int count, int percent, struct ese_buffer *text)
{
    struct ese_crowd_way ways[ESE_CROWD_MOST];
    ese_crowd_draw(seed, count, percent, ways);
    ese_crowd_plan_write(ways, count, text);
}

/* Byte for byte, and in years to come: who repeats a run has the same faults. */
static void one_seed_has_one_plan(void **state)
{
    static const char known[] = "destination 1: hung from its event 58 on\n"
                                "destination 2: slow, 264 ms for each batch\n"
                                "destination 3: slow, 369 ms for each batch\n"
                                "destination 7: failing from its event 16 on, for 1884 ms\n"
                                "destination 9: away from its event 10 on, for 662 ms\n"
                                "destination 18: failing from its event 55 on, for 1192 ms\n";
    struct ese_buffer one = ESE_BUFFER_INIT(10000), other = ESE_BUFFER_INIT(10000);
    (void)state;
    write_plan(1, 20, 30, &one);
    assert_string_equal(one.text, known);
    write_plan(2, 20, 30, &other);
    assert_string_not_equal(one.text, other.text);
    ese_buffer_free(&one);
    ese_buffer_free(&other);
}

static void count_kinds(const struct ese_crowd_way ways[], int count, int of[ESE_CROWD_KINDS])
{
    memset(of, 0, ESE_CROWD_KINDS * sizeof of[0]);
    for (int i = 0; i < count; i++)
        of[ways[i].kind]++;
}

static void one_hangs_and_the_others_take_turns(void **state)
{
    static const struct {
        int count, percent, of[ESE_CROWD_KINDS];
    } cases[] = {
        {20, 0, {20, 0, 0, 0, 0}}, {1, 1, {0, 0, 0, 0, 1}},      {20, 30, {14, 2, 2, 1, 1}},
        {20, 26, {14, 2, 2, 1, 1}}, {100, 30, {70, 10, 10, 9, 1}}, {7, 100, {0, 2, 2, 2, 1}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int64_t seed = 0; seed < 20; seed++) {
            struct ese_crowd_way ways[ESE_CROWD_MOST];
            int of[ESE_CROWD_KINDS];
            ese_crowd_draw(seed, cases[i].count, cases[i].percent, ways);
            count_kinds(ways, cases[i].count, of);
            assert_memory_equal(of, cases[i].of, sizeof of);
        }
    }
}

/* Nobody is ill for longer than a small run lasts, and nobody for no time at all. */
static void each_has_what_its_kind_takes(void **state)
{
    struct ese_crowd_way ways[ESE_CROWD_MOST];
    (void)state;
    ese_crowd_draw(7, ESE_CROWD_MOST, 90, ways);
    for (int i = 0; i < ESE_CROWD_MOST; i++) {
        const struct ese_crowd_way *way = &ways[i];
        bool lasts = way->kind == ESE_CROWD_FAILING || way->kind == ESE_CROWD_AWAY;
        assert_in_range(way->after, way->kind == ESE_CROWD_HEALTHY ? 0 : 1, way->kind == ESE_CROWD_HEALTHY ? 0 : 60);
        assert_in_range(way->for_ms, lasts ? 500 : 0, lasts ? 2000 : 0);
        assert_in_range(way->wait_ms, way->kind == ESE_CROWD_SLOW ? 50 : 0, way->kind == ESE_CROWD_SLOW ? 400 : 0);
        assert_true(way->kind != ESE_CROWD_SLOW || way->after == 1);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_seed_has_one_plan),
        cmocka_unit_test(one_hangs_and_the_others_take_turns),
        cmocka_unit_test(each_has_what_its_kind_takes),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
