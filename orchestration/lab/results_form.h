/*
 * results_form.h - how a command prints results.json: as the table that people read, as the document, or as lines of
 * JSON (NDJSON): one for the run, which is the document without its transports, and one for each of these.
 *
 * One thread. docs/results.md says how lines become the document again.
 */
#ifndef ESE_LAB_RESULTS_FORM_H
#define ESE_LAB_RESULTS_FORM_H

#include <stdio.h>

#include "ese-core/config.h"
#include "orchestration/lab/results.h"

#define ESE_RESULTS_NDJSON_OPTION                                                                            \
    {.name = "ndjson", .kind = ESE_OPTION_FLAG,                                                              \
     .help = "Print results.json as lines of JSON: one for the run, and one for each of its transports."}

/* ESE_E_USAGE: of an option table with `json` and `ndjson`, both were given. */
int ese_results_form_check(const struct ese_config *config, struct ese_error *error);

/* On stdout, as one of the two says that is given; false: neither is, and nothing was printed. */
bool ese_results_print(const struct ese_config *config, const struct ese_results *results);

/* A results.json, which loses its transports thereby, as such lines. -1: it is none, and nothing was printed. */
int ese_results_print_lines(struct json_t *results, FILE *file);

#endif
