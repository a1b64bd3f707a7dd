/*
 * book_records.h - what one record of a history says, entered into a book (book.h) that wants to hear of it.
 */
#ifndef ESE_LAB_BOOK_RECORDS_H
#define ESE_LAB_BOOK_RECORDS_H

#include "orchestration/lab/book.h"

struct ese_book_page {
    struct ese_book *book;
    const char *name; /* of the history */
    const struct ese_history_reader *reader;
    const struct ese_history_record *record; /* its times are the book's */
};

void ese_book_take(const struct ese_book_page *page);

#endif
