/*
 * schedule_words.h - how events are spread over time, in words: those of --schedule, for who sends them, and for who
 * has others send them and would know before whether they can.
 *
 *     constant           at even distances
 *     poisson            each event at a distance of its own from the one before
 *     burst:N:AT:FOR     N times as many events a second, from second AT on for FOR seconds
 *     ramp:A:B:FOR       A times as many at the beginning, B times after FOR seconds and from then on, evenly between
 *     trace:FILE         as FILE has it; whether that can be read is not looked at
 *
 * Pure logic; any thread.
 */
#ifndef ESE_SCHEDULE_WORDS_H
#define ESE_SCHEDULE_WORDS_H

#include "ese-core/error.h"

#define ESE_SCHEDULE_MOST_TIMES 1000.0
#define ESE_SCHEDULE_MOST_SECONDS 31536000.0

enum ese_schedule_shape {
    ESE_SCHEDULE_CONSTANT,
    ESE_SCHEDULE_POISSON,
    ESE_SCHEDULE_BURST,
    ESE_SCHEDULE_RAMP,
    ESE_SCHEDULE_TRACE
};

struct ese_schedule_words {
    enum ese_schedule_shape shape;
    double a, b, at_s, for_s; /* burst: a times, from at on; ramp: from a to b */
    const char *trace;        /* a path, in the words that were read */
};

/* ESE_E_USAGE says what they should be. */
int ese_schedule_words_read(const char *text, struct ese_schedule_words *words, struct ese_error *error);

#endif
