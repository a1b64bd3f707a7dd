/*
 * book_fates.h - what became of events in the store of a server that notes its losses, as it notes them, entered into
 * a book (book.h) as far as that can be. A cause that cannot is no cause: of what is lost by it nobody tells.
 *
 *   overwritten  by an event that was kept in the same life of the store, and has the same place there: the client has
 *                offered it, of the same key and client_ts (of clicks the key is the ip; orders have a millisecond
 *                of their own)
 *   expired      when its ip had been written to for the last time as long ago as the store keeps one, and not
 *                before the event was kept. How long that is each life of the store says as it begins; of one that
 *                does not, any age is old enough
 *
 * Either is of an event that was kept in this life.
 */
#ifndef ESE_LAB_BOOK_FATES_H
#define ESE_LAB_BOOK_FATES_H

#include "orchestration/lab/book_records.h"

void ese_book_fates_begun_empty(const struct ese_book_page *page);
void ese_book_fates_kept(const struct ese_book_page *page);
void ese_book_fates_overwritten(const struct ese_book_page *page);
void ese_book_fates_expired(const struct ese_book_page *page);

/* When all that was offered is known: whether those that took places belong there. */
void ese_book_fates_end(struct ese_book *book);

#endif
