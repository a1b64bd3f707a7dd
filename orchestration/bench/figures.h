/*
 * figures.h - what the rounds of a row come to.
 *
 * A figure is the median of its rounds: one that was disturbed is not to decide. Rounds that do not count (their
 * receipt is missing) void the row: there is no median of what may not have happened.
 */
#ifndef ESE_BENCH_FIGURES_H
#define ESE_BENCH_FIGURES_H

#include "orchestration/bench/row.h"

/* One side. */
struct ese_figure {
    int rounds;
    double median, min, max; /* of what the row measures */
    double syncs_per_s;      /* medians, as the rest; ESE_ROUND_UNKNOWN where nobody counts them */
    double server_us, load_cores, late_us, foreign_cores, p50_us, p99_us, memory_mib;
};

struct ese_row_figures {
    const struct ese_row *row;
    struct ese_figure ours, peer; /* without rounds where a side was left away */
    double ratio;                 /* median over the pairs of rounds that ran one behind the other; 0: there is none */
    double ratio_min, ratio_max;
    bool noisy;                   /* others used the machine, in some round, however often it was repeated */
    char reason[512]; /* why it is void; "" when it is not */
};

/* Of an even number the mean of the middle two; 0 of none. The numbers are put in order. */
double ese_median(double *numbers, int count);

void ese_figures_make(const struct ese_row *row, const struct ese_round *ours, int our_count,
                      const struct ese_round *peer, int peer_count, struct ese_row_figures *figures);

/* The ratio is there, nothing makes it void, and it is not below the goal (where there is one). */
bool ese_figures_reached(const struct ese_row_figures *figures);

#endif
