/*
 * random.h - numbers that a seed decides: the same seed gives the same run.
 *
 * SplitMix64 (Steele, Lea, Flood 2014). For schedules and simulations, never for secrets.
 */
#ifndef ESE_RANDOM_H
#define ESE_RANDOM_H

#include <stdint.h>

struct ese_random {
    uint64_t state;
};

/* A stream of its own for each (seed, stream). */
struct ese_random ese_random_seeded(uint64_t seed, uint64_t stream);
uint64_t ese_random_next(struct ese_random *random);
/* Evenly from 0 .. bound - 1; bound > 0. */
uint64_t ese_random_below(struct ese_random *random, uint64_t bound);

#endif
