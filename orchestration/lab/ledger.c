#include "orchestration/lab/ledger.h"

#include "ese-core/memory.h"
#include "orchestration/lab/book_skips.h"

struct count {
    struct ese_book *book;
    const struct ese_state_file *state;
    bool is_replayable;
    struct ese_ledger *ledger;
    int64_t untold; /* left, and the store did not say so: nobody has asked it */
};

/* ---- with places ----------------------------------------------------------------------------- */

static bool has_left(const struct count *count, const struct ese_book_entry *entry)
{
    if (entry->copies > 0 || entry->handings == 0 || ese_book_skips_in_vain(count->book, entry))
        return false;
    return !count->is_replayable ||
           entry->handed_offset < ese_book_beginning(count->book, entry->handed_partition);
}

/* Of a store that promises replay all that is processed has to be there still, but for what it has forgotten. */
static void note_left(struct count *count)
{
    count->untold += count->is_replayable && !count->book->tells_beginnings;
}

/* Up to where all are committed, in the partition or, where that was not told, in any. INT64_MIN: in none. */
static int64_t committed_in(const struct ese_state_file *state, int32_t partition)
{
    int64_t least = state->position_count > 0 ? INT64_MAX : INT64_MIN;
    if (partition >= 0)
        return ese_state_file_next(state, partition);
    for (size_t i = 0; i < state->position_count; i++)
        least = state->positions[i].next < least ? state->positions[i].next : least;
    return least;
}

/* Of a store that nobody has looked into: whether it may be there, where no reader has come yet. Only of what was
 * acknowledged with a place that is committed it is known that it was there to be handed, and is gone. */
static bool may_be_beyond(const struct count *count, const struct ese_book_entry *entry)
{
    if (!count->book->is_unseen || entry->outcome != ESE_HISTORY_ACKNOWLEDGED || entry->handings > 0)
        return false;
    return entry->stored_offset < 0 || entry->stored_offset >= committed_in(count->state, entry->stored_partition);
}

static void mark_by_place(struct count *count, struct ese_book_entry *entry)
{
    bool is_stored = entry->copies > 0;
    entry->is_processed = false;
    /* Of a store that is still being followed: what was acknowledged since is not noted yet. */
    entry->is_in_flight = !is_stored && (entry->done_ns > count->book->followed_ns || may_be_beyond(count, entry));
    entry->has_left = !entry->is_in_flight && has_left(count, entry);
    if (!ese_book_has_place(entry))
        return;
    int64_t offset = ese_book_offset(entry);
    bool is_below = offset < ese_state_file_next(count->state, ese_book_partition(entry));
    entry->is_processed = is_below && entry->handings > 0 && !ese_book_skips_in_vain(count->book, entry);
    entry->is_in_flight = !is_below && (is_stored || count->book->is_unseen);
    if (!is_stored && is_below)
        note_left(count);
}

/* ---- without --------------------------------------------------------------------------------- */

static bool was_had(const struct count *count, const struct ese_book_entry *entry)
{
    enum ese_state_had had = ese_state_file_had(count->state, entry->handed_partition, &entry->id);
    return had == ESE_STATE_HAD || (had == ESE_STATE_TOO_OLD && entry->committed_ns != 0);
}

/* By what was looked at, the server's own account included. What it kept before the store was
 * looked at for the last time, and what was not seen there, is gone. */
static bool is_still_kept(const struct ese_book *book, const struct ese_book_entry *entry)
{
    if (!book->is_running)
        return entry->copies > 0;
    if (!book->tells_losses || entry->fate == ESE_BOOK_NOT_KEPT)
        return entry->copies > 0 || entry->done_ns > book->followed_ns;
    return entry->fate == ESE_BOOK_KEPT && entry->kept_life == book->lives &&
           (entry->copies > 0 || entry->kept_ns > book->followed_ns);
}

/* Handed, by a reader that may still commit it; or has, since its state was read. */
static bool is_in_hand(const struct ese_book *book, const struct ese_book_entry *entry)
{
    return book->is_running && entry->handings > 0 && entry->handed_offset != ESE_BOOK_NOWHERE;
}

static void mark_by_state(const struct count *count, struct ese_book_entry *entry)
{
    entry->is_processed = was_had(count, entry) || entry->is_dead || entry->replay != 0;
    entry->is_in_flight = !entry->is_processed && (is_still_kept(count->book, entry) ||
                                                   is_in_hand(count->book, entry));
}

/* ---- dead letters ---------------------------------------------------------------------------- */

static void mark_letter(const struct count *count, struct ese_book_entry *entry)
{
    const struct ese_state_letter *letter = ese_state_file_letter(count->state, &entry->id);
    entry->is_dead = letter != NULL && letter->replay == 0;
    entry->replay = letter == NULL ? 0 : letter->replay;
}

/* ---- counting -------------------------------------------------------------------------------- */

bool ese_ledger_is_contradicted(const struct ese_book *book, const struct ese_book_entry *entry)
{
    return book->has_no_places && !book->is_running && entry->committed_ns != 0 && !entry->is_processed;
}

bool ese_ledger_is_gone(const struct ese_book *book, const struct ese_book_entry *entry)
{
    bool was_committed = entry->committed_ns != 0 || entry->was_committed_untold;
    return entry->is_lost && was_committed && !book->has_no_places && entry->copies == 0 && !entry->has_left &&
           !ese_book_skips_in_vain(book, entry);
}

