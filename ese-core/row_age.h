/*
 * row_age.h - how old rows are that were stored before the wall clock was set.
 *
 * A store compares the time an event came with the wall clock. Where that is set forward (a laptop has slept, a machine
 * was brought back), everything would be old at once, and gone before anybody could read it. So what was stored before
 * stays for its whole time from then on. Any thread.
 */
#ifndef ESE_ROW_AGE_H
#define ESE_ROW_AGE_H

#include <pthread.h>
#include <stdint.h>

/* All zero: nothing is known yet. */
struct ese_row_age {
    pthread_mutex_t lock;
    int64_t wall_offset_ns; /* when it was asked last */
    int64_t set_ms;
    int64_t until_ns; /* monotonic: how long that is made up for */
};

/* By how much the wall clock was set forward in the last keep_ms: so much younger are rows than it
 * makes them. */
int64_t ese_row_age_set_ms(struct ese_row_age *age, int64_t keep_ms);

#endif
