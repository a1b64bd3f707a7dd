#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "ese-consumer/pulse.h"
#include "ese-core/clock.h"
#include "ese-core/health.h"
#include "tests/support/wait.h"

#define PATIENCE_MS 300
#define LONG_MS 20000

struct bench {
    struct ese_pulse *pulse;
    char text[ESE_HEALTH_TEXT_SIZE];
};

static int open_bench(void **state)
{
    static struct bench bench;
    bench = (struct bench){.pulse = ese_pulse_new("walk", PATIENCE_MS)};
    *state = &bench;
    return 0;
}

static int close_bench(void **state)
{
    struct bench *bench = *state;
    ese_pulse_free(&bench->pulse);
    return 0;
}

static bool is_well(struct bench *bench)
{
    return ese_pulse_well(bench->pulse, bench->text, sizeof bench->text);
}

static bool is_sick(void *context)
{
    return !is_well(context);
}

/* The loop goes on all the while. */
static bool is_sick_at_the_next_turn(void *context)
{
    struct bench *bench = context;
    ese_pulse_turned(bench->pulse);
    return !is_well(bench);
}

static void a_loop_that_turns_is_well(void **state)
{
    struct bench *bench = *state;
    int64_t until_ns = ese_clock_monotonic_ns() + 2 * PATIENCE_MS * ESE_NS_PER_MS;
    assert_true(is_well(bench)); /* before its first turn, too */
    assert_string_equal(bench->text, "");
    while (ese_clock_monotonic_ns() < until_ns) {
        assert_false(is_sick_at_the_next_turn(bench));
        ese_clock_sleep_until(ese_clock_monotonic_ns() + ESE_NS_PER_MS);
    }
}

static void a_loop_that_stands_still_is_sick(void **state)
{
    struct bench *bench = *state;
    int64_t before_ns = ese_clock_monotonic_ns();
    assert_true(ese_test_wait_until(is_sick, bench, LONG_MS));
    assert_true(ese_clock_monotonic_ns() - before_ns > PATIENCE_MS * ESE_NS_PER_MS);
    assert_non_null(strstr(bench->text, "nothing has moved on for "));
    ese_pulse_turned(bench->pulse);
    assert_true(is_well(bench));
}

/* Whatever turned before, and whoever is heard of. */
static void who_reads_no_more_is_sick_for_good(void **state)
{
    struct bench *bench = *state;
    assert_true(is_well(bench));
    ese_pulse_over(bench->pulse, "somebody newer reads");
    assert_false(is_well(bench));
    assert_string_equal(bench->text, "somebody newer reads");
    ese_contact_heard(ese_pulse_transport(bench->pulse));
    assert_true(is_sick_at_the_next_turn(bench));
    assert_string_equal(bench->text, "somebody newer reads");
}

static void check_absence(struct bench *bench, struct ese_contact *contact, const char *name)
{
    int64_t before_ns = ese_clock_monotonic_ns();
    ese_pulse_turned(bench->pulse);
    ese_contact_lost(contact, "the line is cut");
    assert_true(is_well(bench));
    assert_non_null(strstr(bench->text, name)); /* a note */
    assert_true(ese_test_wait_until(is_sick_at_the_next_turn, bench, LONG_MS));
    assert_true(ese_clock_monotonic_ns() - before_ns > PATIENCE_MS * ESE_NS_PER_MS);
    assert_non_null(strstr(bench->text, name));
    assert_non_null(strstr(bench->text, "the line is cut"));
    ese_contact_heard(contact);
    assert_true(is_well(bench));
    assert_string_equal(bench->text, "");
}

static void absence_is_a_note_and_then_sickness(void **state)
{
    struct bench *bench = *state;
    check_absence(bench, ese_pulse_transport(bench->pulse), "'walk'");
    check_absence(bench, ese_pulse_mailer(bench->pulse), "the mailer");
}

static void who_has_been_away_too_long_has_the_word(void **state)
{
    struct bench *bench = *state;
    ese_contact_lost(ese_pulse_transport(bench->pulse), "the line is cut");
    assert_true(ese_test_wait_until(is_sick_at_the_next_turn, bench, LONG_MS));
    ese_contact_lost(ese_pulse_mailer(bench->pulse), "refused");
    assert_false(is_well(bench));
    assert_non_null(strstr(bench->text, "the line is cut"));
    ese_contact_heard(ese_pulse_transport(bench->pulse));
    assert_true(is_well(bench));
    assert_non_null(strstr(bench->text, "refused"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_bench, close_bench)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_loop_that_turns_is_well),
        TEST(a_loop_that_stands_still_is_sick),
        TEST(who_reads_no_more_is_sick_for_good),
        TEST(absence_is_a_note_and_then_sickness),
        TEST(who_has_been_away_too_long_has_the_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
