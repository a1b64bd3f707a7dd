/*
 * rates.h - how many events were offered, acknowledged and processed in each stretch of a run.
 *
 * As a curve of what waits (lag.h) it has a bound, and counts of several shares of a run (share.h) add up: buckets of a
 * second, and when they do not suffice, of two, four and so on. Over all buckets they come to the ledger's numbers.
 */
#ifndef ESE_LAB_RATES_H
#define ESE_LAB_RATES_H

#include "orchestration/lab/book.h"
#include "orchestration/lab/judgement.h"

struct ese_rates {
    int64_t bucket_ns; /* 0: nothing was taken */
    int64_t begun_ns;  /* the book's: when the schedule began, or the first event was due */
    int count;         /* of buckets, up to the last in which anything has happened */
    int64_t number[ESE_RATES][ESE_LAG_BUCKETS];
};

/* The book must bear the ledger's marks; what is out of it is left out. Of a run that goes on there are none. */
void ese_rates_take(const struct ese_book *book, struct ese_rates *rates);

/* Of the same run, other events. */
void ese_rates_add(struct ese_rates *into, const struct ese_rates *from);

/* As they are told, in buckets of at least that width, which is a second, two, four and so on; 0: of any. */
void ese_rates_tell(const struct ese_rates *rates, int64_t bucket_ms, struct ese_rate_curves *curves);

#endif
