/*
 * maildir.h - a Maildir's mails as one list, where they are few.
 */
#ifndef ESE_TEST_MAILDIR_H
#define ESE_TEST_MAILDIR_H

#include "orchestration/lab/mails.h"

/* All of them, by decision. mails is to be freed in either case. */
int maildir_read(const char *maildir, struct ese_mails *mails, struct ese_error *error);

#endif
