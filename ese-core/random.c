#include "ese-core/random.h"

#include <assert.h>

#define GOLDEN_GAMMA UINT64_C(0x9e3779b97f4a7c15)

static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

struct ese_random ese_random_seeded(uint64_t seed, uint64_t stream)
{
    /* Mixed twice, so that neighbouring seeds and streams start far from one another. */
    return (struct ese_random){.state = mix(mix(seed + GOLDEN_GAMMA) + stream)};
}

uint64_t ese_random_next(struct ese_random *random)
{
    random->state += GOLDEN_GAMMA;
    return mix(random->state);
}

uint64_t ese_random_below(struct ese_random *random, uint64_t bound)
{
    assert(bound > 0);
    /* What lies below 2^64 mod bound is drawn again, else small numbers would come more often. */
    uint64_t unfair = (UINT64_MAX - bound + 1) % bound;
    uint64_t drawn;
    do {
        drawn = ese_random_next(random);
    } while (drawn < unfair);
    return drawn % bound;
}
