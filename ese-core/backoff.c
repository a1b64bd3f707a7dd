#include "ese-core/backoff.h"

#include <assert.h>
#include <stdlib.h>

int64_t ese_backoff_next_ms(struct ese_backoff *backoff)
{
    assert(backoff->first_ms > 0 && backoff->first_ms <= backoff->most_ms &&
           backoff->most_ms <= INT32_MAX);
    int64_t wait_ms = backoff->first_ms;
    for (int i = 0; i < backoff->attempts && wait_ms < backoff->most_ms; i++)
        wait_ms *= 2;
    if (wait_ms > backoff->most_ms)
        wait_ms = backoff->most_ms;
    backoff->attempts++;
    int64_t half = wait_ms / 2;
    return half + arc4random_uniform((uint32_t)(wait_ms - half + 1));
}

void ese_backoff_reset(struct ese_backoff *backoff)
{
    backoff->attempts = 0;
}
