/*
 * results.h - what a bench came to, as JSON and as a table, and beside what an earlier one came to.
 */
#ifndef ESE_BENCH_RESULTS_H
#define ESE_BENCH_RESULTS_H

#include <stdio.h>

#include "ese-core/buffer.h"
#include "orchestration/bench/figures.h"

struct ese_bench_results {
    const struct ese_row_figures *rows;
    size_t count;
    bool quick;
};

/* An array with an object a row; docs/measuring.md lists the members. The caller frees. */
char *ese_bench_results_json(const struct ese_bench_results *results);

/* Appends the table, and a line for each row that is void or was disturbed. */
void ese_bench_results_table(const struct ese_bench_results *results, struct ese_buffer *text);

/* Appends what became slower, faster or is as it was since the results in the file (what results_json printed), and
 * counts what became slower; what was void, or quick where this is not, is compared with nothing. ESE_E_USAGE where the
 * file is none. */
int ese_bench_results_against(const struct ese_bench_results *results, const char *path, struct ese_buffer *text,
                              int *slower, struct ese_error *error);

#endif
