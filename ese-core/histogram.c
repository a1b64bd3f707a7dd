#include "ese-core/histogram.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

#include "ese-core/memory.h"

/*
 * Bucket 0 holds 0..2047 one by one. Every further bucket covers twice the range of the one before,
 * whose values are its lower half: it needs 1,024 counters of its own only. 22 buckets reach
 * 2^32 - 1, 71 minutes in microseconds.
 */
#define HALF_BITS 10
#define HALF (1 << HALF_BITS)
#define BUCKETS 22
#define COUNTERS ((BUCKETS + 1) * HALF)
#define LARGEST ((INT64_C(2) << (HALF_BITS + BUCKETS - 1)) - 1)

struct ese_histogram {
    uint64_t count;
    int64_t min;
    int64_t max;
    double sum;
    uint64_t counters[COUNTERS];
};

struct ese_histogram *ese_histogram_new(void)
{
    struct ese_histogram *histogram = ese_alloc(sizeof *histogram);
    histogram->min = INT64_MAX;
    return histogram;
}

void ese_histogram_free(struct ese_histogram **histogram)
{
    free(*histogram);
    *histogram = NULL;
}

/* Which bucket: how many bits the value has beyond the eleven that bucket 0 tells apart. */
static int bucket_of(int64_t value)
{
    return 63 - __builtin_clzll((uint64_t)value | (2 * HALF - 1)) - HALF_BITS;
}

static size_t index_of(int64_t value)
{
    if (value > LARGEST)
        return COUNTERS - 1;
    int bucket = bucket_of(value);
    return (size_t)bucket * HALF + (size_t)(value >> bucket);
}

static int64_t upper_end(size_t index)
{
    if (index < 2 * HALF)
        return (int64_t)index;
    int bucket = (int)(index / HALF) - 1;
    int64_t within = (int64_t)(index - (size_t)bucket * HALF);
    return ((within + 1) << bucket) - 1;
}

void ese_histogram_record_many(struct ese_histogram *histogram, int64_t value, uint64_t times)
{
    if (times == 0)
        return;
    if (value < 0)
        value = 0;
    histogram->counters[index_of(value)] += times;
    histogram->count += times;
    histogram->sum += (double)value * (double)times;
    if (value < histogram->min)
        histogram->min = value;
    if (value > histogram->max)
        histogram->max = value;
}

void ese_histogram_record(struct ese_histogram *histogram, int64_t value)
{
    ese_histogram_record_many(histogram, value, 1);
}

void ese_histogram_merge(struct ese_histogram *into, const struct ese_histogram *from)
{
    for (size_t i = 0; i < COUNTERS; i++)
        into->counters[i] += from->counters[i];
    into->count += from->count;
    into->sum += from->sum;
    if (from->min < into->min)
        into->min = from->min;
    if (from->max > into->max)
        into->max = from->max;
}

uint64_t ese_histogram_count(const struct ese_histogram *histogram)
{
    return histogram->count;
}

uint64_t ese_histogram_count_at_most(const struct ese_histogram *histogram, int64_t value)
{
    if (value < 0)
        return 0;
    uint64_t count = 0;
    for (size_t i = 0; i <= index_of(value); i++)
        count += histogram->counters[i];
    return count;
}

int64_t ese_histogram_max(const struct ese_histogram *histogram)
{
    return histogram->max;
}

int64_t ese_histogram_min(const struct ese_histogram *histogram)
{
    return histogram->count == 0 ? 0 : histogram->min;
}

double ese_histogram_mean(const struct ese_histogram *histogram)
{
    return histogram->count == 0 ? 0 : histogram->sum / (double)histogram->count;
}

double ese_histogram_sum(const struct ese_histogram *histogram)
{
    return histogram->sum;
}

int64_t ese_histogram_percentile(const struct ese_histogram *histogram, double percentile)
{
    if (histogram->count == 0)
        return 0;
    double exact = percentile / 100 * (double)histogram->count;
    exact -= exact * 1e-12; /* 99.9 % of 1,000 is 999, whatever the product's last bit says */
    uint64_t wanted = exact <= 1 ? 1 : (uint64_t)ceil(exact);
    uint64_t seen = 0;
    for (size_t i = 0; i < COUNTERS - 1; i++) {
        seen += histogram->counters[i];
        if (seen >= wanted)
            return upper_end(i) < histogram->max ? upper_end(i) : histogram->max;
    }
    return histogram->max; /* the last bucket has no upper end */
}

void ese_histogram_each(const struct ese_histogram *histogram, ese_histogram_look *look, void *context)
{
    for (size_t i = 0; i < COUNTERS; i++) {
        bool is_last = i == COUNTERS - 1; /* it has no upper end */
        if (histogram->counters[i] > 0)
            look(context, !is_last && upper_end(i) < histogram->max ? upper_end(i) : histogram->max,
                 histogram->counters[i]);
    }
}

size_t ese_histogram_counters(const struct ese_histogram *histogram, const uint64_t **counters)
{
    *counters = histogram->counters;
    return COUNTERS;
}

int64_t ese_histogram_largest(void)
{
    return LARGEST;
}
