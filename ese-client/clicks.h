/*
 * clicks.h - the original's click simulation, made exact: persons who click in bursts.
 *
 * Each person has one ip and, once a cycle, one burst: a button click, an input and a key press,
 * then r = 0..8 repeats of one kind (an even r: input, 3: button, 1, 5 and 7: key press), all
 * within 4 ms. That is seven events and 4/9 steady-click mails a burst in the mean: r = 5 makes six
 * key presses and r = 7 eight, two mails each.
 *
 * The rate is reached by the number of persons, rounded up; the cycle is then stretched to hit it.
 * It is never shorter than 1,200 ms, so that no burst reaches into the second of the one before.
 *
 * The seed decides everything but the wall clock: each person draws from a stream of their own, so
 * that the same seed and rate give the same events in the same order at the same distances.
 */
#ifndef ESE_CLICKS_H
#define ESE_CLICKS_H

#include "ese-client/source.h"

#define ESE_CLICKS_BURST_NS (4 * INT64_C(1000000))
#define ESE_CLICKS_CYCLE_NS (1200 * INT64_C(1000000))

/* rate: events a second, or 0: as fast as they are taken, with the persons of 10,000 a second. */
struct ese_source *ese_clicks_open(int64_t rate, uint64_t seed);

/* How many persons a rate takes, and how long their cycle is. */
int ese_clicks_persons(int64_t rate);
int64_t ese_clicks_cycle_ns(int64_t rate);

#endif
