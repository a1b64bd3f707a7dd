/*
 * story.h - what happened to one event, in words: who saw it, when, where, and what went wrong.
 *
 * Told from a book that bears the ledger's marks. Times are seconds since the schedule began.
 */
#ifndef ESE_LAB_STORY_H
#define ESE_LAB_STORY_H

#include "ese-core/buffer.h"
#include "orchestration/lab/book.h"

struct ese_storyteller {
    const struct ese_book *book;
    int64_t begun_ns; /* the book's */
    /* The partition in words (transport.h); NULL: by its number. */
    void (*partition_name)(int32_t partition, char *text, size_t size);
};

struct ese_storyteller ese_storyteller_of(const struct ese_book *book,
                                          void (*partition_name)(int32_t, char *, size_t));

/* "3.204 s" */
void ese_story_time(const struct ese_storyteller *teller, int64_t time_ns, struct ese_buffer *text);

/* "key press", "new order": what it is. */
const char *ese_story_name(const struct ese_book_entry *entry);

/* "key press 018f… of 203.0.113.7-1, due at 3.204 s: sent at …; acknowledged at …; …" */
void ese_story_event(const struct ese_storyteller *teller, const struct ese_book_entry *entry,
                     struct ese_buffer *text);

/* The part of it behind the sending: "acknowledged at …; …". */
void ese_story_fate(const struct ese_storyteller *teller, const struct ese_book_entry *entry,
                    struct ese_buffer *text);

#endif
