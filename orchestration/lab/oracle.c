#include "orchestration/lab/oracle.h"

#include "ese-core/clock.h"
#include "ese-core/memory.h"

#define GAP_MS 1000
#define PRESSES 3
#define RULE "steady-click"

/* The presses of one key that the rule can have seen, in the order they were sent. */
struct presses {
    const struct ese_book *book;
    const uint32_t *numbers;
    uint32_t count;
};

static const struct ese_book_entry *press(const struct presses *presses, uint32_t i)
{
    return &presses->book->entries[presses->numbers[i]];
}

/* ---- what makes a chain doubtful or touched -------------------------------------------------- */

static bool is_unknown(const struct ese_book_entry *entry)
{
    return ese_book_outcome(entry) == ESE_HISTORY_UNKNOWN;
}

/* What is not stored stands in nobody's way. Without places it is told by when it was stored. */
static bool in_order(const struct ese_book *book, const struct ese_book_entry *first,
                     const struct ese_book_entry *second)
{
    if (first->copies == 0 || second->copies == 0)
        return true;
    if (book->has_no_places)
        return first->server_ts <= second->server_ts;
    return first->stored_partition == second->stored_partition &&
           first->stored_offset < second->stored_offset;
}

static bool was_given_up_before(const struct ese_book_entry *entry)
{
    int64_t given_up_ms = entry->client_ts + (entry->done_ns - entry->due_ns) / ESE_NS_PER_MS;
    return entry->done_ns != 0 && entry->server_ts > given_up_ms;
}

static struct ese_oracle_chain *chain_of(const struct ese_oracle *oracle,
                                         const struct presses *presses, uint32_t i)
{
    return &oracle->chains[oracle->chain_of[presses->numbers[i]]];
}

static bool is_certain(const struct ese_book_entry *entry)
{
    return !is_unknown(entry) && !entry->is_reordered && entry->copies > 0;
}

/* Where i has changed places with j, neither's chain is what it seems. Tells whether it is worth
 * looking further: behind a certain press that is in its place there is nothing. */
static bool mark_pair(const struct ese_oracle *oracle, const struct presses *presses, uint32_t i,
                      uint32_t j)
{
    uint32_t first = i < j ? i : j, second = i < j ? j : i;
    if (in_order(presses->book, press(presses, first), press(presses, second)))
        return !is_certain(press(presses, j));
    struct ese_oracle_chain *chains[] = {chain_of(oracle, presses, i),
                                         chain_of(oracle, presses, j)};
    for (int side = 0; side < 2; side++) {
        chains[side]->is_doubtful |= is_unknown(press(presses, i));
        chains[side]->is_touched |= !is_unknown(press(presses, i));
    }
    return true;
}

static void mark_displaced(const struct ese_oracle *oracle, const struct presses *presses,
                           uint32_t i)
{
    uint32_t before = i, after = i + 1;
    while (before > 0 && mark_pair(oracle, presses, i, before - 1))
        before--;
    while (after < presses->count && mark_pair(oracle, presses, i, after))
        after++;
}

static void mark(const struct ese_oracle *oracle, const struct presses *presses)
{
    for (uint32_t i = 0; i < presses->count; i++) {
        const struct ese_book_entry *entry = press(presses, i);
        if (is_unknown(entry) && was_given_up_before(entry))
            chain_of(oracle, presses, i)->is_doubtful = true;
        if (is_unknown(entry) || entry->is_reordered)
            mark_displaced(oracle, presses, i);
        if (entry->is_lost)
            chain_of(oracle, presses, i)->is_touched = true;
    }
}

/* ---- the rule -------------------------------------------------------------------------------- */

static bool starts_chain(const struct presses *presses, uint32_t i)
{
    int64_t step_ms = i == 0 ? INT64_MAX : press(presses, i)->client_ts - press(presses, i - 1)->client_ts;
    return step_ms > GAP_MS || step_ms < -GAP_MS; /* back, where the wall clock was set */
}

static struct ese_oracle_chain *add_chain(struct ese_oracle *oracle)
{
    oracle->chains =
        ese_realloc_array(oracle->chains, oracle->chain_count + 1, sizeof *oracle->chains);
    oracle->chains[oracle->chain_count] = (struct ese_oracle_chain){.expected = 0};
    return &oracle->chains[oracle->chain_count++];
}

