/*
 * whereabouts.h - who had an event when the last was heard of it, and the mail that was made of it: told from its
 * records, one after the other in the order of time. What befalls these afterwards may be what became of it.
 */
#ifndef ESE_LAB_WHEREABOUTS_H
#define ESE_LAB_WHEREABOUTS_H

#include "ese-core/history.h"
#include "orchestration/lab/role.h"

struct ese_whereabouts {
    int step;       /* of its way; 0: nothing was heard of it */
    unsigned mails; /* who has its mail (ESE_ROLE_BIT); 0: nobody, or there is none */
};

/* The next record that is about it; or, as if these were, COMMITTED: what it was handed with was committed; SKIPPED:
 * what stood where it was stored is no longer kept. A repeat that was recognised as one is none of these. */
void ese_whereabouts_take(struct ese_whereabouts *where, enum ese_history_kind kind);

/* Who has it, or should have gone on with it (ESE_ROLE_BIT); 0: it has come to its end. */
unsigned ese_whereabouts_roles(const struct ese_whereabouts *where);

#endif
