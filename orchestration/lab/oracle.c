#include "orchestration/lab/oracle.h"

#include <assert.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "orchestration/lab/oracle_rule.h"

#define BEHIND_MOST 8 /* events behind one mail */

static const struct ese_oracle_rule *const rules[] = {&ese_oracle_clicks, &ese_oracle_orders};

/* ---- what makes a chain doubtful or touched -------------------------------------------------- */

static bool is_unknown(const struct ese_book_entry *entry)
{
    return ese_book_outcome(entry) == ESE_HISTORY_UNKNOWN;
}

/* What is not stored stands in nobody's way. Without places it is told by when it was stored. */
static bool in_order(const struct ese_book *book, const struct ese_book_entry *first,
                     const struct ese_book_entry *second)
{
    if (!ese_book_has_place(first) || !ese_book_has_place(second))
        return true;
    if (book->has_no_places)
        return first->server_ts <= second->server_ts;
    return ese_book_partition(first) == ese_book_partition(second) &&
           ese_book_offset(first) < ese_book_offset(second);
}

static bool was_given_up_before(const struct ese_book_entry *entry)
{
    int64_t given_up_ms = entry->client_ts + (entry->done_ns - entry->due_ns) / ESE_NS_PER_MS;
    return entry->done_ns != 0 && entry->server_ts > given_up_ms;
}

static struct ese_oracle_chain *chain_of(const struct ese_oracle *oracle,
                                         const struct ese_oracle_events *events, uint32_t i)
{
    return &oracle->chains[oracle->chain_of[events->numbers[i]]];
}

static bool is_certain(const struct ese_book_entry *entry)
{
    return !is_unknown(entry) && !entry->is_reordered && ese_book_has_place(entry);
}

/* Where i has changed places with j, neither's chain is what it seems. Tells whether it is worth
 * looking further: behind a certain event that is in its place there is nothing. */
static bool mark_pair(const struct ese_oracle *oracle, const struct ese_oracle_events *events, uint32_t i,
                      uint32_t j)
{
    uint32_t first = i < j ? i : j, second = i < j ? j : i;
    if (in_order(events->book, ese_oracle_event(events, first), ese_oracle_event(events, second)))
        return !is_certain(ese_oracle_event(events, j));
    struct ese_oracle_chain *chains[] = {chain_of(oracle, events, i),
                                         chain_of(oracle, events, j)};
    for (int side = 0; side < 2; side++) {
        chains[side]->is_doubtful |= is_unknown(ese_oracle_event(events, i));
        chains[side]->is_touched |= !is_unknown(ese_oracle_event(events, i));
    }
    return true;
}

static void mark_displaced(const struct ese_oracle *oracle, const struct ese_oracle_events *events,
                           uint32_t i)
{
    uint32_t before = i, after = i + 1;
    while (before > 0 && mark_pair(oracle, events, i, before - 1))
        before--;
    while (after < events->count && mark_pair(oracle, events, i, after))
        after++;
}

static void mark(const struct ese_oracle *oracle, const struct ese_oracle_events *events)
{
    for (uint32_t i = 0; i < events->count; i++) {
        const struct ese_book_entry *entry = ese_oracle_event(events, i);
        if (is_unknown(entry) && was_given_up_before(entry))
            chain_of(oracle, events, i)->is_doubtful = true;
        if (is_unknown(entry) || entry->is_reordered)
            mark_displaced(oracle, events, i);
        if (entry->is_lost)
            chain_of(oracle, events, i)->is_touched = true;
        if (entry->is_in_flight && !events->book->is_running)
            chain_of(oracle, events, i)->is_in_flight = true;
    }
}

/* ---- what rules say --------------------------------------------------------------------------- */

const struct ese_book_entry *ese_oracle_event(const struct ese_oracle_events *events, uint32_t i)
{
    return &events->book->entries[events->numbers[i]];
}

struct ese_oracle_chain *ese_oracle_begin_chain(struct ese_oracle *oracle)
{
    oracle->chains =
        ese_realloc_array(oracle->chains, oracle->chain_count + 1, sizeof *oracle->chains);
    oracle->chains[oracle->chain_count] = (struct ese_oracle_chain){.expected = 0};
    return &oracle->chains[oracle->chain_count++];
}

void ese_oracle_put(struct ese_oracle *oracle, const struct ese_oracle_events *events, uint32_t i)
{
    oracle->chain_of[events->numbers[i]] = oracle->chain_count - 1;
    oracle->chains[oracle->chain_count - 1].is_out |= ese_oracle_event(events, i)->is_out;
}

void ese_oracle_expect(struct ese_oracle *oracle, const struct ese_oracle_events *events, uint32_t from,
                       uint32_t to, const struct ese_oracle_rule *rule, bool is_timed)
{
    char cause[32 + ESE_EVENT_KEY_SIZE];
    struct ese_id ids[BEHIND_MOST];
    assert(to - from <= BEHIND_MOST);
    for (uint32_t i = from; i < to; i++)
        ids[i - from] = ese_oracle_event(events, i)->id;
    snprintf(cause, sizeof cause, "%s:%s", rule->name, events->key);
    oracle->mails = ese_realloc_array(oracle->mails, oracle->mail_count + 1, sizeof *oracle->mails);
    oracle->mails[oracle->mail_count++] = (struct ese_oracle_mail){
        .id = ese_id_derive(cause, ids, (int)(to - from)),
        .chain = oracle->chain_count - 1,
        .last_event = events->numbers[to - 1],
        .is_timed = is_timed || events->is_replay};
    oracle->chains[oracle->chain_count - 1].expected++;
}

