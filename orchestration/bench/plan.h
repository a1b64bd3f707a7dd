/*
 * plan.h - in which order what is measured: row by row, and within a row ours and the peer's in turn, so that whatever
 * changes on the machine meanwhile meets both.
 *
 * A round during which others used more than a quarter of a processor is repeated, some times at most; then it is taken
 * as it is, and marked by what it says of that.
 */
#ifndef ESE_BENCH_PLAN_H
#define ESE_BENCH_PLAN_H

#include "orchestration/bench/figures.h"
#include "orchestration/bench/journal.h"

struct ese_plan {
    int rounds; /* of each side, at most ESE_JOURNAL_ROUNDS */
    int repeats; /* of a disturbed round, at most */
    bool ours_only;
    bool is_brief; /* what takes minutes is measured no longer than the rest */
    struct ese_stint stint; /* durability is the row's */
};

/* What is missing of the row's rounds is measured; what is in the journal is not measured again. Where a side is not to
 * be had here, or fails, the row is void, and others are measured all the same: this fails only when we are to stop. */
int ese_plan_row(const struct ese_plan *plan, const struct ese_row *row, struct ese_place *place,
                 struct ese_journal *journal, struct ese_row_figures *figures, struct ese_error *error);

#endif
