#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>

#include "ese-core/random.h"

/* SplitMix64 from state 1234567, as its authors' reference code gives it. */
static void is_splitmix64(void **state)
{
    (void)state;
    struct ese_random random = {.state = 1234567};
    assert_true(ese_random_next(&random) == UINT64_C(6457827717110365317));
    assert_true(ese_random_next(&random) == UINT64_C(3203168211198807973));
}

static void a_seed_decides(void **state)
{
    (void)state;
    struct ese_random one = ese_random_seeded(7, 1), same = ese_random_seeded(7, 1);
    struct ese_random stream = ese_random_seeded(7, 2), seed = ese_random_seeded(8, 1);
    for (int i = 0; i < 100; i++) {
        uint64_t drawn = ese_random_next(&one);
        assert_true(drawn == ese_random_next(&same));
        assert_true(drawn != ese_random_next(&stream));
        assert_true(drawn != ese_random_next(&seed));
    }
}

static void below_is_even_and_bounded(void **state)
{
    (void)state;
    struct ese_random random = ese_random_seeded(1, 0);
    int counts[10] = {0};
    for (int i = 0; i < 100000; i++)
        counts[ese_random_below(&random, 10)]++;
    for (int i = 0; i < 10; i++)
        assert_in_range(counts[i], 9500, 10500);
    for (int i = 0; i < 100; i++)
        assert_true(ese_random_below(&random, 1) == 0);
    /* A bound that does not divide 2^64 evenly: both halves must come as often. */
    uint64_t bound = UINT64_C(3) << 62;
    int low = 0;
    for (int i = 0; i < 10000; i++)
        low += ese_random_below(&random, bound) < bound / 2;
    assert_in_range(low, 4700, 5300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_splitmix64),
        cmocka_unit_test(a_seed_decides),
        cmocka_unit_test(below_is_even_and_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
