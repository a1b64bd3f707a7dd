#include "orchestration/lab/book_fates.h"

#include "ese-core/clock.h"

void ese_book_fates_begun_empty(const struct ese_book_page *page)
{
    page->book->lives++;
    page->book->retention_ms = page->record->a;
}

/* An event that left the book was counted. */
static bool has_left_book(const struct ese_book *book, const struct ese_id *id)
{
    return ese_book_find(book, id) == ESE_BOOK_NONE && ese_book_is_settled(book, id);
}

void ese_book_fates_kept(const struct ese_book_page *page)
{
    if (has_left_book(page->book, &page->record->id))
        return;
    struct ese_book_entry *entry = ese_book_entry(page->book, &page->record->id);
    entry->fate = ESE_BOOK_KEPT;
    entry->kept_ns = page->record->time_ns;
    entry->kept_life = page->book->lives;
    entry->server_ts = page->record->a;
}

static bool is_kept(const struct ese_book *book, const struct ese_book_entry *entry)
{
    return entry->fate == ESE_BOOK_KEPT && entry->kept_life == book->lives;
}

/* The entry of one that was there until now; NULL: it has left the book, or the store, as was noted. */
static struct ese_book_entry *entry_of(const struct ese_book_page *page)
{
    uint32_t number = ese_book_find(page->book, &page->record->id);
    if (number == ESE_BOOK_NONE)
        return NULL;
    struct ese_book_entry *entry = &page->book->entries[number];
    bool has_gone = entry->fate == ESE_BOOK_OVERWRITTEN || entry->fate == ESE_BOOK_EXPIRED;
    return has_gone ? NULL : entry;
}

static bool was_taken(const struct ese_book *book, const struct ese_book_entry *entry, uint32_t taker,
                      const struct ese_id *id)
{
    if (!is_kept(book, entry))
        return false;
    return taker == ESE_BOOK_NONE ? has_left_book(book, id) : is_kept(book, &book->entries[taker]);
}

void ese_book_fates_overwritten(const struct ese_book_page *page)
{
    struct ese_book_entry *entry = entry_of(page);
    const struct ese_id by = ese_history_get_id(page->record);
    uint32_t taker = ese_book_find(page->book, &by);
    if (entry == NULL)
        return;
    bool is_credible = was_taken(page->book, entry, taker, &by);
    entry->fate = is_credible ? ESE_BOOK_OVERWRITTEN : ESE_BOOK_NOT_CREDIBLE;
    entry->taken_by = is_credible ? taker : ESE_BOOK_NONE;
}

/* When its ip was written to is told in whole milliseconds of the server's clock. */
static bool was_old(const struct ese_book_page *page, const struct ese_book_entry *entry)
{
    int64_t written_ms = page->record->a;
    const struct ese_history_clock clock = ese_history_read_clock(page->reader);
    if (written_ms < 0 || written_ms > INT64_MAX / ESE_NS_PER_MS - 1)
        return false;
    int64_t written_ns = ese_book_time(page->book, written_ms * ESE_NS_PER_MS, &clock);
    int64_t age_ns = page->record->time_ns - written_ns;
    return age_ns / ESE_NS_PER_MS >= page->book->retention_ms &&
           written_ns + ESE_NS_PER_MS > entry->kept_ns;
}

void ese_book_fates_expired(const struct ese_book_page *page)
{
    struct ese_book_entry *entry = entry_of(page);
    if (entry == NULL)
        return;
    bool is_credible = is_kept(page->book, entry) && was_old(page, entry);
    entry->fate = is_credible ? ESE_BOOK_EXPIRED : ESE_BOOK_NOT_CREDIBLE;
}

static bool has_its_place(const struct ese_book_entry *taker, const struct ese_book_entry *entry)
{
    return taker->due_ns != 0 && taker->key == entry->key && taker->client_ts == entry->client_ts;
}

void ese_book_fates_end(struct ese_book *book)
{
    for (uint32_t i = 0; i < book->count; i++) {
        struct ese_book_entry *entry = &book->entries[i];
        if (entry->taken_by == ESE_BOOK_NONE)
            continue;
        if (!has_its_place(&book->entries[entry->taken_by], entry))
            entry->fate = ESE_BOOK_NOT_CREDIBLE;
        entry->taken_by = ESE_BOOK_NONE;
    }
}
