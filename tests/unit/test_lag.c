/* How many events waited at any time, whole and in shares; each count beside what must not be taken for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "ese-core/random.h"
#include "orchestration/lab/lag.h"

#define BEGUN_NS (INT64_C(1000) * ESE_NS_PER_S)

enum { EVENTS = 400 };

static int64_t at(double seconds)
{
    return BEGUN_NS + (int64_t)(seconds * 1e9);
}

/* One an acknowledgement, in seconds since the first was due; processed at -1: never. */
static struct ese_book_entry event(double acknowledged_s, double processed_s)
{
    return (struct ese_book_entry){.due_ns = at(acknowledged_s),
                                   .done_ns = at(acknowledged_s),
                                   .committed_ns = processed_s < 0 ? 0 : at(processed_s),
                                   .is_processed = processed_s >= 0,
                                   .is_in_flight = processed_s < 0,
                                   .outcome = ESE_HISTORY_ACKNOWLEDGED};
}

static struct ese_lag lag_of(struct ese_book_entry *entries, uint32_t count, double load_s)
{
    const struct ese_book book = {.entries = entries, .count = count, .begun_ns = BEGUN_NS, .last_due_ns = at(load_s)};
    struct ese_lag lag;
    ese_lag_take(&book, &lag);
    return lag;
}

static struct ese_lag_curve told(const struct ese_lag *lag, double back_s, int64_t worth)
{
    struct ese_lag_curve curve;
    ese_lag_tell(lag, back_s < 0 ? 0 : at(back_s), worth, &curve);
    return curve;
}

static void an_event_waits_until_it_is_processed(void **state)
{
    (void)state;
    struct ese_book_entry entries[] = {event(0.5, 0.6), event(0.7, 2.5), event(1.5, 3.5), event(1.9, -1),
                                       event(2.2, 2.4) /* behind the load */};
    struct ese_lag lag = lag_of(entries, 5, 2.0);
    struct ese_lag_curve curve = told(&lag, -1, 0);
    static const int64_t wanted[] = {1, 3, 2, 1};
    assert_int_equal(curve.bucket_ms, 1000);
    assert_int_equal(curve.count, 4);
    for (int i = 0; i < 4; i++)
        assert_int_equal(curve.waiting[i], wanted[i]);
    assert_int_equal(curve.highest, 3);
    assert_int_equal(curve.at_load_end, 3);
    assert_int_equal(curve.load_ended_ms, 2000);
    assert_int_equal(curve.caught_up_us, -1);
}

/* It has a schedule, and nobody came to keep it. */
static void a_run_without_events_has_no_length(void **state)
{
    (void)state;
    const struct ese_book book = {.begun_ns = BEGUN_NS};
    struct ese_lag lag;
    ese_lag_take(&book, &lag);
    struct ese_lag_curve curve = told(&lag, -1, 0);
    assert_int_equal(curve.load_ended_ms, 0);
    assert_int_equal(curve.count, 0);
}

/* Processed before its client heard of it, lost, of unknown outcome, or put out of sight. */
static void what_does_not_wait_is_not_counted(void **state)
{
    (void)state;
    struct ese_book_entry entries[] = {event(1.5, 1.4), event(0.1, -1), event(0.1, -1), event(0.1, -1)};
    entries[1].is_lost = true;
    entries[2].outcome = ESE_HISTORY_UNKNOWN;
    entries[3].is_out = true;
    struct ese_lag lag = lag_of(entries, 4, 2.0);
    assert_int_equal(lag.count, 0);
    assert_int_equal(lag.at_load_end, 0);
    const struct ese_book running = {.entries = entries, .count = 4, .begun_ns = BEGUN_NS, .is_running = true};
    entries[3].is_out = false;
    ese_lag_take(&running, &lag);
    assert_int_equal(lag.count, 0);
}

/* However long the run, it has a bound; what waits is what waited at the end of each bucket. */
static void buckets_widen(void **state)
{
    (void)state;
    struct ese_book_entry entries[] = {event(0.5, 3.5), event(2.5, 100000.5)};
    struct ese_lag lag = lag_of(entries, 2, 3.0);
    struct ese_lag_curve curve = told(&lag, -1, 0);
    assert_int_equal(curve.bucket_ms, 1024 * 1000);
    assert_int_equal(curve.count, 98);
    assert_int_equal(curve.waiting[0], 1);
    assert_int_equal(curve.waiting[96], 1);
    assert_int_equal(curve.waiting[97], 0);
    assert_int_equal(curve.at_load_end, 2); /* which is exact */
    assert_int_equal(curve.highest, 2);
}

