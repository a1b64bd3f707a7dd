/*
 * schedule.h - when the events of a source are due, where that is not at even distances.
 *
 *     constant           as the source has it
 *     poisson            each event at a distance of its own from the one before, as of many callers who know nothing
 *                        of each other: exponential, with the mean that the rate gives; drawn from the seed
 *     burst:N:AT:FOR     N times as many events a second, from second AT on for FOR seconds
 *     ramp:A:B:FOR       A times as many at the beginning, B times after FOR seconds and from then on, evenly between
 *     trace:FILE         as FILE has it: a line an event, seconds since the beginning, ascending. With it all ends.
 *                        Where several share it, each line is one's: they are dealt out by turns
 *
 * Which events come, and in which order, the source alone decides. The same seed gives the same schedule. The words are
 * read by ese-core/schedule_words.h.
 */
#ifndef ESE_SCHEDULE_H
#define ESE_SCHEDULE_H

#include "ese-client/source.h"

struct ese_schedule_told {
    const char *words;
    int64_t rate;    /* events a second, for poisson */
    uint64_t seed;
    int part, parts; /* of a trace that several share: whose lines (from 1 on), of how many; parts 0: all of them */
};

/* Takes the source over, whatever comes of it (nulled where it fails), and gives one to be used in its place.
 * ESE_E_USAGE says what the words should be; ESE_E_INVALID names a line of the trace. */
int ese_schedule_open(const struct ese_schedule_told *told, struct ese_source **source, struct ese_error *error);

#endif
