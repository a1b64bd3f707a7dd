#include "orchestration/lab/ledger.h"

#include "ese-core/memory.h"

enum ese_ledger_place ese_ledger_place(const struct ese_book_entry *entry,
                                       const struct ese_state_file *state)
{
    bool is_stored = entry->copies > 0;
    int32_t partition = is_stored ? entry->stored_partition : entry->handed_partition;
    int64_t offset = is_stored ? entry->stored_offset : entry->handed_offset;
    bool below =
        (is_stored || entry->handings > 0) && offset < ese_state_file_next(state, partition);
    if (below)
        return entry->handings > 0 ? ESE_PLACE_PROCESSED : ESE_PLACE_NOWHERE;
    return is_stored ? ESE_PLACE_IN_FLIGHT : ESE_PLACE_NOWHERE;
}

static bool is_acknowledged(const struct ese_book_entry *entry)
{
    return ese_book_outcome(entry) == ESE_HISTORY_ACKNOWLEDGED;
}

static void count_acknowledged(struct ese_book_entry *entry, const struct ese_state_file *state,
                               struct ese_ledger *ledger)
{
    enum ese_ledger_place place = ese_ledger_place(entry, state);
    ledger->acknowledged++;
    ledger->processed += place == ESE_PLACE_PROCESSED;
    ledger->in_flight += place == ESE_PLACE_IN_FLIGHT;
    ledger->lost += place == ESE_PLACE_NOWHERE;
    entry->is_lost = place == ESE_PLACE_NOWHERE;
}

static bool was_seen(const struct ese_book_entry *entry)
{
    return entry->copies > 0 || entry->handings > 0;
}

static void count_offered(struct ese_book_entry *entry, const struct ese_state_file *state,
                          struct ese_ledger *ledger)
{
    ledger->offered++;
    switch (ese_book_outcome(entry)) {
    case ESE_HISTORY_ACKNOWLEDGED:
        count_acknowledged(entry, state, ledger);
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
        ledger->reordered += entry->is_reordered;
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

void ese_ledger_make(struct ese_book *book, const struct ese_state_file *state,
                     struct ese_ledger *ledger)
{
    *ledger = (struct ese_ledger){.late = state->late, .beyond_window = state->beyond_window,
                                  .skipped_by_retention = book->skipped};
    for (uint32_t i = 0; i < book->count; i++) {
        struct ese_book_entry *entry = &book->entries[i];
        if (entry->due_ns != 0)
            count_offered(entry, state, ledger);
        else
            ledger->phantom++; /* seen by somebody, offered by nobody */
        ledger->stored_twice += entry->copies > 1 ? entry->copies - 1 : 0;
        ledger->redelivered += entry->handings > 1 ? entry->handings - 1 : 0;
    }
    count_reordered(book, ledger);
}