enum ese_loss ese_ledger_loss(const struct ese_book *book, const struct ese_book_entry *entry)
{
    if (ese_ledger_is_contradicted(book, entry)) /* no store took what had come through already */
        return ESE_LOSS_OTHER;
    if (ese_book_skips_have(book, entry))
        return ESE_LOSS_EXPIRY;
    switch (entry->fate) {
    case ESE_BOOK_OVERWRITTEN: return ESE_LOSS_CLASH;
    case ESE_BOOK_EXPIRED: return ESE_LOSS_EXPIRY;
    case ESE_BOOK_KEPT: return entry->kept_life < book->lives ? ESE_LOSS_DEATH : ESE_LOSS_OTHER;
    case ESE_BOOK_NOT_KEPT:
    case ESE_BOOK_NOT_CREDIBLE: break;
    }
    return ESE_LOSS_OTHER;
}

static void count_loss(const struct ese_book *book, const struct ese_book_entry *entry,
                       struct ese_ledger *ledger)
{
    int64_t *const losses[] = {[ESE_LOSS_CLASH] = &ledger->lost_by_clash,
                               [ESE_LOSS_EXPIRY] = &ledger->lost_by_expiry,
                               [ESE_LOSS_DEATH] = &ledger->lost_by_death,
                               [ESE_LOSS_OTHER] = &ledger->lost_by_other};
    ++*losses[ese_ledger_loss(book, entry)];
}

static bool is_acknowledged(const struct ese_book_entry *entry)
{
    return ese_book_outcome(entry) == ESE_HISTORY_ACKNOWLEDGED;
}

static void count_acknowledged(const struct ese_book *book, struct ese_book_entry *entry,
                               struct ese_ledger *ledger)
{
    entry->is_lost = !entry->is_processed && !entry->is_in_flight;
    ledger->acknowledged++;
    ledger->processed += entry->is_processed;
    ledger->dead_letters += entry->is_processed && entry->is_dead;
    ledger->in_flight += entry->is_in_flight;
    ledger->lost += entry->is_lost;
    if (entry->is_lost)
        count_loss(book, entry, ledger);
}

static bool was_seen(const struct ese_book_entry *entry)
{
    return entry->copies > 0 || entry->handings > 0;
}

bool ese_ledger_is_phantom(const struct ese_book *book, const struct ese_book_entry *entry)
{
    if (entry->due_ns == 0) /* seen by somebody, offered by nobody */
        return !ese_book_is_strangers(entry) && !ese_book_is_settled(book, &entry->id);
    enum ese_history_kind outcome = ese_book_outcome(entry);
    return outcome != ESE_HISTORY_ACKNOWLEDGED && outcome != ESE_HISTORY_UNKNOWN && was_seen(entry);
}

/* Of a run that goes on, by the store alone: what was counted leaves the book, and may be handed later. */
bool ese_ledger_is_strangers(const struct ese_book *book, const struct ese_book_entry *entry)
{
    return ese_book_is_strangers(entry) && (book->is_running ? entry->copies > 0 : was_seen(entry));
}

static void count_offered(const struct ese_book *book, struct ese_book_entry *entry,
                          struct ese_ledger *ledger)
{
    ledger->offered++;
    switch (ese_book_outcome(entry)) {
    case ESE_HISTORY_ACKNOWLEDGED:
        count_acknowledged(book, entry, ledger);
        break;
    case ESE_HISTORY_UNKNOWN:
        ledger->unknown++;
        ledger->unknown_stored += was_seen(entry);
        ledger->unknown_absent += !was_seen(entry);
        break;
    case ESE_HISTORY_REFUSED:
        ledger->refused++;
        break;
    default:
        ledger->not_sent++;
        break;
    }
}

static bool counts_for_order(const struct ese_book_entry *entry)
{
    return is_acknowledged(entry) && ese_book_has_place(entry);
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
            later != NULL && (ese_book_partition(entry) != ese_book_partition(later) ||
                              ese_book_offset(entry) > ese_book_offset(later));
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

static void count_entry(struct count *count, struct ese_book_entry *entry)
{
    struct ese_ledger *ledger = count->ledger;
    mark_letter(count, entry);
    if (count->book->has_no_places)
        mark_by_state(count, entry);
    else
        mark_by_place(count, entry);
    if (entry->is_out)
        return;
    if (entry->due_ns == 0 && ese_book_is_settled(count->book, &entry->id)) {
        ledger->stored_twice += entry->copies; /* its first one was counted when it settled */
        ledger->redelivered += entry->handings;
        return;
    }
    if (entry->due_ns != 0)
        count_offered(count->book, entry, ledger);
    ledger->strangers += ese_ledger_is_strangers(count->book, entry);
    ledger->phantom += ese_ledger_is_phantom(count->book, entry);
    ledger->stored_twice += entry->copies > 1 ? entry->copies - 1 : 0;
    ledger->redelivered += entry->handings > 1 ? entry->handings - 1 : 0;
}

void ese_ledger_make(struct ese_book *book, const struct ese_state_file *state, bool is_replayable,
                     struct ese_ledger *ledger)
{
    struct count count = {
        .book = book, .state = state, .is_replayable = is_replayable, .ledger = ledger};
    *ledger = (struct ese_ledger){.late = state->late, .beyond_window = state->beyond_window,
                                  .skipped_by_retention = book->skipped};
    for (uint32_t i = 0; i < book->count; i++)
        count_entry(&count, &book->entries[i]);
    if (count.untold > 0)
        ese_book_note_missing(book, "events that were processed are not in the store any more, and store.history "
                              "does not note what that has forgotten: run anew with this ese-lab, or note it "
                              "(docs/evidence.md)");
    if (!book->has_no_places) /* else nothing keeps an order */
        count_reordered(book, ledger);
}
