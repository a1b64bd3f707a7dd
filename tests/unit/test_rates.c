/* How many events were offered, acknowledged and processed in each stretch of a run, whole and in shares. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "ese-core/random.h"
#include "orchestration/lab/rates.h"

#define BEGUN_NS (INT64_C(1000) * ESE_NS_PER_S)

enum { EVENTS = 400 };

static int64_t at(double seconds)
{
    return BEGUN_NS + (int64_t)(seconds * 1e9);
}

/* Acknowledged as soon as it is due; processed at -1: never. */
static struct ese_book_entry event(double due_s, double processed_s)
{
    return (struct ese_book_entry){.due_ns = at(due_s),
                                   .sent_ns = at(due_s),
                                   .done_ns = at(due_s),
                                   .committed_ns = processed_s < 0 ? 0 : at(processed_s),
                                   .is_processed = processed_s >= 0,
                                   .outcome = ESE_HISTORY_ACKNOWLEDGED};
}

static struct ese_rates rates_of(struct ese_book_entry *entries, uint32_t count)
{
    const struct ese_book book = {.entries = entries, .count = count, .begun_ns = BEGUN_NS};
    struct ese_rates rates;
    ese_rates_take(&book, &rates);
    return rates;
}

static struct ese_rate_curves told(const struct ese_rates *rates, int64_t bucket_ms)
{
    struct ese_rate_curves curves;
    ese_rates_tell(rates, bucket_ms, &curves);
    return curves;
}

static void assert_numbers(const struct ese_rate_curves *curves, enum ese_rate which, const int64_t *wanted)
{
    for (int i = 0; i < curves->count; i++)
        assert_int_equal(curves->number[which][i], wanted[i]);
}

static void each_event_counts_where_it_happened(void **state)
{
    (void)state;
    struct ese_book_entry entries[] = {event(0.5, 0.6), event(0.9, 2.5), event(2.1, -1), event(2.2, 2.9)};
    entries[1].done_ns = at(1.5);
    struct ese_rates rates = rates_of(entries, 4);
    struct ese_rate_curves curves = told(&rates, 0);
    assert_int_equal(curves.bucket_ms, 1000);
    assert_int_equal(curves.count, 3);
    assert_numbers(&curves, ESE_RATE_OFFERED, (const int64_t[]){2, 0, 2});
    assert_numbers(&curves, ESE_RATE_ACKNOWLEDGED, (const int64_t[]){1, 1, 2});
    assert_numbers(&curves, ESE_RATE_PROCESSED, (const int64_t[]){1, 0, 2});
}

/* Never offered, put out of sight, or of a run that goes on; and who was not acknowledged is offered alone. */
static void what_is_none_is_not_counted(void **state)
{
    (void)state;
    struct ese_book_entry entries[] = {event(0.5, 0.6), event(0.6, 0.7), event(1.2, 1.3), event(1.4, 1.4)};
    entries[0].due_ns = 0;
    entries[1].is_out = true;
    entries[2].outcome = ESE_HISTORY_UNKNOWN;
    entries[3].outcome = ESE_HISTORY_REFUSED;
    struct ese_rates rates = rates_of(entries, 4);
    struct ese_rate_curves curves = told(&rates, 0);
    assert_int_equal(curves.count, 2);
    assert_numbers(&curves, ESE_RATE_OFFERED, (const int64_t[]){0, 2});
    assert_numbers(&curves, ESE_RATE_ACKNOWLEDGED, (const int64_t[]){0, 0});
    assert_numbers(&curves, ESE_RATE_PROCESSED, (const int64_t[]){0, 0});
    const struct ese_book running = {.entries = entries, .count = 4, .begun_ns = BEGUN_NS, .is_running = true};
    ese_rates_take(&running, &rates);
    assert_int_equal(told(&rates, 0).count, 0);
}

/* Of a store without places it is the state that knows, and the history need not. */
static void whose_commit_nobody_noted_is_counted_all_the_same(void **state)
{
    (void)state;
    struct ese_book_entry entries[] = {event(0.5, -1), event(0.6, -1)};
    entries[0].is_processed = true;
    entries[0].handed_ns = at(1.5);
    entries[1].is_processed = true;
    struct ese_rates rates = rates_of(entries, 2);
    struct ese_rate_curves curves = told(&rates, 0);
    assert_numbers(&curves, ESE_RATE_PROCESSED, (const int64_t[]){1, 1});
}

static void buckets_widen_and_lose_nothing(void **state)
{
    (void)state;
    struct ese_book_entry entries[] = {event(0.5, 1.5), event(3.5, 4.5), event(150.5, 151)};
    struct ese_rates rates = rates_of(entries, 3);
    struct ese_rate_curves curves = told(&rates, 4000), finer = told(&rates, 1000);
    assert_int_equal(finer.bucket_ms, 2000); /* as they are, though narrower ones would do */
    assert_int_equal(curves.bucket_ms, 4000);
    assert_int_equal(curves.count, 38);
    assert_int_equal(curves.number[ESE_RATE_OFFERED][0], 2);
    assert_int_equal(curves.number[ESE_RATE_PROCESSED][0], 1);
    assert_int_equal(curves.number[ESE_RATE_PROCESSED][1], 1);
    assert_int_equal(curves.number[ESE_RATE_PROCESSED][37], 1);
}

static void fill(struct ese_book_entry entries[EVENTS], struct ese_random *random)
{
    for (int i = 0; i < EVENTS; i++) {
        double due_s = (double)ese_random_below(random, 100000) / 1000;
        entries[i] = event(due_s, ese_random_below(random, 20) == 0
                                      ? -1 : due_s + (double)ese_random_below(random, 15000) / 1000);
    }
    /* one that is late makes all buckets wider than they were */
    if (ese_random_below(random, 2) == 0)
        entries[ese_random_below(random, EVENTS)] = event(50, 3000);
}

/* The figures of a run do not depend on how its events are shared out, nor on which share comes first. */
static void shares_add_up_to_the_whole(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct ese_random random = ese_random_seeded(seed, 0);
        static struct ese_book_entry entries[EVENTS];
        fill(entries, &random);
        struct ese_rates whole = rates_of(entries, EVENTS), sum = {.bucket_ns = 0}, nothing;
        struct ese_book empty = {.count = 0};
        ese_rates_take(&empty, &nothing);
        for (uint32_t from = 0; from < EVENTS;) {
            uint32_t count = 1 + (uint32_t)ese_random_below(&random, 100);
            count = from + count > EVENTS ? EVENTS - from : count;
            struct ese_rates part = rates_of(entries + from, count);
            ese_rates_add(&sum, &part);
            ese_rates_add(&sum, &nothing); /* mails without events */
            from += count;
        }
        assert_memory_equal(&whole, &sum, sizeof whole);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_event_counts_where_it_happened),
        cmocka_unit_test(what_is_none_is_not_counted),
        cmocka_unit_test(whose_commit_nobody_noted_is_counted_all_the_same),
        cmocka_unit_test(buckets_widen_and_lose_nothing),
        cmocka_unit_test(shares_add_up_to_the_whole),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
