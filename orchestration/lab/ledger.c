#include "orchestration/lab/ledger.h"

#include "ese-core/memory.h"

struct count {
    struct ese_book *book;
    const struct ese_state_file *state;
    bool is_replayable;
    struct ese_ledger *ledger;
};

static bool has_left(const struct count *count, const struct ese_book_entry *entry)
{
    if (entry->copies > 0 || entry->handings == 0)
        return false;
    return !count->is_replayable ||
           entry->handed_offset < ese_book_beginning(count->book, entry->handed_partition);
}

static void mark_place(const struct count *count, struct ese_book_entry *entry)
{
    bool is_stored = entry->copies > 0;
    entry->is_processed = false;
    /* Of a store that is still being followed: what was acknowledged since is not noted yet. */
    entry->is_in_flight = !is_stored && entry->done_ns > count->book->followed_ns;
    if (!is_stored && (entry->is_in_flight || !has_left(count, entry)))
        return;
    int32_t partition = is_stored ? entry->stored_partition : entry->handed_partition;
    int64_t offset = is_stored ? entry->stored_offset : entry->handed_offset;
    bool is_below = offset < ese_state_file_next(count->state, partition);
    entry->is_processed = is_below && entry->handings > 0;
    entry->is_in_flight = !is_below && is_stored;
}

static bool is_acknowledged(const struct ese_book_entry *entry)
{
    return ese_book_outcome(entry) == ESE_HISTORY_ACKNOWLEDGED;
}

static void count_acknowledged(struct ese_book_entry *entry, struct ese_ledger *ledger)
{
    entry->is_lost = !entry->is_processed && !entry->is_in_flight;
    ledger->acknowledged++;
    ledger->processed += entry->is_processed;
    ledger->in_flight += entry->is_in_flight;
    ledger->lost += entry->is_lost;
}

static bool was_seen(const struct ese_book_entry *entry)
{
    return entry->copies > 0 || entry->handings > 0;
}

static void count_offered(struct ese_book_entry *entry, struct ese_ledger *ledger)
{
    ledger->offered++;
    switch (ese_book_outcome(entry)) {
    case ESE_HISTORY_ACKNOWLEDGED:
        count_acknowledged(entry, ledger);
        break;
    case ESE_HISTORY_UNKNOWN:
        ledger->unknown++;
        ledger->unknown_stored += was_seen(entry);
        ledger->unknown_absent += !was_seen(entry);
        break;
    case ESE_HISTORY_REFUSED:
        ledger->refused++;
        ledger->phantom += was_seen(entry);
        break;
    default:
        ledger->not_sent++;
        ledger->phantom += was_seen(entry);
        break;
    }
}

static bool counts_for_order(const struct ese_book_entry *entry)
{
    return is_acknowledged(entry) && entry->copies > 0;
}

/* One key's events from..to of by_key, in the order they were sent. Seen from the last one back,
 * each must lie before all those sent after it. Nothing keeps an order across partitions, so
 * whoever is in another one than the key's last event is out of order, too. */
static void mark_reordered(struct ese_book *book, uint32_t from, uint32_t to,
                           struct ese_ledger *ledger)
{
    const struct ese_book_entry *later = NULL; /* the foremost of those sent later */
    for (uint32_t i = to; i > from; i--) {
        struct ese_book_entry *entry = &book->entries[book->by_key[i - 1]];
        if (!counts_for_order(entry))
            continue;
        entry->is_reordered =
            later != NULL && (entry->stored_partition != later->stored_partition ||
                              entry->stored_offset > later->stored_offset);
        ledger->reordered += entry->is_reordered && !entry->is_out;
        if (!entry->is_reordered)
            later = entry;
    }
}

static void count_reordered(struct ese_book *book, struct ese_ledger *ledger)
{
    uint32_t from = 0;
    for (uint32_t to = 1; to <= book->offered; to++) {
        bool same = to < book->offered && book->entries[book->by_key[to]].key ==
                                              book->entries[book->by_key[from]].key;
        if (same)
            continue;
        mark_reordered(book, from, to, ledger);
        from = to;
    }
}

static void count_entry(const struct count *count, struct ese_book_entry *entry)
{
    struct ese_ledger *ledger = count->ledger;
    mark_place(count, entry);
    if (entry->is_out)
        return;
    if (entry->due_ns == 0 && ese_book_is_settled(count->book, &entry->id)) {
        ledger->stored_twice += entry->copies; /* its first one was counted when it settled */
        ledger->redelivered += entry->handings;
        return;
    }
    if (entry->due_ns != 0)
        count_offered(entry, ledger);
    else
        ledger->phantom++; /* seen by somebody, offered by nobody */
    ledger->stored_twice += entry->copies > 1 ? entry->copies - 1 : 0;
    ledger->redelivered += entry->handings > 1 ? entry->handings - 1 : 0;
}

void ese_ledger_make(struct ese_book *book, const struct ese_state_file *state, bool is_replayable,
                     struct ese_ledger *ledger)
{
    const struct count count = {
        .book = book, .state = state, .is_replayable = is_replayable, .ledger = ledger};
    *ledger = (struct ese_ledger){.late = state->late, .beyond_window = state->beyond_window,
                                  .skipped_by_retention = book->skipped};
    for (uint32_t i = 0; i < book->count; i++)
        count_entry(&count, &book->entries[i]);
    count_reordered(book, ledger);
}
