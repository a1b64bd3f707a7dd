/*
 * report.h - the table at the end of a comparison, and a few plain sentences on who was better at what.
 *
 * Everything is generated from the figures of this run; nothing is said that they do not show.
 */
#ifndef ESE_LAB_REPORT_H
#define ESE_LAB_REPORT_H

#include "ese-core/buffer.h"
#include "orchestration/lab/results.h"

/* One column a transport. Plain text; UTF-8 only where the locale has it. */
void ese_report_table(const struct ese_results *results, struct ese_buffer *text);

/* What a closed loop would have said of the same run, beside what is right (closed_loop.h): report_lie.c. */
void ese_report_lie(const struct ese_results *results, struct ese_buffer *text);

/* How many events waited, over the time of the run: a line a transport, all on one scale. Part of the table. */
void ese_report_lag(const struct ese_results *results, struct ese_buffer *text);

/* The rows that say how a walk that goes on stands, under the time of day. */
void ese_report_brief(const struct ese_results *results, struct ese_buffer *text);

/* Sentences, one a line: keeping (ledger and mails), recovery where a fault was done, time, cost; of a named run its
 * own (preset.h). */
void ese_report_sentences(const struct ese_results *results, struct ese_buffer *text);

/* 0 all ledgers pass, 1 one fails, 2 one cannot be told; strict: the timing verdicts count, too. */
int ese_report_exit_status(const struct ese_results *results, bool strict);

/* One case of each kind of fault, people who never got their mail, and mails of which nobody knows whether they were
 * sent; nothing where there are none. */
void ese_report_stories(const struct ese_results *results, struct ese_buffer *text);

#endif
