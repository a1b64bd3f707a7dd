/*
 * clock.h - the two clocks, and the units they are read in.
 *
 * Monotonic nanoseconds (CLOCK_MONOTONIC) measure: one kernel's processes share it, so that
 * figures of different processes of one machine can be subtracted. Wall milliseconds
 * (CLOCK_REALTIME, Unix time) are what events carry as client_ts and server_ts. The wall clock may
 * be set at any time, by an hour or a year: after a laptop's sleep, in a machine that was brought
 * back, or by NTP.
 */
#ifndef ESE_CLOCK_H
#define ESE_CLOCK_H

#include <stdint.h>

#define ESE_NS_PER_MS INT64_C(1000000)
#define ESE_NS_PER_S INT64_C(1000000000)

int64_t ese_clock_monotonic_ns(void);
int64_t ese_clock_wall_ms(void);
int64_t ese_clock_wall_us(void);

/* Wall minus monotonic clock, as of now: it stays, unless the wall clock is set. */
int64_t ese_clock_wall_offset_ns(void);

/* Names the monotonic clock: another number where the machine was started anew (or in another time
 * namespace), the same for all that share it. 0: the kernel does not say. */
uint64_t ese_clock_boot(void);

/* Sleeps until the monotonic clock shows due_ns, or until a signal (returns early then). */
void ese_clock_sleep_until(int64_t due_ns);

/* "2026-01-31 12:00:00.123" in local time: how the original writes times into its mails. A time so far
 * off that it has no such text is written as its number. */
#define ESE_CLOCK_TEXT_SIZE 32
void ese_clock_local_text(int64_t wall_ms, char text[ESE_CLOCK_TEXT_SIZE]);

#endif
