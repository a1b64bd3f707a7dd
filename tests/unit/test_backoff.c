#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>

#include "ese-core/backoff.h"

static void doubles_up_to_the_cap(void **state)
{
    (void)state;
    static const int64_t full[] = {100, 200, 400, 800, 1000, 1000, 1000};
    for (int round = 0; round < 200; round++) {
        struct ese_backoff backoff = {.first_ms = 100, .most_ms = 1000};
        for (size_t i = 0; i < sizeof full / sizeof full[0]; i++) {
            int64_t wait_ms = ese_backoff_next_ms(&backoff);
            assert_in_range(wait_ms, full[i] / 2, full[i]);
        }
        assert_int_equal(backoff.attempts, 7);
    }
}

static void stays_capped_for_ever(void **state)
{
    (void)state;
    struct ese_backoff backoff = {.first_ms = 1, .most_ms = INT32_MAX, .attempts = 1000000};
    assert_in_range(ese_backoff_next_ms(&backoff), INT32_MAX / 2, INT32_MAX);
}

static void jitter_uses_its_whole_range(void **state)
{
    (void)state;
    bool seen[3] = {false, false, false}; /* waits of 2, 3 and 4 */
    for (int round = 0; round < 1000; round++) {
        struct ese_backoff backoff = {.first_ms = 4, .most_ms = 4};
        seen[ese_backoff_next_ms(&backoff) - 2] = true;
    }
    assert_true(seen[0] && seen[1] && seen[2]);
}

static void reset_begins_again(void **state)
{
    (void)state;
    struct ese_backoff backoff = {.first_ms = 10, .most_ms = 1000, .attempts = 6};
    ese_backoff_reset(&backoff);
    assert_in_range(ese_backoff_next_ms(&backoff), 5, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(doubles_up_to_the_cap),
        cmocka_unit_test(stays_capped_for_ever),
        cmocka_unit_test(jitter_uses_its_whole_range),
        cmocka_unit_test(reset_begins_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
