/*
 * fold.h - the books of a run that goes on (docs/endless-runs.md): what has settled is folded into
 * totals, the rest is kept event by event.
 *
 * One turn loads the fold, reads the histories on from where the last turn left them, judges all that was
 * due until a given moment, and, where it is asked to, folds and commits. Histories are read against the
 * way of events (inbox, outbox and state first, the server and the client last), so that whoever is heard of downstream
 * is known upstream.
 *
 * A turn that folds hopes: a mail that has not come is missed only when its chain settles. One that does
 * not fold is asked by whoever has waited, and misses it at once.
 *
 * A book holds no more than ESE_FOLD_MOST events that have not settled (some 60 MB of memory). When there are
 * more, those that are in it are given up and the others passed over: what became of them is never told, and the
 * ledger cannot be told any more.
 *
 * One committing turn at a time; turns that do not commit may run beside it, in other processes. Where what they
 * need was folded and removed meanwhile, they begin again.
 */
#ifndef ESE_LAB_FOLD_H
#define ESE_LAB_FOLD_H

#include "orchestration/lab/judgement.h"

#define ESE_FOLD_MOST 150000

struct ese_fold_options {
    const char *directory;       /* the transport's (artifacts.h) */
    const char *mailers;         /* the directory of the mailer's history and outbox */
    const char *transport;       /* its name: whose mails of that outbox are meant */
    const struct ese_promises *promises;
    int64_t until_ns; /* by the clock of this boot, as is fold_ns: events due later are left out */
    int64_t fold_ns;  /* events due until then are folded where they have settled; 0: none are, and nothing
                         is committed */
    uint32_t most;    /* events a book may hold; 0: ESE_FOLD_MOST */
};

/* How far the parties have been heard, for whoever waits for a moment to settle. */
struct ese_fold_progress {
    bool has_store;  /* all that was stored before until_ns is known */
    bool has_inbox;  /* all that had arrived before then is */
    int64_t waiting; /* events in flight, and mails expected that have not arrived */
    int64_t unsettled; /* events the fold holds, where it was committed */
    char unread[200]; /* what is there and cannot be read now; "" when all can */
};

/* What is there and cannot be read now makes that nothing can be told, and nothing is folded: nobody's
 * place moves, so that it is heard when it can be read. -1: there is no history of the client yet
 * (ESE_E_MISSING), or it cannot be read, or fold.db cannot be read or written. progress may be NULL. */
int ese_fold_turn(const struct ese_fold_options *options, struct ese_judgement *judgement,
                  struct ese_fold_progress *progress, struct ese_error *error);

#endif
