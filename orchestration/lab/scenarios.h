/*
 * scenarios.h - the command `scenario`, in three files: one is run (scenarios.c), all of them are
 * (scenarios_all.c), and they are listed and shown (scenarios_show.c).
 */
#ifndef ESE_LAB_SCENARIOS_H
#define ESE_LAB_SCENARIOS_H

#include "ese-core/config.h"
#include "orchestration/lab/scenario.h"

/* Each as a process of its own (`scenario run NAME`, with `words` behind it), its artifacts below the run's directory;
 * those that leave room beside one another. 0: every expectation is met; 1: not all; -1 with error. */
int ese_scenarios_run_all(const struct ese_config *config, int count, char **words, struct ese_error *error);

/* By its name, in the directory and the size that the options say. */
int ese_scenarios_read(const struct ese_config *config, const char *name, int64_t seed, struct ese_scenario **scenario,
                       struct ese_error *error);

/* The names of all, with their titles, on stdout; so one, as a run of it would be. */
int ese_scenarios_list(const struct ese_config *config, struct ese_error *error);
void ese_scenarios_show(const struct ese_config *config, const struct ese_scenario *scenario);

/* All that was drawn: what is done, and which destinations are flaky, of as many as the options say; a line each. */
void ese_scenarios_schedule(const struct ese_config *config, const struct ese_scenario *scenario,
                            struct ese_buffer *text);

#endif
