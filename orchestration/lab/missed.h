/*
 * missed.h - mails that had to come and did not, and why: what became of the events behind them.
 */
#ifndef ESE_LAB_MISSED_H
#define ESE_LAB_MISSED_H

#include "orchestration/lab/figures.h"
#include "orchestration/lab/story.h"

/* Mails of at most `most` different keys, by when their last event was due: those counted as lost (mail_ledger.h),
 * one a chain. Writes their numbers in the oracle and returns how many. */
int ese_missed_find(const struct ese_evidence *evidence, uint32_t mails[], int most);

/* "pressed a key at …, … and …, and no mail came: …" */
void ese_missed_tell(const struct ese_storyteller *teller, const struct ese_evidence *evidence,
                     uint32_t mail, struct ese_buffer *text);

#endif
