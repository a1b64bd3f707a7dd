/*
 * rule_cost.h - what a rule costs by event: so that a lab shows what happens when one reader does not keep up.
 *
 * It is waited, not burnt: a rule that asks somebody else, not one that computes. So members of a group have as
 * much time as there are members, however few the cores. A batch is kept short (ESE_RULE_COST_BATCH_MS), so that
 * commits do not come in lumps, and is waited for before its transaction begins: the state file is everybody's.
 */
#ifndef ESE_RULE_COST_H
#define ESE_RULE_COST_H

#include <stdbool.h>
#include <stdint.h>

#define ESE_RULE_COST_BATCH_MS 250

struct ese_rule_cost {
    int64_t us;      /* by event; 0: none */
    int64_t owed_ns; /* of what was asked for, what was not waited: below a millisecond, or too long a wait */
};

/* How many events a batch may have at most, of those that are allowed at all. */
int ese_rule_cost_batch(const struct ese_rule_cost *cost, int max_batch);

/* Waits for so many events. False when a stop is asked for meanwhile (service.h), at once. */
bool ese_rule_cost_wait(struct ese_rule_cost *cost, int events);

#endif
