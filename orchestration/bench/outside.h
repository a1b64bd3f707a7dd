/*
 * outside.h - what contenders have in common that bring their own load and measure themselves: producers, pgbench.
 */
#ifndef ESE_BENCH_OUTSIDE_H
#define ESE_BENCH_OUTSIDE_H

#include "orchestration/bench/child.h"
#include "orchestration/bench/contender.h"

struct ese_contest {
    struct ese_place *place;
    struct ese_side side;
    struct ese_stint stint;
    const char *bootstrap; /* the broker's */
    char topic[64];        /* where the clicks go, at the durability that is asked for */
};

/* With a broker. For a contender's open and close. */
int ese_outside_open(struct ese_place *place, const struct ese_side *side, const struct ese_stint *stint,
                     struct ese_contest **contest, struct ese_error *error);
void ese_outside_close(struct ese_contest **contest);

/* Runs it to its end, for which it has timeout_ms; fills what the machine tells of that time, and hands back what it
 * said on stdout, which the caller frees. Where that and its stderr go is set here. */
int ese_outside_run(const struct ese_place *place, struct ese_child *child, int timeout_ms, struct ese_round *round,
                    char **said, struct ese_error *error);

#endif
