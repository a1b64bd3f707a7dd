/*
 * row.h - what is compared: one row a figure, ours beside a peer's, and what is to be reached.
 *
 * A ratio is always such that more is better: of rates ours divided by the peer's, of times the peer's by ours.
 */
#ifndef ESE_BENCH_ROW_H
#define ESE_BENCH_ROW_H

#include <stddef.h>

#include "orchestration/bench/contender.h"

/* What of a round is the figure. */
enum ese_measure {
    ESE_MEASURE_RATE,
    ESE_MEASURE_P50,
    ESE_MEASURE_P99,
    ESE_MEASURE_CPU,
    ESE_MEASURE_MEMORY,
};

struct ese_row {
    const char *id;
    const char *what;
    const char *rounds_of; /* the row whose rounds are this one's, too: another figure of them; NULL: its own */
    enum ese_measure measure;
    double goal; /* the least ratio; 0: it is shown, and not judged */
    enum ese_durability durability;
    int64_t span_ms; /* is measured for so long, once, and not with --quick; 0: like the others */
    int64_t sync_us; /* on a disk that is so much slower; of what the bench loads */
    struct ese_side ours, peer;
};

extern const struct ese_row ese_rows[];
extern const size_t ese_row_count;

/* Under which name its rounds are kept. */
const char *ese_row_rounds(const struct ese_row *row);

const char *ese_measure_unit(enum ese_measure measure);
int ese_measure_digits(enum ese_measure measure); /* behind the point, for who shows it */
double ese_measure_of(enum ese_measure measure, const struct ese_round *round);
/* 0 where there is nothing to divide. */
double ese_measure_ratio(enum ese_measure measure, double ours, double peer);

/* Marks in `chosen` (of ese_row_count) what is named in "ID,ID"; all for NULL. ESE_E_USAGE names those there are. */
int ese_row_choose(const char *names, bool *chosen, struct ese_error *error);

#endif
