/*
 * drained.h - whether a journey has nothing left to do: all that was acknowledged is processed, rules wait for
 * nothing, and all that was decided is mailed.
 *
 * Told from the histories' counters, however its parties' lives have ended: what they count of their commits
 * is in these (account.h).
 */
#ifndef ESE_LAB_DRAINED_H
#define ESE_LAB_DRAINED_H

#include "orchestration/lab/journey.h"

/* Keys whose leaving rules wait for. */
int64_t ese_timers_waited_for(const struct ese_journey_view *view);

bool ese_drained(const struct ese_journey_view *view);

#endif
