#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "ese-client/vitals.h"
#include "ese-core/clock.h"
#include "ese-core/health.h"
#include "ese-core/wire.h"
#include "tests/support/wait.h"

#define PATIENCE_MS 300
#define LONG_MS 20000

struct bench {
    struct ese_metrics *metrics;
    struct ese_vitals *vitals;
    int pending;
    char text[ESE_HEALTH_TEXT_SIZE];
};

static int open_bench(void **state)
{
    static struct bench bench;
    bench = (struct bench){.metrics = ese_metrics_new()};
    bench.vitals = ese_vitals_new(bench.metrics, PATIENCE_MS);
    *state = &bench;
    return 0;
}

static int close_bench(void **state)
{
    struct bench *bench = *state;
    ese_vitals_free(&bench->vitals);
    ese_metrics_free(&bench->metrics);
    return 0;
}

/* ---- what the loop does ---------------------------------------------------------------------- */

static void turn(struct bench *bench)
{
    ese_vitals_turned(bench->vitals, bench->pending, ese_clock_monotonic_ns());
}

static void offer(struct bench *bench, int64_t behind_ms)
{
    int64_t now_ns = ese_clock_monotonic_ns();
    ese_vitals_offered(bench->vitals, now_ns - behind_ms * ESE_NS_PER_MS, now_ns, behind_ms > 5);
    bench->pending++;
    turn(bench);
}

static void end(struct bench *bench, enum ese_outcome outcome)
{
    bench->pending--;
    ese_vitals_ended(bench->vitals, outcome);
    if (outcome == ESE_OUTCOME_ACKNOWLEDGED)
        ese_vitals_acknowledged(bench->vitals, 1500, bench->pending, ese_clock_monotonic_ns());
    turn(bench);
}

static bool is_well(struct bench *bench)
{
    turn(bench);
    return ese_vitals_well(bench->vitals, bench->text, sizeof bench->text);
}

static bool is_sick(void *context)
{
    return !is_well(context);
}

static bool is_still(void *context)
{
    struct bench *bench = context;
    return !ese_vitals_well(bench->vitals, bench->text, sizeof bench->text);
}

static bool stays_well(struct bench *bench)
{
    int64_t until_ns = ese_clock_monotonic_ns() + 2 * PATIENCE_MS * ESE_NS_PER_MS;
    while (ese_clock_monotonic_ns() < until_ns) {
        if (!is_well(bench))
            return false;
        ese_clock_sleep_until(ese_clock_monotonic_ns() + ESE_NS_PER_MS);
    }
    return true;
}

static void becomes_sick(struct bench *bench, int64_t since_ns, const char *words)
{
    assert_true(ese_test_wait_until(is_sick, bench, LONG_MS));
    assert_true(ese_clock_monotonic_ns() - since_ns > PATIENCE_MS * ESE_NS_PER_MS);
    if (strstr(bench->text, words) == NULL)
        fail_msg("'%s' expected in: %s", words, bench->text);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void who_has_nothing_to_offer_is_well(void **state)
{
    struct bench *bench = *state;
    assert_true(ese_vitals_well(bench->vitals, bench->text, sizeof bench->text));
    assert_true(stays_well(bench));
    assert_string_equal(bench->text, "");
    offer(bench, 0);
    end(bench, ESE_OUTCOME_ACKNOWLEDGED);
    assert_true(stays_well(bench)); /* a slow schedule is none */
}

static void a_loop_that_stands_still_is_sick(void **state)
{
    struct bench *bench = *state;
    turn(bench);
    assert_true(ese_test_wait_until(is_still, bench, LONG_MS));
    assert_non_null(strstr(bench->text, "nothing has moved on for "));
    assert_true(is_well(bench));
}

static void offers_in_vain_are_sickness(void **state)
{
    struct bench *bench = *state;
    int64_t since_ns = ese_clock_monotonic_ns();
    offer(bench, 0);
    offer(bench, 0);
    assert_true(is_well(bench));
    becomes_sick(bench, since_ns, "none was acknowledged for 0 s; 2 wait");
    end(bench, ESE_OUTCOME_REFUSED); /* nor does this help */
    assert_false(is_well(bench));
    since_ns = ese_clock_monotonic_ns();
    offer(bench, 0);
    end(bench, ESE_OUTCOME_ACKNOWLEDGED); /* one is enough, and the other's time begins anew */
    assert_true(is_well(bench));
    becomes_sick(bench, since_ns, "none was acknowledged for 0 s; 1 wait");
    end(bench, ESE_OUTCOME_ACKNOWLEDGED);
    assert_true(is_well(bench));
}

static void who_is_behind_the_schedule_is_sick(void **state)
{
    struct bench *bench = *state;
    offer(bench, 900); /* late, but no more than that */
    end(bench, ESE_OUTCOME_ACKNOWLEDGED);
    assert_true(is_well(bench));
    offer(bench, 3100);
    end(bench, ESE_OUTCOME_ACKNOWLEDGED);
    assert_false(is_well(bench));
    assert_string_equal(bench->text, "the schedule is not kept: 3 s behind");
    offer(bench, 0);
    end(bench, ESE_OUTCOME_ACKNOWLEDGED);
    assert_true(is_well(bench));
}

static int64_t counter(struct bench *bench, const char *name)
{
    return ese_metric_value(ese_metrics_counter(bench->metrics, name, NULL, ""));
}

static void figures_are_shown(void **state)
{
    struct bench *bench = *state;
    struct ese_buffer text = ESE_BUFFER_INIT(1 << 20);
    for (int i = 0; i < 5; i++)
        offer(bench, i == 4 ? 6 : 0);
    end(bench, ESE_OUTCOME_ACKNOWLEDGED);
    end(bench, ESE_OUTCOME_UNKNOWN);
    end(bench, ESE_OUTCOME_NOT_SENT);
    ese_vitals_skipped(bench->vitals);
    uint64_t sent_before = ese_wire_totals().sent;
    ese_wire_add(70, 30);
    ese_vitals_note_wire(bench->vitals);
    ese_vitals_note_wire(bench->vitals);
    assert_int_equal(counter(bench, "ese_client_offered_total"), 5);
    assert_int_equal(counter(bench, "ese_client_late_total"), 1);
    assert_int_equal(counter(bench, "ese_client_acknowledged_total"), 1);
    assert_int_equal(counter(bench, "ese_client_unknown_total"), 1);
    assert_int_equal(counter(bench, "ese_client_not_sent_total"), 1);
    assert_int_equal(counter(bench, "ese_client_refused_total"), 0);
    assert_int_equal(counter(bench, "ese_client_skipped_total"), 1);
    assert_int_equal(counter(bench, "ese_client_sent_bytes_total"), sent_before + 70);
    assert_int_equal(counter(bench, "ese_client_received_bytes_total"), 30);
    ese_metrics_render(bench->metrics, &text);
    assert_non_null(strstr(text.text, "gauge\nese_client_in_flight 2\n"));
    assert_non_null(strstr(text.text, "ese_client_latency_seconds_bucket{le=\"0.001\"} 0\n"
                                      "ese_client_latency_seconds_bucket{le=\"0.0025\"} 1\n"));
    ese_buffer_free(&text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_bench, close_bench)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(who_has_nothing_to_offer_is_well),
        TEST(a_loop_that_stands_still_is_sick),
        TEST(offers_in_vain_are_sickness),
        TEST(who_is_behind_the_schedule_is_sick),
        TEST(figures_are_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
