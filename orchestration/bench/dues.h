/*
 * dues.h - when each event was due, and how long after that it came to where it was to go.
 *
 * An event is known by its place in its lane (id.h), so this is of one run of one client, whose lanes count from 0 on
 * without gaps. What was due before or after the time that is measured is noted, and passed over when it comes.
 */
#ifndef ESE_BENCH_DUES_H
#define ESE_BENCH_DUES_H

#include <stdint.h>

#include "ese-core/histogram.h"
#include "ese-core/id.h"

struct ese_dues;

struct ese_dues *ese_dues_new(void);
/* NULL behind the pointer is allowed; nulls it. */
void ese_dues_free(struct ese_dues **dues);

/* The next event of the lane. */
void ese_dues_note(struct ese_dues *dues, uint16_t lane, int64_t due_ns);

/* What was due in from..to, the latter excluded, is measured: once all is noted, and before anything comes. */
void ese_dues_measure(struct ese_dues *dues, int64_t from_ns, int64_t to_ns);

/* It came then. One that comes again is counted once, by when it came first; one that nobody has noted is not. */
void ese_dues_came(struct ese_dues *dues, const struct ese_id *id, int64_t came_ns);

/* Of those that are measured: all, and those that have not come yet. */
int64_t ese_dues_measured(const struct ese_dues *dues);
int64_t ese_dues_missing(const struct ese_dues *dues);
/* From due to come, of those that have. */
const struct ese_histogram *ese_dues_latency_us(const struct ese_dues *dues);

#endif
