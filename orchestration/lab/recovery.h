/*
 * recovery.h - how long it took after a fault until events were acknowledged again, were read again, and
 * until the backlog was gone: told from the histories and the fault's instants.
 *
 * An acknowledgement between death and return is one that was under way already, and not yet a sign of
 * life.
 */
#ifndef ESE_LAB_RECOVERY_H
#define ESE_LAB_RECOVERY_H

#include "orchestration/lab/book.h"
#include "orchestration/lab/judgement.h"

/* The book must bear the ledger's marks; what is out of it is left out. */
void ese_recovery_take(const struct ese_judge_options *options, const struct ese_book *book,
                       struct ese_recovery *recovery);

/* Of one run, by the same options, of other events. */
void ese_recovery_add(struct ese_recovery *into, const struct ese_recovery *from);

#endif
