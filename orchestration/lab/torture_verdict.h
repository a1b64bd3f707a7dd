/*
 * torture_verdict.h - what a round of torture came to.
 *
 * It passes when the ledger of every journey does, all was processed within the round's limit, and
 * at one kill enough events waited for it to be worth a try.
 */
#ifndef ESE_LAB_TORTURE_VERDICT_H
#define ESE_LAB_TORTURE_VERDICT_H

#include "orchestration/lab/results.h"

/* Of one journey, without its name. */
void ese_torture_judge_one(const struct ese_results_transport *transport, struct ese_verdict *verdict);
/* The worst of all journeys: a fail before what cannot be told; the reason begins with the journey. */
void ese_torture_judge(const struct ese_results *results, struct ese_verdict *verdict);

#endif
