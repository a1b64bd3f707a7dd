#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-core/clock.h"

static int use_utc(void **state)
{
    (void)state;
    setenv("TZ", "UTC", 1);
    tzset();
    return 0;
}

static void local_text_is_the_originals(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {
        {1700000000123, "2023-11-14 22:13:20.123"},
        {0, "1970-01-01 00:00:00.000"},
        {-1, "1969-12-31 23:59:59.999"},
        {-1000, "1969-12-31 23:59:59.000"},
        {253402300800000, "10000-01-01 00:00:00.000"},
        {INT64_MAX, "9223372036854775807 ms"},
        {INT64_MIN, "-9223372036854775808 ms"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[ESE_CLOCK_TEXT_SIZE];
        ese_clock_local_text(cases[i].ms, text);
        assert_string_equal(text, cases[i].text);
    }
}

static void the_offset_leads_from_one_clock_to_the_other(void **state)
{
    (void)state;
    int64_t before_ns = ese_clock_wall_us() * 1000;
    int64_t wall_ns = ese_clock_monotonic_ns() + ese_clock_wall_offset_ns();
    int64_t after_ns = ese_clock_wall_us() * 1000;
    assert_true(wall_ns > before_ns - ESE_NS_PER_MS && wall_ns < after_ns + ESE_NS_PER_MS);
}

static void a_boot_has_one_name(void **state)
{
    (void)state;
    uint64_t boot = ese_clock_boot();
    assert_true(boot != 0);
    assert_true(boot == ese_clock_boot());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(local_text_is_the_originals),
        cmocka_unit_test(the_offset_leads_from_one_clock_to_the_other),
        cmocka_unit_test(a_boot_has_one_name),
    };
    return cmocka_run_group_tests(tests, use_utc, NULL);
}
