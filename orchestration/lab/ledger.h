/*
 * ledger.h - counts where every offered event ended (struct ese_ledger in judgement.h).
 *
 *   processed   handed at least once, and at a place below the position its reader has committed
 *   in_flight   stored at or beyond that position
 *   lost        neither
 *
 * Of a store that nobody has looked into (ese_judge_options) in_flight is also what was handed and not committed, and
 * what was acknowledged and not handed, unless its client was told a place below that position.
 *
 * Of a store without places (struct ese_promises: positions do not survive) it is
 *
 *   processed   what the consumer's state has had, committed, by (run, lane, sequence); of what is
 *               older than it can tell, what was handed and committed
 *   in_flight   still in the store: as it was read back, or, of a run that goes on, as its server
 *               tells; and what may yet be committed
 *   lost        neither
 *
 * Of what is lost the server tells the cause, where it has promised to; that it was no longer kept, a consumer may
 * (book_skips.h). What was handed, and was no longer kept before that was committed, is not processed, whatever
 * position is committed behind it.
 *
 * A dead letter is processed, and listed: nobody has had it, but its position is passed, and its
 * consumer's state has the letter.
 *
 * An event's place is where its first copy lies in the store. One that is not in the store has no
 * place, with one exception: what was handed and then left by retention. Of a store that promises
 * replay that is only what it says itself to have forgotten (readback.h); elsewhere any. Where nobody
 * has asked it, what lies before the first event found in it may have left, or be lost: that is noted
 * as missing from the book.
 */
#ifndef ESE_LAB_LEDGER_H
#define ESE_LAB_LEDGER_H

#include "orchestration/lab/book.h"
#include "orchestration/lab/judgement.h"
#include "orchestration/lab/state_file.h"

/* Marks in the book what was processed, is in flight or was lost, and which acknowledged events
 * were stored behind a later one of their key. */
void ese_ledger_make(struct ese_book *book, const struct ese_state_file *state, bool is_replayable,
                     struct ese_ledger *ledger);

/* How a lost event was lost. */
enum ese_loss { ESE_LOSS_CLASH, ESE_LOSS_EXPIRY, ESE_LOSS_DEATH, ESE_LOSS_OTHER };
enum ese_loss ese_ledger_loss(const struct ese_book *book, const struct ese_book_entry *entry);

/* Of a store without places: committed, as its reader has noted, and not in that one's state. Of a run that
 * goes on nobody can say so, as the two are not read at one instant. */
bool ese_ledger_is_contradicted(const struct ese_book *book, const struct ese_book_entry *entry);

/* Lost by a store that promises to keep what was read: it was committed, and is not there any more. */
bool ese_ledger_is_gone(const struct ese_book *book, const struct ese_book_entry *entry);

/* A stranger's (book.h), and stored; or handed on, and so it was. */
bool ese_ledger_is_strangers(const struct ese_book *book, const struct ese_book_entry *entry);

/* Stored though refused, not sent or never offered; or handed on, and so it was stored. Not a stranger's. */
bool ese_ledger_is_phantom(const struct ese_book *book, const struct ese_book_entry *entry);

#endif
