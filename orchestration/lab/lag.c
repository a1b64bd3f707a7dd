#include "orchestration/lab/lag.h"

#include "ese-core/clock.h"

/* ---- counting -------------------------------------------------------------------------------- */

void ese_lag_halve(int64_t number[ESE_LAG_BUCKETS])
{
    for (int i = 0; i < ESE_LAG_BUCKETS / 2; i++)
        number[i] = number[2 * i] + number[2 * i + 1];
    for (int i = ESE_LAG_BUCKETS / 2; i < ESE_LAG_BUCKETS; i++)
        number[i] = 0;
}

static void widen(struct ese_lag *lag)
{
    ese_lag_halve(lag->change);
    lag->bucket_ns *= 2;
    lag->count = (lag->count + 1) / 2;
}

/* What happens before the run begins, as where a clock was set, counts as then. */
static void change(struct ese_lag *lag, int64_t time_ns, int64_t by)
{
    int64_t after_ns = time_ns > lag->begun_ns ? time_ns - lag->begun_ns : 0;
    while (after_ns / lag->bucket_ns >= ESE_LAG_BUCKETS)
        widen(lag);
    int bucket = (int)(after_ns / lag->bucket_ns);
    lag->change[bucket] += by;
    if (bucket >= lag->count)
        lag->count = bucket + 1;
}

/* An event waits from its acknowledgement until it was processed: for ever, where it was not. One that was processed
 * before the client heard of it has not waited. */
static void take(struct ese_lag *lag, const struct ese_book_entry *entry)
{
    bool is_processed = entry->is_processed;
    if (is_processed && entry->committed_ns <= entry->done_ns)
        return;
    change(lag, entry->done_ns, 1);
    if (is_processed)
        change(lag, entry->committed_ns, -1);
    lag->at_load_end +=
        entry->done_ns <= lag->ended_ns && (!is_processed || entry->committed_ns > lag->ended_ns);
}

void ese_lag_take(const struct ese_book *book, struct ese_lag *lag)
{
    *lag = (struct ese_lag){.bucket_ns = 0};
    if (book->is_running)
        return;
    *lag = (struct ese_lag){.bucket_ns = ESE_NS_PER_S, .begun_ns = book->begun_ns, .ended_ns = book->last_due_ns};
    if (lag->ended_ns == 0)
        lag->ended_ns = lag->begun_ns;
    for (uint32_t i = 0; i < book->count; i++) {
        const struct ese_book_entry *entry = &book->entries[i];
        if (entry->outcome == ESE_HISTORY_ACKNOWLEDGED && !entry->is_out && !entry->is_lost)
            take(lag, entry);
    }
}

void ese_lag_add(struct ese_lag *into, const struct ese_lag *from)
{
    struct ese_lag other = *from;
    if (other.bucket_ns == 0 || other.begun_ns == 0)
        return; /* it has not begun */
    if (into->bucket_ns == 0 || into->begun_ns == 0) {
        *into = other;
        return;
    }
    while (into->bucket_ns < other.bucket_ns)
        widen(into);
    while (other.bucket_ns < into->bucket_ns)
        widen(&other);
    for (int i = 0; i < other.count; i++)
        into->change[i] += other.change[i];
    if (other.count > into->count)
        into->count = other.count;
    into->at_load_end += other.at_load_end;
}

/* ---- telling --------------------------------------------------------------------------------- */

void ese_lag_tell(const struct ese_lag *lag, int64_t back_ns, int64_t worth, struct ese_lag_curve *curve)
{
    *curve = (struct ese_lag_curve){.highest = lag->at_load_end, /* which may be within a bucket */
                                    .bucket_ms = lag->bucket_ns / ESE_NS_PER_MS,
                                    .count = lag->count,
                                    .load_ended_ms = (lag->ended_ns - lag->begun_ns) / ESE_NS_PER_MS,
                                    .at_load_end = lag->at_load_end,
                                    .caught_up_us = -1};
    int64_t waiting = 0;
    for (int i = 0; i < lag->count; i++) {
        int64_t end_ns = lag->begun_ns + (i + 1) * lag->bucket_ns;
        waiting += lag->change[i];
        curve->waiting[i] = waiting;
        if (waiting > curve->highest)
            curve->highest = waiting;
        if (back_ns != 0 && end_ns >= back_ns && waiting < worth && curve->caught_up_us < 0)
            curve->caught_up_us = (end_ns - back_ns) / 1000;
    }
}

void ese_lag_widen(struct ese_lag_curve *curve, int64_t bucket_ms)
{
    if (curve->count == 0)
        curve->bucket_ms = bucket_ms;
    while (curve->bucket_ms < bucket_ms) {
        int wide = (curve->count + 1) / 2;
        for (int i = 0; i < wide; i++) /* what waits at the end of the second of the two */
            curve->waiting[i] = curve->waiting[2 * i + 1 < curve->count ? 2 * i + 1 : 2 * i];
        curve->count = wide;
        curve->bucket_ms *= 2;
    }
}
