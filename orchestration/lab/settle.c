#include "orchestration/lab/settle.h"

#include "ese-core/memory.h"
#include "orchestration/lab/mail_fates.h"

struct settling {
    struct ese_evidence *evidence;
    int64_t cut_ns; /* the book's time */
    bool *is_open;   /* one a chain: it has not settled */
};

static struct ese_book_entry *entry_at(const struct settling *settling, uint32_t place)
{
    struct ese_book *book = &settling->evidence->book;
    return &book->entries[book->by_key[place]];
}

/* ---- mails ----------------------------------------------------------------------------------- */

/* Chains whose mails are still hoped for stay open, and those whose mails are not due yet. */
static void mark_hopes(struct settling *settling)
{
    const struct ese_oracle *oracle = &settling->evidence->oracle;
    for (uint32_t i = 0; i < oracle->chain_count; i++)
        settling->is_open[i] = oracle->chains[i].is_awaited;
    const struct ese_book *book = &settling->evidence->book;
    for (uint32_t i = 0; i < oracle->mail_count; i++) {
        const struct ese_oracle_mail *mail = &oracle->mails[i];
        bool is_late = book->entries[mail->last_event].due_ns + ESE_SETTLE_MAILS_NS < settling->cut_ns;
        settling->is_open[mail->chain] |= !is_late && !ese_mails_have(&settling->evidence->mails, &mail->id);
    }
}

/* ---- events ---------------------------------------------------------------------------------- */

/* A client that has gone on to another run says no more of this one. */
static bool has_its_last_word(const struct ese_book *book, const struct ese_book_entry *entry)
{
    return entry->outcome != 0 || entry->run + 1u < book->run_count;
}

static bool is_done(const struct settling *settling, const struct ese_book_entry *entry)
{
    return entry->due_ns <= settling->cut_ns && !entry->is_in_flight &&
           has_its_last_word(&settling->evidence->book, entry);
}

/* Looks at one key's events from..to of by_key: behind one that has not settled none has, and a
 * chain only as a whole. True when that has opened a chain that was not. */
static bool look_at_key(struct settling *settling, uint32_t from, uint32_t to)
{
    const uint32_t *chain_of = settling->evidence->oracle.chain_of;
    bool is_blocked = false, has_changed = false;
    for (uint32_t i = from; i < to; i++) {
        struct ese_book_entry *entry = entry_at(settling, i);
        uint32_t chain = chain_of[settling->evidence->book.by_key[i]];
        is_blocked |= !is_done(settling, entry);
        is_blocked |= chain != ESE_BOOK_NONE && settling->is_open[chain];
        entry->is_out = is_blocked;
        if (is_blocked && chain != ESE_BOOK_NONE && !settling->is_open[chain]) {
            settling->is_open[chain] = true;
            has_changed = true;
        }
    }
    return has_changed;
}

static void look_at_keys(struct settling *settling)
{
    const struct ese_book *book = &settling->evidence->book;
    uint32_t from = 0;
    for (uint32_t to = 1; to <= book->offered; to++) {
        if (to < book->offered && entry_at(settling, to)->key == entry_at(settling, from)->key)
            continue;
        while (look_at_key(settling, from, to)) /* a chain that has opened takes its first presses along */
            ;
        from = to;
    }
}

/* What nobody offered: its offer may still have to be read, if it is young. What was heard of events
 * that settled before is counted at once. */
static void look_at_strangers(struct settling *settling)
{
    struct ese_book *book = &settling->evidence->book;
    for (uint32_t i = 0; i < book->count; i++) {
        struct ese_book_entry *entry = &book->entries[i];
        if (entry->due_ns != 0)
            continue;
        int64_t heard_ns = entry->server_ts * ESE_NS_PER_MS - book->wall_offset_ns;
        if (entry->handed_ns > heard_ns)
            heard_ns = entry->handed_ns;
        if (entry->kept_ns > heard_ns)
            heard_ns = entry->kept_ns;
        entry->is_out = !ese_book_is_settled(book, &entry->id) && heard_ns > settling->cut_ns;
    }
}

void ese_settle_mark(struct ese_evidence *evidence, int64_t cut_ns)
{
    struct settling settling = {
        .evidence = evidence, .cut_ns = cut_ns,
        .is_open = ese_alloc_array((size_t)evidence->oracle.chain_count + 1, sizeof(bool))};
    mark_hopes(&settling);
    look_at_keys(&settling);
    look_at_strangers(&settling);
    free(settling.is_open);
}

/* ---- afterwards ------------------------------------------------------------------------------ */

/* The mails that were missing, of which so many of each chain were counted as lost (mail_ledger.h). */
struct missing {
    struct ese_evidence *evidence;
    int32_t *lost; /* one a chain: those that have not been noted yet */
};

static bool is_in(const struct ese_evidence *evidence, uint32_t chain)
{
    return chain != ESE_BOOK_NONE && !evidence->oracle.chains[chain].is_out;
}

static uint32_t chain_of(const struct ese_evidence *evidence, const struct ese_id *decision)
{
    const struct ese_mail_evidence mails = {
        .book = &evidence->book, .oracle = &evidence->oracle, .state = &evidence->state};
    return ese_mail_chain(&mails, decision);
}

