/*
 * stepped_clock.h - clocks that a test sets, for itself: of a machine whose wall clock is set, or that is
 * started anew.
 *
 * The test's program takes over clock_gettime and ese_clock_boot (`wrapped` in tests/unit/meson.build).
 */
#ifndef ESE_TEST_STEPPED_CLOCK_H
#define ESE_TEST_STEPPED_CLOCK_H

#include <stdint.h>

/* The wall clock is set: on by so much, or back. */
void ese_test_wall_step(int64_t by_ns);

/* The machine is started anew: its monotonic clock shows so much less. */
void ese_test_boot(int64_t less_ns);

/* All as it was. */
void ese_test_clocks_restore(void);

#endif
