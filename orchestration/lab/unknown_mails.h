/*
 * unknown_mails.h - how many mails of a run may be unknown.
 *
 * A mail is unknown when mailer and SMTP server lost sight of each other over its final dot. So there is at
 * most one for each session that may have been open when one of them died, or stood still for longer than the
 * mailer waits, and none otherwise: all of a session may take as long as each of its steps may in all, so that whoever
 * stands still for less than one wait breaks none off.
 */
#ifndef ESE_LAB_UNKNOWN_MAILS_H
#define ESE_LAB_UNKNOWN_MAILS_H

#include "orchestration/lab/deed.h"
#include "orchestration/lab/ending.h"

#define ESE_UNKNOWN_MAILS_ANY (-1) /* nobody tells who died, and when: there may be any number */

/* The most there may be after these deeds and endings. smtp_timeout_ms: for how long the mailer waits; 0: not known,
 * so that whoever was frozen may have been so for too long. */
int64_t ese_unknown_mails_most(const struct ese_deeds *deeds, const struct ese_endings *endings,
                               int64_t smtp_timeout_ms);

#endif
