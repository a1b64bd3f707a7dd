/*
 * rule_bounds.h - how much a rule can be told to cost: of who runs rules, and of who tells him.
 */
#ifndef ESE_RULE_BOUNDS_H
#define ESE_RULE_BOUNDS_H

#define ESE_RULE_COST_MOST_US 5000000 /* by event */

#endif
