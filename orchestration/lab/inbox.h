/*
 * inbox.h - an inbox, followed as mails arrive: each is noted once in its transport's inbox.history.
 *
 * The inbox is Mailpit's HTTP interface (https://mailpit.axllent.org/docs/api-v1/): the list of messages,
 * newest first, and the headers of each that is new. Mails that are not of this lab (without
 * X-ESE-Transport, or of a transport that is not followed) are passed over. Which messages were seen is
 * kept in inbox.db, so that the next life notes none again; a mail that was deleted from the inbox before
 * it was seen did not arrive. A life's first listing goes to the end of the inbox, in case an earlier one has left
 * some behind; later ones go to where all was seen.
 *
 * However many are new, all of them are noted, over as many turns as it takes; newer ones than those are listed
 * then. A mail whose headers cannot be had, though the inbox answers, is put aside, and holds up no other; after
 * 300 turns it is passed over. So are mails deeper in the inbox than 50,000, where none is seen before. What
 * is passed over may have been anybody's, so it is a SKIPPED record in every history: of that nothing can be told.
 * 100,000 messages are remembered.
 *
 * One thread. The inbox may be away at any time; then nothing is noted. FOLLOWED_NS moves when all that was listed
 * is noted or passed over.
 */
#ifndef ESE_LAB_INBOX_H
#define ESE_LAB_INBOX_H

#include "ese-core/error.h"
#include "ese-core/history.h"

#define ESE_INBOX_TRANSPORTS 8

struct ese_inbox_options {
    const char *url;       /* "http://127.0.0.1:8025" */
    const char *directory; /* for inbox.db */
};

struct ese_inbox;

/* ESE_E_USAGE when url is no address, or the directory cannot hold inbox.db. */
int ese_inbox_open(const struct ese_inbox_options *options, struct ese_inbox **inbox,
                   struct ese_error *error);
void ese_inbox_close(struct ese_inbox **inbox);

/* Mails that came over this transport (its name) are noted in the history, which must outlive the
 * inbox. Before the first turn. */
void ese_inbox_follow(struct ese_inbox *inbox, const char *transport, struct ese_history *history);

/* Asks on and notes what has come; asks nothing more after timeout_ms, and of one question waits two seconds for the
 * answer. Returns how many mails were noted, of whatever transport; -1: it did not answer, or in no way we
 * understand, which may pass. */
int ese_inbox_turn(struct ese_inbox *inbox, int timeout_ms, struct ese_error *error);

#endif
