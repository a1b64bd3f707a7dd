#include "tests/support/stepped_clock.h"

#include <stdatomic.h>

#include "ese-core/clock.h"

static _Atomic int64_t wall_ns, monotonic_ns; /* what is added to each */
static _Atomic uint64_t boots;

int __real_clock_gettime(clockid_t which, struct timespec *now);
int __wrap_clock_gettime(clockid_t which, struct timespec *now);
uint64_t __real_ese_clock_boot(void);
uint64_t __wrap_ese_clock_boot(void);

int __wrap_clock_gettime(clockid_t which, struct timespec *now)
{
    int status = __real_clock_gettime(which, now);
    int64_t added_ns = which == CLOCK_REALTIME ? wall_ns : which == CLOCK_MONOTONIC ? monotonic_ns : 0;
    int64_t shown_ns = (int64_t)now->tv_sec * ESE_NS_PER_S + now->tv_nsec + added_ns;
    now->tv_sec = shown_ns / ESE_NS_PER_S;
    now->tv_nsec = shown_ns % ESE_NS_PER_S;
    return status;
}

uint64_t __wrap_ese_clock_boot(void)
{
    return __real_ese_clock_boot() + boots;
}

void ese_test_wall_step(int64_t by_ns)
{
    wall_ns += by_ns;
}

void ese_test_boot(int64_t less_ns)
{
    monotonic_ns -= less_ns;
    boots++;
}

void ese_test_clocks_restore(void)
{
    wall_ns = monotonic_ns = 0;
    boots = 0;
}
