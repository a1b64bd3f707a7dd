/*
 * crowd_account.h - what a run's destinations (orchestration/crowd) came to: told from histories alone, by how each was
 * meant to behave.
 *
 * Delivered is what a destination has acknowledged: an event that it was handed, whose place lies before one that it
 * committed afterwards, before it was given the partition anew. Who hangs delivers nothing more, and is left out of the
 * sum of all. One thread; a byte for each event and destination, at most ESE_CROWD_MARKS_MOST.
 */
#ifndef ESE_LAB_CROWD_ACCOUNT_H
#define ESE_LAB_CROWD_ACCOUNT_H

#include "orchestration/crowd/plan.h"
#include "orchestration/lab/judgement.h"

#define ESE_CROWD_MARKS_MOST 100000000

/* Of the destinations of one kind, together. */
struct ese_crowd_sum {
    int count;            /* how many there are */
    int64_t expected;     /* all that was acknowledged, for each of them */
    int64_t delivered;
    int64_t missed;       /* never */
    int64_t again;        /* handings beyond the first */
    int64_t out_of_order; /* delivered for the first time behind a later one of its lane and partition */
    int64_t behind;       /* when the last event of all was acknowledged: how many had not been delivered to the one of
                             them that was furthest behind */
    struct ese_latency latency; /* due to delivered; without the warm-up */
};

struct ese_crowd_account {
    struct ese_crowd_sum all; /* but those that hang */
    struct ese_crowd_sum of[ESE_CROWD_KINDS];
};

struct ese_crowd_plan {
    int destinations; /* 0: there are none, and nothing is told */
    int flaky;        /* per cent */
    int64_t seed;
};

/* From the histories in the directory. ESE_E_FULL: more events than can be looked at; -1 also where a history cannot be
 * read. */
int ese_crowd_account(const char *directory, const struct ese_crowd_plan *plan, int64_t measured_from_ns,
                      struct ese_crowd_account *account, struct ese_error *error);

#endif