/* ---- all keys -------------------------------------------------------------------------------- */

/* A reader of a store without places may have been handed what it could never commit. */
static bool was_seen(const struct ese_book *book, const struct ese_book_entry *entry)
{
    return entry->copies > 0 || (book->has_no_places ? entry->is_processed : entry->handings > 0);
}

static bool counts(const struct ese_book *book, const struct ese_book_entry *entry)
{
    enum ese_history_kind outcome = ese_book_outcome(entry);
    return outcome == ESE_HISTORY_ACKNOWLEDGED ||
           (outcome == ESE_HISTORY_UNKNOWN && was_seen(book, entry));
}

static int by_id(const void *a, const void *b)
{
    const struct ese_oracle_mail *mail = a, *other = b;
    return ese_id_compare(&mail->id, &other->id);
}

/* One key's events. */
struct of_key {
    const struct ese_book *book;
    bool of_processed; /* those alone that were */
    uint32_t from, to; /* of by_key */
    uint32_t replay;   /* those that it has handed; 0: those that none has */
    uint32_t *numbers; /* room for all */
};

static bool is_seen(const struct of_key *key, const struct ese_book_entry *entry)
{
    return counts(key->book, entry) && !entry->is_dead && entry->replay == key->replay &&
           (entry->is_processed || !key->of_processed);
}

static void ask_rule(const struct of_key *key, const struct ese_oracle_rule *rule,
                     struct ese_oracle *oracle)
{
    const struct ese_book *book = key->book;
    struct ese_oracle_events events = {
        .book = book,
        .key = book->keys[book->entries[book->by_key[key->from]].key],
        .numbers = key->numbers,
        .is_replay = key->replay != 0};
    for (uint32_t i = key->from; i < key->to; i++) {
        const struct ese_book_entry *entry = &book->entries[book->by_key[i]];
        if (rule->wanted[entry->kind] && is_seen(key, entry))
            key->numbers[events.count++] = book->by_key[i];
    }
    rule->apply(oracle, &events);
    mark(oracle, &events);
    for (uint32_t i = 0; i < events.count; i++)
        chain_of(oracle, &events, i)->is_doubtful |= book->are_strangers[ese_oracle_event(&events, i)->key];
}

/* The next replay that has handed any of them; 0: there is no other. */
static uint32_t next_replay(const struct of_key *key)
{
    uint32_t next = 0;
    for (uint32_t i = key->from; i < key->to; i++) {
        uint32_t replay = key->book->entries[key->book->by_key[i]].replay;
        if (replay > key->replay && (next == 0 || replay < next))
            next = replay;
    }
    return next;
}

static void ask_key(struct of_key *key, struct ese_oracle *oracle)
{
    do {
        for (size_t i = 0; i < ESE_COUNT_OF(rules); i++)
            ask_rule(key, rules[i], oracle);
        key->replay = next_replay(key);
    } while (key->replay != 0);
}

static void ask(const struct ese_book *book, bool of_processed, struct ese_oracle *oracle)
{
    size_t room = (size_t)book->count + 1;
    *oracle = (struct ese_oracle){.chain_of = ese_alloc_array(room, sizeof(uint32_t))};
    memset(oracle->chain_of, 0xFF, room * sizeof(uint32_t));
    struct of_key of_key = {
        .book = book, .of_processed = of_processed,
        .numbers = ese_alloc_array((size_t)book->offered + 1, sizeof(uint32_t))};
    for (; of_key.from < book->offered; of_key.from = of_key.to) {
        uint32_t key = book->entries[book->by_key[of_key.from]].key;
        for (of_key.to = of_key.from;
             of_key.to < book->offered && book->entries[book->by_key[of_key.to]].key == key;)
            of_key.to++;
        ask_key(&of_key, oracle);
    }
    free(of_key.numbers);
    if (oracle->mail_count > 0)
        qsort(oracle->mails, oracle->mail_count, sizeof *oracle->mails, by_id);
}

void ese_oracle_ask(const struct ese_book *book, struct ese_oracle *oracle)
{
    ask(book, false, oracle);
}

void ese_oracle_ask_of_processed(const struct ese_book *book, struct ese_oracle *oracle)
{
    ask(book, true, oracle);
}

static const struct ese_oracle_rule *rule_of(const char *name)
{
    for (size_t i = 0; i < ESE_COUNT_OF(rules); i++) {
        if (strcmp(rules[i]->name, name) == 0)
            return rules[i];
    }
    return NULL;
}

bool ese_oracle_gives(const char *name, const struct ese_book_entry *const events[], int count)
{
    const struct ese_oracle_rule *rule = rule_of(name);
    for (int i = 0; rule != NULL && i < count; i++) {
        if (!rule->wanted[events[i]->kind] || events[i]->key != events[0]->key)
            return false;
    }
    return rule != NULL && rule->gives(events, count);
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
