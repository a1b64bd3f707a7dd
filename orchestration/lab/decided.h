/*
 * decided.h - the consumer's decisions, as its state has them, held against what it was handed; and the mails that
 * came, against state and outbox. Of a run that is over: of one that goes on they are not read at one instant, and
 * what was answered leaves after a day.
 *
 * That the mails which had to come did come is the mail ledger's (mail_ledger.h). Here is found what a loss, or a
 * doubt, excuses there.
 */
#ifndef ESE_LAB_DECIDED_H
#define ESE_LAB_DECIDED_H

#include <stdint.h>

#include "orchestration/lab/oracle.h"

struct ese_evidence;

struct ese_decided {
    /* Faults. */
    int64_t unlawful;    /* decisions of events of which no rule makes any */
    int64_t again;       /* decisions of an event that another one of the same rule was made of */
    int64_t omitted;     /* not made, though what was processed of a chain that a loss has touched gives them */
    int64_t readdressed; /* mails whose transport, receiver or subject is not what was decided */
    /* What cannot be told. */
    int64_t foreign; /* decisions of events that no history tells of */
    int64_t open;    /* decisions whose mail the mailer has neither taken nor refused */
    int64_t unproved; /* mails that came as they had to, of which the state, or the outbox, does not know */
};

void ese_decided_look(const struct ese_evidence *evidence, struct ese_decided *decided);
void ese_decided_add(struct ese_decided *into, const struct ese_decided *from);

#endif
