/*
 * torture_verdict.h - what a round of torture came to.
 *
 * It passes when the ledger of every journey does, no more mails are unknown than the acts account for, all
 * was processed within the round's limit, and at one kill enough events waited for it to be worth a try.
 *
 * A mail is unknown when mailer and SMTP server lost sight of each other over its final dot. So there is at
 * most one for each session that may have been open when one of them was killed, or stood still for longer
 * than the mailer waits.
 */
#ifndef ESE_LAB_TORTURE_VERDICT_H
#define ESE_LAB_TORTURE_VERDICT_H

#include "orchestration/lab/results.h"

/* The most mails that may be unknown after these deeds. */
int64_t ese_torture_unknown_most(const struct ese_deeds *deeds, int64_t smtp_timeout_ms);

/* Of one journey, without its name. */
void ese_torture_judge_one(const struct ese_results_transport *transport, struct ese_verdict *verdict);
/* The worst of all journeys: a fail before what cannot be told; the reason begins with the journey. */
void ese_torture_judge(const struct ese_results *results, struct ese_verdict *verdict);

#endif
