/*
 * settle.h - which events of a run that goes on have settled: nothing that may still come changes what is
 * said of them.
 *
 * An event has, when it was due before the cut, its outcome is known (or its client has ended: a later run
 * wrote behind it), it is not in flight, and all earlier events of its key have settled, too. A key press
 * settles with its whole chain, once the chain's mails have arrived, or were given up: they are lost
 * when they are late by ESE_SETTLE_MAILS_NS. An order settles likewise, not before its mail is due (oracle.h).
 */
#ifndef ESE_LAB_SETTLE_H
#define ESE_LAB_SETTLE_H

#include "ese-core/clock.h"
#include "orchestration/lab/figures.h"

#define ESE_SETTLE_MAILS_NS (15 * 60 * ESE_NS_PER_S)

/* Of a book that bears the marks of ese_figures_take: takes what has not settled out of it (is_out), and
 * the rest in. cut_ns: in the book's time. */
void ese_settle_mark(struct ese_evidence *evidence, int64_t cut_ns);

/* After figures were taken of what is in: notes the mails that were missing, drops the mails that were
 * counted, and lifts the lanes' numbers. */
void ese_settle_note(struct ese_evidence *evidence);

/* Takes all out of the book that has not settled, uncounted: whatever is heard of it later is of the past. */
void ese_settle_give_up(struct ese_evidence *evidence);

#endif