static void expect_mail(struct ese_oracle *oracle, const struct presses *presses, const char *key,
                        uint32_t last)
{
    char cause[sizeof RULE + ESE_EVENT_KEY_SIZE];
    struct ese_id ids[PRESSES];
    for (uint32_t i = 0; i < PRESSES; i++)
        ids[i] = press(presses, last + 1 - PRESSES + i)->id;
    snprintf(cause, sizeof cause, "%s:%s", RULE, key);
    oracle->mails = ese_realloc_array(oracle->mails, oracle->mail_count + 1, sizeof *oracle->mails);
    oracle->mails[oracle->mail_count++] = (struct ese_oracle_mail){
        .id = ese_id_derive(cause, ids, PRESSES),
        .chain = oracle->chain_count - 1,
        .last_event = presses->numbers[last]};
}

static void apply_rule(struct ese_oracle *oracle, const struct presses *presses, const char *key)
{
    struct ese_oracle_chain *chain = NULL;
    int held = 0;
    for (uint32_t i = 0; i < presses->count; i++) {
        if (starts_chain(presses, i)) {
            chain = add_chain(oracle);
            held = 0;
        }
        oracle->chain_of[presses->numbers[i]] = oracle->chain_count - 1;
        chain->is_out |= press(presses, i)->is_out;
        if (++held < PRESSES)
            continue;
        expect_mail(oracle, presses, key, i);
        chain->expected++;
        held = 0;
    }
}

/* ---- all keys -------------------------------------------------------------------------------- */

/* A reader of a store without places may have been handed what it could never commit. */
static bool was_seen(const struct ese_book *book, const struct ese_book_entry *entry)
{
    return entry->copies > 0 || (book->has_no_places ? entry->is_processed : entry->handings > 0);
}

static bool counts(const struct ese_book *book, const struct ese_book_entry *entry)
{
    if (!entry->is_key_press)
        return false;
    enum ese_history_kind outcome = ese_book_outcome(entry);
    return outcome == ESE_HISTORY_ACKNOWLEDGED ||
           (outcome == ESE_HISTORY_UNKNOWN && was_seen(book, entry));
}

static int by_id(const void *a, const void *b)
{
    const struct ese_oracle_mail *mail = a, *other = b;
    return ese_id_compare(&mail->id, &other->id);
}

void ese_oracle_ask(const struct ese_book *book, struct ese_oracle *oracle)
{
    size_t room = (size_t)book->count + 1;
    *oracle = (struct ese_oracle){.chain_of = ese_alloc_array(room, sizeof(uint32_t))};
    memset(oracle->chain_of, 0xFF, room * sizeof(uint32_t));
    uint32_t *numbers = ese_alloc_array((size_t)book->offered + 1, sizeof *numbers);
    uint32_t at = 0;
    while (at < book->offered) {
        uint32_t key = book->entries[book->by_key[at]].key, count = 0;
        for (; at < book->offered && book->entries[book->by_key[at]].key == key; at++) {
            if (counts(book, &book->entries[book->by_key[at]]))
                numbers[count++] = book->by_key[at];
        }
        struct presses presses = {.book = book, .numbers = numbers, .count = count};
        apply_rule(oracle, &presses, book->keys[key]);
        mark(oracle, &presses);
    }
    free(numbers);
    if (oracle->mail_count > 0)
        qsort(oracle->mails, oracle->mail_count, sizeof *oracle->mails, by_id);
}

void ese_oracle_free(struct ese_oracle *oracle)
{
    free(oracle->chains);
    free(oracle->mails);
    free(oracle->chain_of);
    *oracle = (struct ese_oracle){.chain_count = 0};
}

uint32_t ese_oracle_find(const struct ese_oracle *oracle, const struct ese_id *id)
{
    struct ese_oracle_mail wanted = {.id = *id};
    if (oracle->mail_count == 0)
        return ESE_BOOK_NONE;
    const struct ese_oracle_mail *found =
        bsearch(&wanted, oracle->mails, oracle->mail_count, sizeof *oracle->mails, by_id);
    return found == NULL ? ESE_BOOK_NONE : (uint32_t)(found - oracle->mails);
}
