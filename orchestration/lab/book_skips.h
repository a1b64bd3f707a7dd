/*
 * book_skips.h - what consumers were told that is no longer kept: which of the lost events retention took, where their
 * places are known.
 *
 * A place is known by whoever was handed the event there, or as its client was told when it was acknowledged, which not
 * every transport tells. Of a run that goes on only the former counts: what was skipped is not kept from one reading to
 * the next.
 */
#ifndef ESE_LAB_BOOK_SKIPS_H
#define ESE_LAB_BOOK_SKIPS_H

#include "orchestration/lab/book_records.h"

#define ESE_BOOK_SKIPS 4096 /* stretches that are kept; of what lies in others no cause is told */

/* A consumer's record says so. Nobody commits any more what it, or whoever had the partition before it, was handed
 * there and has not committed. */
void ese_book_skips_take(const struct ese_book_page *page);

/* Whether the event was handed, and was no longer kept before that was committed. */
bool ese_book_skips_in_vain(const struct ese_book *book, const struct ese_book_entry *entry);

/* Whether the event, which is lost, was no longer kept when a consumer came to its place. */
bool ese_book_skips_have(const struct ese_book *book, const struct ese_book_entry *entry);

#endif
