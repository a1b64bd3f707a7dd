/*
 * totals.h - what became of the events, in numbers.
 *
 * offered = acknowledged + refused + unknown + not_sent, once nothing is pending.
 */
#ifndef ESE_TOTALS_H
#define ESE_TOTALS_H

#include <stdint.h>
#include <stdio.h>

#include "ese-core/histogram.h"

struct ese_totals {
    int64_t offered;
    int64_t acknowledged;
    int64_t refused;
    int64_t unknown;
    int64_t not_sent;
    int64_t late;    /* offered more than 5 ms after they were due */
    int64_t sent_again; /* of the acknowledged, those that were sent a second time */
    int64_t skipped; /* due before this client was there (--start-at in the past): not offered */
    struct ese_histogram *latency_us; /* of the acknowledged: from due to done */
    int64_t started_ns;               /* monotonic: when the schedule began */
    int64_t ended_ns;                 /* when the last outcome was there */
};

/* Since the schedule began; 0 before. */
double ese_totals_seconds(const struct ese_totals *totals, int64_t now_ns);

/* In sentences. */
void ese_totals_write_text(FILE *stream, const struct ese_totals *totals);

/* {"offered","acknowledged","refused","unknown","not_sent","late","sent_again","skipped",
 *  "latency_us":{"p50","p99","p999","max"},"seconds"} and a newline. */
void ese_totals_write_json(FILE *stream, const struct ese_totals *totals);

#endif
