/*
 * histogram.h - latencies counted in log-linear buckets, HdrHistogram-shaped.
 *
 * Values are non-negative whole numbers (microseconds here). Buckets double in width each power of
 * two and are split so that three decimal digits are kept: a value is told to within 0.1 %. Values
 * above the largest trackable (about one hour in microseconds) are counted in the last bucket and
 * told by `max`. Gil Tene's HdrHistogram describes the layout: subBucketCount 2048, unit 1.
 * Not thread-safe; merge per-thread ones.
 */
#ifndef ESE_HISTOGRAM_H
#define ESE_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

struct ese_histogram;

struct ese_histogram *ese_histogram_new(void);
void ese_histogram_free(struct ese_histogram **histogram);
void ese_histogram_record(struct ese_histogram *histogram, int64_t value);
void ese_histogram_record_many(struct ese_histogram *histogram, int64_t value, uint64_t times);
void ese_histogram_merge(struct ese_histogram *into, const struct ese_histogram *from);

uint64_t ese_histogram_count(const struct ese_histogram *histogram);
uint64_t ese_histogram_count_at_most(const struct ese_histogram *histogram, int64_t value);
int64_t ese_histogram_max(const struct ese_histogram *histogram);
int64_t ese_histogram_min(const struct ese_histogram *histogram); /* 0 when empty */
double ese_histogram_mean(const struct ese_histogram *histogram);
double ese_histogram_sum(const struct ese_histogram *histogram);

/* The smallest value such that at least percentile per cent of the values are not above it (its
 * bucket's upper end, at most max). percentile in 0..100. 0 when empty. */
int64_t ese_histogram_percentile(const struct ese_histogram *histogram, double percentile);

/* Every bucket that counts anything, from the smallest up: its upper end, at most max, and its count.
 * Recorded again they make a histogram that tells the same percentiles and the same max. */
typedef void ese_histogram_look(void *context, int64_t value, uint64_t times);
void ese_histogram_each(const struct ese_histogram *histogram, ese_histogram_look *look, void *context);

/* The counters themselves, of which there are as many as returned: HdrHistogram's array of counts for values from 1 to
 * the largest and three digits. */
size_t ese_histogram_counters(const struct ese_histogram *histogram, const uint64_t **counters);
int64_t ese_histogram_largest(void);

#endif
