/*
 * mail_stories.h - cases of mails: of each kind that should not have come the first, and those of which the mailer does
 * not know whether it has sent them, by name.
 */
#ifndef ESE_LAB_MAIL_STORIES_H
#define ESE_LAB_MAIL_STORIES_H

#include "orchestration/lab/mail_fates.h"
#include "orchestration/lab/story.h"

/* Adds them to the stories (stories.h). */
void ese_mail_stories_tell(const struct ese_storyteller *teller, const struct ese_evidence *evidence,
                           const struct ese_mail_fates *fates, struct ese_stories *stories);

#endif
