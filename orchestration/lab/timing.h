/*
 * timing.h - how long things took, from the moment they were due: to the acknowledgement, to the
 * commit of the batch that processed them, to the SMTP server's yes for a mail.
 *
 * Events due before the warm-up's end are cut, and counted as cut. A negative latency cannot be:
 * clocks or histories are wrong then, and no figure can be believed.
 */
#ifndef ESE_LAB_TIMING_H
#define ESE_LAB_TIMING_H

#include "ese-core/histogram.h"
#include "orchestration/lab/book.h"
#include "orchestration/lab/judgement.h"
#include "orchestration/lab/oracle.h"

struct ese_timing {
    struct ese_histogram *acknowledge; /* microseconds, as the next two */
    struct ese_histogram *end_to_end;
    struct ese_histogram *mail;
    struct ese_histogram *lateness; /* of the sending behind the due time, the generator's own; warm-up included */
    struct ese_histogram *closed_loop; /* acknowledge, as it would have been measured wrongly (closed_loop.h):
                                          taken by whoever judges a run that is over */
    int64_t warmup_cut;
    int64_t behind_schedule; /* events sent more than 5 ms after they were due, warm-up included */
    int64_t negative;        /* latencies below zero */
    struct ese_recovery recovery;
    int64_t first_due_ns;  /* 0: nothing was due */
    int64_t last_commit_ns;
    int64_t processed;     /* of the acknowledged */
};

void ese_timing_begin(struct ese_timing *timing); /* nothing was timed; to be freed */

/* Into one that was begun. The book must bear the ledger's marks; what is out of it is left out. */
void ese_timing_take(const struct ese_judge_options *options, const struct ese_book *book,
                     const struct ese_oracle *oracle, struct ese_timing *timing);

/* But for the recovery. */
void ese_timing_add(struct ese_timing *into, const struct ese_timing *from);

/* From the first due time to the last commit. */
double ese_timing_processed_per_s(const struct ese_timing *timing);

void ese_timing_free(struct ese_timing *timing);

#endif
