/*
 * mail_pile.h - the mails that arrived, for whoever takes them a share at a time.
 *
 * A Maildir is read once. Its mails lie in a file without a name (tmpfile(3)) and not in memory, however
 * many there are; each is taken once.
 */
#ifndef ESE_LAB_MAIL_PILE_H
#define ESE_LAB_MAIL_PILE_H

#include "orchestration/lab/id_filter.h"
#include "orchestration/lab/mails.h"

struct ese_mail_pile;

/* Of the mails that could be read, there is a pile (to be freed) in either case. */
int ese_mail_pile_make(const char *maildir, struct ese_mail_pile **pile, struct ese_error *error);
void ese_mail_pile_free(struct ese_mail_pile **pile);

/* Takes those whose decision is wanted; adds them, and leaves mails sorted. */
int ese_mail_pile_take(struct ese_mail_pile *pile, const struct ese_id_filter *wanted,
                       struct ese_mails *mails, struct ese_error *error);

/* How many nobody has taken. */
int64_t ese_mail_pile_left(const struct ese_mail_pile *pile);

/* Takes one of so many parts (from 0) of what is left: all mails of a decision are in one. */
int ese_mail_pile_take_left(struct ese_mail_pile *pile, int64_t part, int64_t parts,
                            struct ese_mails *mails, struct ese_error *error);

#endif
