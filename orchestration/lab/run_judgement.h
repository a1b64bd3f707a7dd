/*
 * run_judgement.h - a run that is over, judged from its artifacts, journey by journey.
 */
#ifndef ESE_LAB_RUN_JUDGEMENT_H
#define ESE_LAB_RUN_JUDGEMENT_H

#include "orchestration/lab/results.h"
#include "orchestration/lab/run.h"

/* Fills the results and writes them beside the artifacts, so that `check` can repeat them. */
int ese_run_judge(const struct ese_run_options *run, const struct ese_run_result *outcome,
                  struct ese_results *results, struct ese_error *error);

#endif
