/*
 * backoff.h - how long to wait before trying again: doubling, capped, with jitter.
 *
 * Full jitter over the upper half: the wait is drawn evenly from [d/2, d], where d doubles from
 * first_ms to most_ms. So retries of many do not come back as one wave (M. Brooker, "Exponential
 * Backoff And Jitter", 2015).
 */
#ifndef ESE_BACKOFF_H
#define ESE_BACKOFF_H

#include <stdint.h>

struct ese_backoff {
    int64_t first_ms;
    int64_t most_ms;
    int attempts; /* how many waits were drawn since the last reset */
};

int64_t ese_backoff_next_ms(struct ese_backoff *backoff);
void ese_backoff_reset(struct ese_backoff *backoff);

#endif
