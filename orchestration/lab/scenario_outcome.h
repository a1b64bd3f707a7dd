/*
 * scenario_outcome.h - what became of a scenario's expectations: each of them, and what they come to.
 *
 * Pass: each that was looked at is met, and there was one. Fail: one is not. Cannot tell: nothing was looked at; or all
 * that is about time had to be withheld, in a scenario that is about time (`alone`). One thread.
 */
#ifndef ESE_LAB_SCENARIO_OUTCOME_H
#define ESE_LAB_SCENARIO_OUTCOME_H

#include "orchestration/lab/results.h"
#include "orchestration/lab/scenario.h"

struct ese_scenario_outcome {
    struct json_t *expectations; /* an object each, as docs/results.md has it: .scenario.expectations[] */
    int count, met, withheld;
    int looked_at; /* of count: met, or not */
    struct ese_verdict verdict;
};

/* In the figures of a run. Freed with ese_scenario_outcome_free. */
void ese_scenario_look(const struct ese_scenario *scenario, const struct ese_results *results,
                       struct ese_scenario_outcome *outcome);
void ese_scenario_outcome_free(struct ese_scenario_outcome *outcome);

/* A line each; of those alone that do not hold, where only these are wanted. */
void ese_scenario_outcome_write(const struct ese_scenario_outcome *outcome, bool only_broken, struct ese_buffer *text);

#endif
