/*
 * contenders.h - the transports that a run is over, from the list an option gives.
 */
#ifndef ESE_LAB_CONTENDERS_H
#define ESE_LAB_CONTENDERS_H

#include "orchestration/lab/run.h"

/* Whether it promises to lose nothing that it has acknowledged: for is_meant below. */
bool ese_contenders_lose_nothing(const struct ese_registry_entry *entry);

/* Fills run's specifications, which point into list: it is split in place. NULL: every transport that is
 * compared by default and for which is_meant is true (NULL: all of these). What run says of durability and
 * of a cluster must be there, and is checked with each (ESE_E_USAGE, ESE_E_MISSING). */
int ese_contenders_choose(struct ese_run_options *run, char *list,
                          bool (*is_meant)(const struct ese_registry_entry *entry),
                          struct ese_error *error);

#endif
