/*
 * fold_totals.h - what a fold file (fold_file.h) keeps of the figures of what has settled: each total a row
 * (name, value), each bucket of a latency a row (name, value, times). A name that is not known is passed over,
 * one without a row is zero.
 */
#ifndef ESE_LAB_FOLD_TOTALS_H
#define ESE_LAB_FOLD_TOTALS_H

#include "ese-core/sqlite.h"
#include "orchestration/lab/figures.h"

/* The table `total`; some of them are the book's, with why nothing can be told, if anything. */
void ese_fold_totals_read(struct ese_book *book, struct ese_figures *figures, struct ese_statement *row);
int ese_fold_totals_write(struct ese_sqlite *database, struct ese_book *book, struct ese_figures *figures,
                          struct ese_error *error);

/* The table `latency`. */
void ese_fold_latencies_read(struct ese_figures *figures, struct ese_statement *row);
int ese_fold_latencies_write(struct ese_sqlite *database, const struct ese_figures *figures,
                             struct ese_error *error);

#endif
