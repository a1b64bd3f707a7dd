/*
 * ledger.h - counts where every offered event ended (struct ese_ledger in judgement.h).
 *
 *   processed   handed at least once, and at a place below the position its reader has committed
 *   in_flight   stored at or beyond that position
 *   lost        neither
 *
 * An event's place is where its first copy lies in the store; where the store no longer has it,
 * where it was first handed.
 */
#ifndef ESE_LAB_LEDGER_H
#define ESE_LAB_LEDGER_H

#include "orchestration/lab/book.h"
#include "orchestration/lab/judgement.h"
#include "orchestration/lab/state_file.h"

enum ese_ledger_place { ESE_PLACE_PROCESSED, ESE_PLACE_IN_FLIGHT, ESE_PLACE_NOWHERE };
enum ese_ledger_place ese_ledger_place(const struct ese_book_entry *entry,
                                       const struct ese_state_file *state);

/* Marks in the book which acknowledged events were lost, and which were stored behind a later one
 * of their key. */
void ese_ledger_make(struct ese_book *book, const struct ese_state_file *state,
                     struct ese_ledger *ledger);

#endif
