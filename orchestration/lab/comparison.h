/*
 * comparison.h - a run of several transports side by side, from its options to its results: compare's, and a
 * scenario's.
 *
 *     read     what the options say, but for what goes wrong: that is the caller's to put into `run`
 *     check    whether it can go well at all
 *     open     a directory for it
 *     run      until its results are written
 *
 * One thread. The config has to be there as long as the comparison is.
 */
#ifndef ESE_LAB_COMPARISON_H
#define ESE_LAB_COMPARISON_H

#include "ese-core/config.h"
#include "orchestration/lab/results.h"
#include "orchestration/lab/run.h"

/* Beside ese_group_options; comparison_options.c. */
extern const struct ese_option ese_comparison_options[];

struct ese_comparison {
    struct ese_run_options run;
    char directory[ESE_ARTIFACT_PATH_SIZE];
    struct ese_kept_trace trace; /* of the load, once it is open */
    struct ese_results results; /* once it has run */
    char *list;                 /* of transports, as it was given */
    const char *const *refused; /* of what read or check refuse: the options it hangs on, and a NULL behind them */
};

/* is_meant: which transports, where none are named; NULL: all that are compared by default. */
int ese_comparison_read(const struct ese_config *config, bool (*is_meant)(const struct ese_registry_entry *entry),
                        struct ese_comparison *comparison, struct ese_error *error);
/* Says nothing but by its error, so that it may be asked of parts of a run, one after the other. */
int ese_comparison_check(struct ese_comparison *comparison, struct ese_error *error);
int ese_comparison_open(const struct ese_config *config, struct ese_comparison *comparison, struct ese_error *error);
int ese_comparison_run(struct ese_comparison *comparison, const struct ese_run_watch *watch, struct ese_error *error);
/* Also of one whose reading has failed. */
void ese_comparison_free(struct ese_comparison *comparison);

#endif
