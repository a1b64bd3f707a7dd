#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-core/histogram.h"

static void empty_says_nothing(void **state)
{
    (void)state;
    struct ese_histogram *histogram = ese_histogram_new();
    assert_int_equal(ese_histogram_count(histogram), 0);
    assert_int_equal(ese_histogram_min(histogram), 0);
    assert_int_equal(ese_histogram_max(histogram), 0);
    assert_int_equal(ese_histogram_percentile(histogram, 50), 0);
    assert_true(ese_histogram_mean(histogram) == 0);
    ese_histogram_free(&histogram);
    assert_null(histogram);
    ese_histogram_free(&histogram);
}

static void small_values_are_exact(void **state)
{
    (void)state;
    struct ese_histogram *histogram = ese_histogram_new();
    for (int64_t value = 1; value <= 1000; value++)
        ese_histogram_record(histogram, value);
    assert_int_equal(ese_histogram_count(histogram), 1000);
    assert_int_equal(ese_histogram_percentile(histogram, 0), 1);
    assert_int_equal(ese_histogram_percentile(histogram, 50), 500);
    assert_int_equal(ese_histogram_percentile(histogram, 99), 990);
    assert_int_equal(ese_histogram_percentile(histogram, 99.9), 999);
    assert_int_equal(ese_histogram_percentile(histogram, 100), 1000);
    assert_int_equal(ese_histogram_count_at_most(histogram, 250), 250);
    assert_int_equal(ese_histogram_count_at_most(histogram, -1), 0);
    assert_true(ese_histogram_mean(histogram) == 500.5);
    assert_true(ese_histogram_sum(histogram) == 500500);
    ese_histogram_free(&histogram);
}

/* Each value with a far larger one, so that its bucket's upper end is told. */
static void three_digits_are_kept(void **state)
{
    (void)state;
    for (int64_t value = 1; value < INT64_C(3600000000); value = value * 3 / 2 + 1) {
        struct ese_histogram *histogram = ese_histogram_new();
        ese_histogram_record(histogram, value);
        ese_histogram_record(histogram, INT64_C(4000000000));
        int64_t told = ese_histogram_percentile(histogram, 50);
        assert_true(told >= value);
        assert_true((double)(told - value) <= (double)value * 0.001);
        assert_int_equal(ese_histogram_count_at_most(histogram, value), 1);
        assert_int_equal(ese_histogram_min(histogram), value);
        ese_histogram_free(&histogram);
    }
}

static void edges_of_buckets(void **state)
{
    (void)state;
    static const struct {
        int64_t value, told;
    } cases[] = {{0, 0}, {2047, 2047}, {2048, 2049}, {2049, 2049}, {2050, 2051},
                 {4095, 4095}, {4096, 4099}, {4294967295, 4294967295}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ese_histogram *histogram = ese_histogram_new();
        ese_histogram_record(histogram, cases[i].value);
        ese_histogram_record(histogram, INT64_C(4294967295));
        assert_int_equal(ese_histogram_percentile(histogram, 50), cases[i].told);
        ese_histogram_free(&histogram);
    }
}

static void beyond_the_largest_is_told_by_max(void **state)
{
    (void)state;
    struct ese_histogram *histogram = ese_histogram_new();
    ese_histogram_record(histogram, 5);
    ese_histogram_record(histogram, INT64_C(1) << 50);
    ese_histogram_record(histogram, -3); /* a clock that went back counts as nothing waited */
    assert_int_equal(ese_histogram_max(histogram), INT64_C(1) << 50);
    assert_int_equal(ese_histogram_percentile(histogram, 100), INT64_C(1) << 50);
    assert_int_equal(ese_histogram_percentile(histogram, 66), 5);
    assert_int_equal(ese_histogram_min(histogram), 0);
    ese_histogram_free(&histogram);
}

static void merging_is_recording_all_in_one(void **state)
{
    (void)state;
    struct ese_histogram *all = ese_histogram_new();
    struct ese_histogram *odd = ese_histogram_new(), *even = ese_histogram_new();
    for (int64_t value = 1; value < 100000; value += 7) {
        ese_histogram_record(all, value);
        ese_histogram_record(value % 2 == 0 ? even : odd, value);
    }
    ese_histogram_merge(odd, even);
    assert_int_equal(ese_histogram_count(odd), ese_histogram_count(all));
    assert_int_equal(ese_histogram_max(odd), ese_histogram_max(all));
    assert_int_equal(ese_histogram_min(odd), ese_histogram_min(all));
    assert_true(ese_histogram_sum(odd) == ese_histogram_sum(all));
    for (int percentile = 0; percentile <= 100; percentile++)
        assert_int_equal(ese_histogram_percentile(odd, percentile),
                         ese_histogram_percentile(all, percentile));
    ese_histogram_free(&all);
    ese_histogram_free(&odd);
    ese_histogram_free(&even);
}

static void record_again(void *context, int64_t value, uint64_t times)
{
    ese_histogram_record_many(context, value, times);
}

static void its_buckets_make_the_same_again(void **state)
{
    (void)state;
    struct ese_histogram *histogram = ese_histogram_new(), *again = ese_histogram_new();
    for (int64_t value = 1; value < INT64_C(1) << 40; value = value * 3 + 1) {
        ese_histogram_record_many(histogram, value, (uint64_t)(value % 5));
        ese_histogram_record(histogram, value);
    }
    ese_histogram_each(histogram, record_again, again);
    assert_int_equal(ese_histogram_count(again), ese_histogram_count(histogram));
    assert_int_equal(ese_histogram_max(again), ese_histogram_max(histogram));
    for (int percentile = 0; percentile <= 100; percentile++)
        assert_int_equal(ese_histogram_percentile(again, percentile),
                         ese_histogram_percentile(histogram, percentile));
    ese_histogram_free(&histogram);
    ese_histogram_free(&again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_says_nothing),
        cmocka_unit_test(small_values_are_exact),
        cmocka_unit_test(three_digits_are_kept),
        cmocka_unit_test(edges_of_buckets),
        cmocka_unit_test(beyond_the_largest_is_told_by_max),
        cmocka_unit_test(merging_is_recording_all_in_one),
        cmocka_unit_test(its_buckets_make_the_same_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
