/*
 * lag.h - how many events waited, at any time of a run: acknowledged by then, not yet processed by then, and not lost.
 *
 * A curve has a bound, however long the run: buckets of a second, and when they do not suffice, of two, four and so on.
 * In each stands by how much what waits has grown. So curves of several shares of a run (share.h) add up, and come to
 * what one of all events would be: how wide buckets are depends on the last of all events alone.
 */
#ifndef ESE_LAB_LAG_H
#define ESE_LAB_LAG_H

#include "orchestration/lab/book.h"
#include "orchestration/lab/judgement.h"

struct ese_lag {
    int64_t bucket_ns; /* 0: nothing was taken */
    int count;         /* of buckets, up to the last in which anything has happened */
    int64_t change[ESE_LAG_BUCKETS];
    int64_t begun_ns, ended_ns; /* the book's: when the schedule began, and the last event of the run was due */
    int64_t at_load_end;        /* how many waited when the last event was due */
};

/* The book must bear the ledger's marks; what is out of it is left out. Of a run that goes on there is no curve. */
void ese_lag_take(const struct ese_book *book, struct ese_lag *lag);

/* Of the same run, other events. */
void ese_lag_add(struct ese_lag *into, const struct ese_lag *from);

/* As it is told: what waits at the end of each bucket, and how long after back_ns (the book's; 0: nobody came back)
 * it was first less than `worth` (0: not known). */
void ese_lag_tell(const struct ese_lag *lag, int64_t back_ns, int64_t worth, struct ese_lag_curve *curve);

/* Two buckets become one, each. */
void ese_lag_halve(int64_t number[ESE_LAG_BUCKETS]);

/* Makes a curve's buckets as wide as that, which is so many times their width. */
void ese_lag_widen(struct ese_lag_curve *curve, int64_t bucket_ms);

#endif