static void widened_curves_are_what_wider_buckets_would_have_told(void **state)
{
    (void)state;
    struct ese_book_entry entries[] = {event(0.5, 6.5), event(2.5, 4.5), event(4.1, 4.9)};
    struct ese_lag lag = lag_of(entries, 3, 4.0);
    struct ese_lag_curve curve = told(&lag, -1, 0);
    ese_lag_widen(&curve, 4000);
    assert_int_equal(curve.count, 2);
    assert_int_equal(curve.waiting[0], 2);
    assert_int_equal(curve.waiting[1], 0);
    struct ese_lag_curve none = {.count = 0};
    ese_lag_widen(&none, 4000);
    assert_int_equal(none.bucket_ms, 4000);
}

/* It is told from the return, to the first end of a second at which less waits than comes in one. */
static void who_is_back_catches_up(void **state)
{
    (void)state;
    struct ese_book_entry entries[20];
    for (int i = 0; i < 20; i++)
        entries[i] = event(0.5, 5.1 + i * 0.25); /* after 5 s, four a second */
    struct ese_lag lag = lag_of(entries, 20, 8.0);
    assert_int_equal(told(&lag, 4.5, 10).caught_up_us, 3500000); /* after 8 s, eight are left */
    assert_int_equal(told(&lag, 4.5, 8).caught_up_us, 4500000);
    assert_int_equal(told(&lag, 9.5, 10).caught_up_us, 500000);
    assert_int_equal(told(&lag, 4.5, 30).caught_up_us, 500000); /* as it was before */
    assert_int_equal(told(&lag, -1, 10).caught_up_us, -1);
    assert_int_equal(told(&lag, 4.5, 0).caught_up_us, -1); /* nobody knows how many came */
    entries[0] = event(0.5, -1);
    entries[1] = event(0.5, -1);
    lag = lag_of(entries, 20, 8.0);
    assert_int_equal(told(&lag, 4.5, 2).caught_up_us, -1); /* never */
}

static void fill(struct ese_book_entry entries[EVENTS], struct ese_random *random)
{
    for (int i = 0; i < EVENTS; i++) {
        double done_s = (double)ese_random_below(random, 300000) / 1000;
        entries[i] = event(done_s, ese_random_below(random, 20) == 0
                                       ? -1 : done_s + (double)ese_random_below(random, 60000) / 1000);
    }
    /* one that is late makes all curves wider than they were */
    if (ese_random_below(random, 2) == 0)
        entries[ese_random_below(random, EVENTS)].committed_ns = at(3000);
}

/* The figures of a run do not depend on how its events are shared out, nor on which share comes first. */
static void shares_add_up_to_the_whole(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct ese_random random = ese_random_seeded(seed, 0);
        static struct ese_book_entry entries[EVENTS];
        fill(entries, &random);
        struct ese_lag whole = lag_of(entries, EVENTS, 290), sum = {.bucket_ns = 0}, nothing;
        struct ese_book empty = {.count = 0};
        ese_lag_take(&empty, &nothing);
        for (uint32_t from = 0; from < EVENTS;) {
            uint32_t count = 1 + (uint32_t)ese_random_below(&random, 100);
            count = from + count > EVENTS ? EVENTS - from : count;
            struct ese_lag part = lag_of(entries + from, count, 290);
            ese_lag_add(&sum, &part);
            ese_lag_add(&sum, &nothing); /* mails without events */
            from += count;
        }
        assert_memory_equal(&whole, &sum, sizeof whole);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_waits_until_it_is_processed),
        cmocka_unit_test(a_run_without_events_has_no_length),
        cmocka_unit_test(what_does_not_wait_is_not_counted),
        cmocka_unit_test(buckets_widen),
        cmocka_unit_test(widened_curves_are_what_wider_buckets_would_have_told),
        cmocka_unit_test(who_is_back_catches_up),
        cmocka_unit_test(shares_add_up_to_the_whole),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
