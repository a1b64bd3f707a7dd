/*
 * rule_cost.h - what a rule costs by event: so that a lab shows what happens when one reader does not keep up.
 *
 * It is waited, not burnt: a rule that asks somebody else, not one that computes. So members of a group have as
 * much time as there are members, however few the cores. What is committed at once costs a quarter of a second
 * (ESE_RULE_COST_BATCH_MS) or is one event, so that commits do not come in lumps. It is waited for once it was handed,
 * so that who is killed meanwhile had it in hand, and before its transaction begins: the state file is everybody's.
 *
 * It may change while a process runs: a file, where one is named, says how much (microseconds, as text), as long as it
 * is there. It is looked for every tenth of a second. So no more events are asked for at once than are in hand soon,
 * whatever they come to cost (ESE_RULE_COST_BATCH_FILE), and what was handed is committed piece by piece, by what
 * events cost when their turn comes.
 */
#ifndef ESE_RULE_COST_H
#define ESE_RULE_COST_H

#include <stdbool.h>
#include <stdint.h>

#include "ese-core/rule_bounds.h" /* at most so much */

#define ESE_RULE_COST_BATCH_MS 250
#define ESE_RULE_COST_BATCH_FILE 25 /* events that are asked for at once, where their cost may rise meanwhile */

struct ese_rule_cost {
    int64_t us;      /* by event, unless the file says something else; 0: none */
    const char *file; /* that says how much; NULL: none does. Borrowed */
    int64_t told_us;  /* by the file when it was looked for last; 0: it was not there */
    int64_t look_ns;  /* not before this (monotonic) */
    int64_t owed_ns; /* of what was asked for, what was not waited: below a millisecond, or too long a wait */
};

/* How many events may be asked for at once, of those that are allowed at all. */
int ese_rule_cost_batch(const struct ese_rule_cost *cost, int max_batch);

/* How many of so many events may be committed at once, one at least, as an event costs now; what these cost is owed. */
int ese_rule_cost_begin(struct ese_rule_cost *cost, int events);

/* Waits for what is owed. False: a stop is asked for (service.h), at once. */
bool ese_rule_cost_pay(struct ese_rule_cost *cost);

#endif