static void note_unknown(struct ese_evidence *evidence)
{
    for (size_t i = 0; i < evidence->outbox.unknown_count; i++) {
        const struct ese_id *decision = &evidence->outbox.unknown[i];
        if (is_in(evidence, chain_of(evidence, decision)) && !ese_mails_have(&evidence->mails, decision))
            ese_evidence_miss(evidence, &(struct ese_absent_mail){.decision = *decision, .is_unknown = true});
    }
}

/* As one of those of its chain that are lost, as long as there are any. */
static void note_lost(struct missing *missing, uint32_t chain, const struct ese_id *decision, bool is_blamed)
{
    struct ese_evidence *evidence = missing->evidence;
    if (!is_in(evidence, chain) || missing->lost[chain] == 0 || ese_mails_have(&evidence->mails, decision) ||
        ese_outbox_file_is_unknown(&evidence->outbox, decision))
        return;
    missing->lost[chain]--;
    ese_evidence_miss(evidence, &(struct ese_absent_mail){.decision = *decision, .is_blamed = is_blamed});
}

/* They had to come; of touched chains, which were judged by what was decided, also those of other presses. */
static void note_decided(struct missing *missing)
{
    const struct ese_evidence *evidence = missing->evidence;
    for (size_t i = 0; i < evidence->state.decision_count; i++) {
        const struct ese_id *decision = &evidence->state.decisions[i].id;
        uint32_t chain = chain_of(evidence, decision);
        if (chain != ESE_BOOK_NONE && (evidence->oracle.chains[chain].is_touched ||
                                       ese_oracle_find(&evidence->oracle, decision) != ESE_BOOK_NONE))
            note_lost(missing, chain, decision, true);
    }
}

static void note_undecided(struct missing *missing)
{
    const struct ese_evidence *evidence = missing->evidence;
    for (uint32_t i = 0; i < evidence->oracle.mail_count; i++) {
        const struct ese_oracle_mail *mail = &evidence->oracle.mails[i];
        if (ese_state_file_decision(&evidence->state, &mail->id) == NULL)
            note_lost(missing, mail->chain, &mail->id, !evidence->oracle.chains[mail->chain].is_touched);
    }
}

static void note_absent(struct ese_evidence *evidence)
{
    struct ese_mail_fates fates;
    struct missing missing = {
        .evidence = evidence,
        .lost = ese_alloc_array((size_t)evidence->oracle.chain_count + 1, sizeof *missing.lost)};
    ese_mail_fates_tell(evidence, &fates);
    for (uint32_t i = 0; i < evidence->oracle.mail_count; i++)
        missing.lost[evidence->oracle.mails[i].chain] += fates.expected[i] == ESE_MAIL_FATE_LOST;
    note_unknown(evidence);
    note_decided(&missing);
    note_undecided(&missing);
    ese_mail_fates_free(&fates);
    free(missing.lost);
}

static bool is_counted(const struct ese_evidence *evidence, const struct ese_id *decision)
{
    uint32_t chain = chain_of(evidence, decision);
    return chain == ESE_BOOK_NONE || !evidence->oracle.chains[chain].is_out;
}

/* Of the mails that were sent, those that wait for their chain are kept; the others were counted, or
 * belong to somebody else. */
static bool is_wanted(const struct ese_evidence *evidence, const struct ese_id *decision)
{
    uint32_t mail = ese_oracle_find(&evidence->oracle, decision);
    return mail != ESE_BOOK_NONE && evidence->oracle.chains[evidence->oracle.mails[mail].chain].is_out;
}

static void drop_mails(struct ese_evidence *evidence)
{
    struct ese_book_mails *arrived = &evidence->book.arrived, *sent = &evidence->book.sent;
    size_t left = 0;
    for (size_t i = 0; i < arrived->count; i++) {
        if (!is_counted(evidence, &arrived->mails[i].decision))
            arrived->mails[left++] = arrived->mails[i];
    }
    arrived->count = left;
    left = 0;
    for (size_t i = 0; i < sent->count; i++) {
        if (is_wanted(evidence, &sent->mails[i].decision))
            sent->mails[left++] = sent->mails[i];
    }
    sent->count = left;
}

static void lift_lanes(struct ese_book *book)
{
    for (uint32_t i = 0; i < book->count; i++) {
        const struct ese_book_entry *entry = &book->entries[i];
        if (entry->is_out || entry->due_ns == 0)
            continue;
        struct ese_id_parts parts = ese_id_read(&entry->id);
        ese_book_settle(book, &(struct ese_book_lane){
            .run = parts.run, .lane = parts.lane, .sequence = parts.sequence});
    }
}

void ese_settle_note(struct ese_evidence *evidence)
{
    note_absent(evidence);
    drop_mails(evidence);
    lift_lanes(&evidence->book);
}

void ese_settle_give_up(struct ese_evidence *evidence)
{
    struct ese_book *book = &evidence->book;
    for (uint32_t i = 0; i < book->count; i++)
        book->entries[i].is_out = false;
    book->arrived.count = book->sent.count = 0;
    lift_lanes(book);
}
