/*
 * book_turns.h - whose turn a partition is, and what a handing tells beside that it was one.
 *
 * A turn, or ownership, begins where a reader is given a partition (GIVEN), and lasts until it is given that anew; of
 * a reader that notes none, it begins with what it is handed first. Several readers may hand of one partition at once,
 * as one does that does not know yet that it was taken over: each has its own turn. Turns and handings are numbered in
 * the order in which the histories tell of them, whosever share an event is, so that all passes number them alike.
 *
 * Of a run that goes on nothing is noted: its histories are not at hand any more.
 */
#ifndef ESE_LAB_BOOK_TURNS_H
#define ESE_LAB_BOOK_TURNS_H

#include "orchestration/lab/book_records.h"

/* Notes in the entry what its present handing tells; `handings` counts it already, and where it was handed at first
 * stands in it unless this is the first. Before ese_book_turns_note. */
void ese_book_turns_hand(const struct ese_book_page *page, struct ese_book_entry *entry);

/* Of each record, when it was read. */
void ese_book_turns_note(const struct ese_book_page *page);

#endif
