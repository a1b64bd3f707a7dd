/*
 * closed_loop.h - what a harness would have said of the same run that asks again only once it has been answered.
 *
 * It has ESE_CLOSED_LOOP_CALLERS callers to a client. Whichever is free sends the next event that is sent, and waits
 * for the outcome; what comes while none is free is not sent by anybody, so it is not measured (coordinated omission:
 * Tene, "How NOT to Measure Latency", 2013). The time runs from the sending. It is drawn beside the right figures, and
 * judged by nothing.
 */
#ifndef ESE_LAB_CLOSED_LOOP_H
#define ESE_LAB_CLOSED_LOOP_H

#include "ese-core/histogram.h"

#define ESE_CLOSED_LOOP_CALLERS 10

/* From the histories of the clients in the directory, as far as they can be read, into the histogram, in microseconds:
 * acknowledged events that were due at measured_from_ns or later. Memory does not grow with the run. */
void ese_closed_loop_take(const char *directory, int64_t measured_from_ns, struct ese_histogram *histogram);

#endif
