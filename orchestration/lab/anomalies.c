#include "orchestration/lab/anomalies.h"

#include "ese-core/clock.h"
#include "ese-core/memory.h"

/* ---- too late -------------------------------------------------------------------------------- */

int64_t ese_anomalies_waited_ns(const struct ese_book_entry *entry)
{
    int64_t processed_ns = entry->was_committed_untold ? entry->handed_ns : entry->committed_ns;
    bool has_waited = entry->outcome == ESE_HISTORY_ACKNOWLEDGED && entry->is_processed;
    return has_waited ? processed_ns - entry->done_ns : 0;
}

static void take_waited(struct ese_book_entry *entry, int64_t after_ms, struct ese_ledger *ledger, int64_t *worst_ns)
{
    int64_t waited_ns = ese_anomalies_waited_ns(entry);
    entry->is_stale = after_ms > 0 && waited_ns > after_ms * ESE_NS_PER_MS;
    ledger->stale += entry->is_stale;
    *worst_ns = waited_ns > *worst_ns ? waited_ns : *worst_ns;
}

/* ---- doubled, and why ------------------------------------------------------------------------ */

/* Whoever keeps the events was killed while this one was on its way. */
static bool saw_a_death(const struct ese_book_entry *entry, const struct ese_deeds *deeds)
{
    if (deeds == NULL || entry->sent_ns == 0)
        return false;
    int64_t killed_ns = ese_deeds_first(deeds, ESE_ACT_KILL, ESE_ROLES_KEEPING, entry->sent_ns);
    return killed_ns != 0 && (entry->done_ns == 0 || killed_ns <= entry->done_ns);
}

/* A copy comes of another attempt; that, perhaps, of a death, or of its client's will. */
static enum ese_doubling doubling_of(const struct ese_book_entry *entry, const struct ese_deeds *deeds)
{
    if (entry->attempts < 2)
        return entry->was_sent_again ? ESE_DOUBLING_RETRY : ESE_DOUBLING_OTHER;
    return saw_a_death(entry, deeds) ? ESE_DOUBLING_DEATH : ESE_DOUBLING_RETRY;
}

/* An event that was handed from elsewhere has a copy, seen in the store or not; what was handed more often than it has
 * copies was handed again. */
struct ese_handed_again ese_anomalies_again(const struct ese_book *book, const struct ese_book_entry *entry)
{
    struct ese_handed_again again = {.of_copies = 0};
    int64_t all = entry->handings > 1 ? entry->handings - 1 : 0;
    int64_t copies = entry->copies > 2 ? entry->copies - 1 : 1;
    if (!book->is_running) {
        again.of_copies = entry->handed_elsewhere < copies ? entry->handed_elsewhere : copies;
        again.by_return = entry->handed_anew;
    }
    again.by_other = all - again.of_copies - again.by_return;
    return again;
}

static void take_doubled(const struct ese_book *book, struct ese_book_entry *entry, const struct ese_deeds *deeds,
                         struct ese_ledger *ledger)
{
    const struct ese_handed_again again = ese_anomalies_again(book, entry);
    int64_t *const stored_by[] = {[ESE_DOUBLING_OTHER] = &ledger->stored_twice_by_other,
                                  [ESE_DOUBLING_RETRY] = &ledger->stored_twice_by_retry,
                                  [ESE_DOUBLING_DEATH] = &ledger->stored_twice_by_death};
    int64_t *const handed_by[] = {[ESE_DOUBLING_OTHER] = &ledger->redelivered_by_other,
                                  [ESE_DOUBLING_RETRY] = &ledger->redelivered_by_retry,
                                  [ESE_DOUBLING_DEATH] = &ledger->redelivered_by_death};
    entry->doubled_by = (uint8_t)(book->is_running ? ESE_DOUBLING_OTHER : doubling_of(entry, deeds));
    *stored_by[entry->doubled_by] += entry->copies > 1 ? entry->copies - 1 : 0;
    *handed_by[entry->doubled_by] += again.of_copies;
    ledger->redelivered_by_return += again.by_return;
    ledger->redelivered_by_other += again.by_other;
}

/* What the ledger counts of an event that has left the book (ledger.c). */
static void take_settled(const struct ese_book_entry *entry, struct ese_ledger *ledger)
{
    ledger->stored_twice_by_other += entry->copies;
    ledger->redelivered_by_other += entry->handings;
}

