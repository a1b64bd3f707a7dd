/*
 * missed.h - mails that had to come and did not, and why: what became of the events behind them.
 */
#ifndef ESE_LAB_MISSED_H
#define ESE_LAB_MISSED_H

#include "orchestration/lab/mail_fates.h"
#include "orchestration/lab/story.h"

/* Lost mails of at most `most` different keys: first those of chains none of whose mails came, then by when their last
 * event was due. Writes their numbers in the oracle and returns how many. */
int ese_missed_find(const struct ese_evidence *evidence, const struct ese_mail_fates *fates,
                    uint32_t mails[], int most);

/* "pressed a key at …, … and …, and no mail came: …"; of an order "was created, and not completed in
 * time, at …" */
void ese_missed_tell(const struct ese_storyteller *teller, const struct ese_evidence *evidence,
                     uint32_t mail, struct ese_buffer *text);

#endif
