#include "tests/support/wait.h"

#include "ese-core/clock.h"

bool ese_test_wait_until(bool (*condition)(void *context), void *context, int timeout_ms)
{
    int64_t deadline_ns = ese_clock_monotonic_ns() + timeout_ms * ESE_NS_PER_MS;
    while (!condition(context)) {
        int64_t now_ns = ese_clock_monotonic_ns();
        if (now_ns > deadline_ns)
            return false;
        ese_clock_sleep_until(now_ns + 2 * ESE_NS_PER_MS);
    }
    return true;
}