/* ---- handed out of order --------------------------------------------------------------------- */

/* Of one key's events that were sent later than the one that is looked at: which was handed first, in all and in each
 * turn, and which was had first. */
struct foremost {
    uint32_t handed, had; /* UINT32_MAX: none was */
    struct {
        uint32_t turn, handed;
    } *of_turns;
    size_t count, size;
};

static uint32_t *of_turn(struct foremost *foremost, uint32_t turn)
{
    for (size_t i = 0; i < foremost->count; i++) {
        if (foremost->of_turns[i].turn == turn)
            return &foremost->of_turns[i].handed;
    }
    if (foremost->count == foremost->size) {
        foremost->size = foremost->size == 0 ? 8 : foremost->size * 2;
        foremost->of_turns =
            ese_realloc_array(foremost->of_turns, foremost->size, sizeof *foremost->of_turns);
    }
    foremost->of_turns[foremost->count].turn = turn;
    foremost->of_turns[foremost->count].handed = UINT32_MAX;
    return &foremost->of_turns[foremost->count++].handed;
}

static uint32_t lower(uint32_t number, uint32_t other)
{
    return number < other ? number : other;
}

/* What lies out of its key's order in the store is told of by the ledger, and is handed as it lies. */
static bool counts_for_order(const struct ese_book_entry *entry)
{
    return entry->outcome == ESE_HISTORY_ACKNOWLEDGED && ese_book_has_place(entry) && !entry->is_reordered &&
           entry->handings > 0;
}

static void look_at(struct ese_book_entry *entry, struct foremost *foremost, struct ese_ledger *ledger)
{
    uint32_t *within = of_turn(foremost, entry->handed_turn);
    entry->disorder = entry->handed_number > *within            ? ESE_DISORDER_WITHIN
                      : entry->handed_number > foremost->handed ? ESE_DISORDER_AFTER
                                                                : ESE_DISORDER_NONE;
    entry->is_processed_disordered = entry->disorder == ESE_DISORDER_AFTER && entry->had_number > foremost->had;
    if (!entry->is_out) {
        ledger->handed_out_of_order += entry->disorder != ESE_DISORDER_NONE;
        ledger->disordered_within += entry->disorder == ESE_DISORDER_WITHIN;
        ledger->disordered_after += entry->disorder == ESE_DISORDER_AFTER;
        ledger->processed_out_of_order += entry->is_processed_disordered;
    }
    *within = lower(*within, entry->handed_number);
    foremost->handed = lower(foremost->handed, entry->handed_number);
    foremost->had = lower(foremost->had, entry->had_number);
}

/* From the last of each key's events back. */
static void count_disordered(struct ese_book *book, struct ese_ledger *ledger)
{
    struct foremost foremost = {.handed = UINT32_MAX, .had = UINT32_MAX};
    uint32_t key = ESE_BOOK_NONE;
    for (uint32_t i = book->offered; i > 0; i--) {
        struct ese_book_entry *entry = &book->entries[book->by_key[i - 1]];
        if (entry->key != key) {
            foremost.handed = foremost.had = UINT32_MAX;
            foremost.count = 0;
            key = entry->key;
        }
        if (counts_for_order(entry))
            look_at(entry, &foremost, ledger);
    }
    free(foremost.of_turns);
}

/* ---- all of it ------------------------------------------------------------------------------- */

void ese_anomalies_count(struct ese_book *book, const struct ese_judge_options *options, struct ese_ledger *ledger,
                         int64_t *worst_ns)
{
    for (uint32_t i = 0; i < book->count; i++) {
        struct ese_book_entry *entry = &book->entries[i];
        if (entry->is_out)
            continue;
        if (entry->due_ns == 0 && ese_book_is_settled(book, &entry->id)) {
            take_settled(entry, ledger);
            continue;
        }
        take_doubled(book, entry, options->deeds, ledger);
        if (book->is_running)
            continue;
        take_waited(entry, options->stale_after_ms, ledger, worst_ns);
        ledger->passed_over_first += entry->was_passed_over;
    }
    if (!book->is_running && !book->has_no_places) /* else nothing keeps an order */
        count_disordered(book, ledger);
}
