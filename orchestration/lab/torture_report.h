/*
 * torture_report.h - what rounds of torture came to, for people and for programs (docs/torture.md).
 */
#ifndef ESE_LAB_TORTURE_REPORT_H
#define ESE_LAB_TORTURE_REPORT_H

#include "ese-core/buffer.h"
#include "orchestration/lab/results.h"
#include "orchestration/lab/torture_schedule.h"

struct ese_torture_totals {
    int64_t rounds[3]; /* by enum ese_verdict_word */
    int64_t acknowledged, dead_letters, lost; /* this and the next over all rounds and journeys */
    int64_t mails, lost_mails, doubled, altered, unexpected, unknown_mails;
    int64_t waiting_least; /* the least of all waiting_at_kill; -1: no round yet */
};
#define ESE_TORTURE_TOTALS_NONE {.waiting_least = -1}

void ese_torture_add(struct ese_torture_totals *totals, const struct ese_results *results,
                     const struct ese_verdict *verdict);
/* 0 all passed, 1 one failed, 2 one cannot be told. */
int ese_torture_exit_status(const struct ese_torture_totals *totals);

/* One line. */
void ese_torture_round_line(const struct ese_torture_round *round, const struct ese_results *results,
                            const struct ese_verdict *verdict, struct ese_buffer *text);
/* Who was struck when, one line an act. */
void ese_torture_acts(const struct ese_torture_round *round, struct ese_buffer *text);
void ese_torture_totals_text(const struct ese_torture_totals *totals, struct ese_buffer *text);

/* The same as one JSON document on a line. kept_in: NULL where nothing was kept. */
void ese_torture_round_json(const struct ese_torture_round *round, const struct ese_results *results,
                            const struct ese_verdict *verdict, const char *kept_in, struct ese_buffer *text);
void ese_torture_totals_json(const struct ese_torture_totals *totals, struct ese_buffer *text);

#endif
