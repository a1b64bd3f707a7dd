#include "orchestration/lab/book_skips.h"

#include "ese-core/memory.h"

/* Those that touch are one: members of a group, and lives of one, come to the same place. */
static void note(struct ese_book *book, const struct ese_book_skip *skip)
{
    for (size_t i = 0; i < book->skip_count; i++) {
        struct ese_book_skip *other = &book->skips[i];
        if (other->partition != skip->partition || other->from > skip->to || other->to < skip->from)
            continue;
        other->from = skip->from < other->from ? skip->from : other->from;
        other->to = skip->to > other->to ? skip->to : other->to;
        return;
    }
    if (book->skip_count == ESE_BOOK_SKIPS)
        return;
    book->skips = ese_realloc_array(book->skips, book->skip_count + 1, sizeof *book->skips);
    book->skips[book->skip_count++] = *skip;
}

void ese_book_skips_take(const struct ese_book_page *page)
{
    struct ese_book *book = page->book;
    const struct ese_book_skip skip = {page->record->partition, page->record->a, page->record->b};
    if (book->has_no_places)
        return;
    struct ese_book_waiting *waiting = ese_book_waiting(book, skip.partition);
    size_t left = 0;
    for (size_t i = 0; i < waiting->count; i++) {
        struct ese_book_entry *entry = &book->entries[waiting->numbers[i]];
        if (entry->handed_offset >= skip.from && entry->handed_offset < skip.to)
            entry->handed_offset = ESE_BOOK_NOWHERE;
        else
            waiting->numbers[left++] = waiting->numbers[i];
    }
    waiting->count = left;
    if (!book->is_running)
        note(book, &skip);
}

bool ese_book_skips_in_vain(const struct ese_book *book, const struct ese_book_entry *entry)
{
    return !book->has_no_places && entry->handings > 0 && entry->handed_offset == ESE_BOOK_NOWHERE;
}

bool ese_book_skips_have(const struct ese_book *book, const struct ese_book_entry *entry)
{
    if (entry->copies > 0 || entry->handings > 0)
        return ese_book_skips_in_vain(book, entry);
    if (entry->stored_offset < 0) /* it was not told */
        return false;
    for (size_t i = 0; i < book->skip_count; i++) {
        const struct ese_book_skip *skip = &book->skips[i];
        if (skip->partition == entry->stored_partition && entry->stored_offset >= skip->from &&
            entry->stored_offset < skip->to)
            return true;
    }
    return false;
}
