#include "orchestration/lab/mail_ledger.h"

#include "ese-core/memory.h"

/* What arrived of one chain. */
struct tally {
    int64_t matched;
    int64_t surplus;        /* decisions that were not expected, each once */
    int64_t unknown;  /* expected or decided, did not arrive, and the mailer does not know */
    int64_t waiting;  /* expected or decided, did not arrive, and may yet */
    int64_t withheld; /* decided, did not arrive, and the mailer does not say that it does not know */
    int64_t owed; /* those of them that were expected */
};

struct count {
    const struct ese_mail_evidence *evidence;
    struct ese_mail_ledger *ledger;
    struct ese_mail_faults *faults;
    struct tally *tallies; /* one a chain */
};

/* ---- mail by mail ---------------------------------------------------------------------------- */

/* The chain of the first event behind a decision that nobody expected, or ESE_BOOK_NONE. */
static uint32_t chain_behind(const struct ese_mail_evidence *evidence, const struct ese_id *decision)
{
    const struct ese_state_decision *known = ese_state_file_decision(evidence->state, decision);
    if (known == NULL)
        return ESE_BOOK_NONE;
    uint32_t event = ese_book_find(evidence->book, &known->events[0]);
    return event == ESE_BOOK_NONE ? ESE_BOOK_NONE : evidence->oracle->chain_of[event];
}

uint32_t ese_mail_chain(const struct ese_mail_evidence *evidence, const struct ese_id *decision)
{
    uint32_t mail = ese_oracle_find(evidence->oracle, decision);
    return mail != ESE_BOOK_NONE ? evidence->oracle->mails[mail].chain
                                 : chain_behind(evidence, decision);
}

bool ese_mail_is_strangers(const struct ese_mail_evidence *evidence, const struct ese_id *decision)
{
    const struct ese_state_decision *known = ese_state_file_decision(evidence->state, decision);
    for (int i = 0; known != NULL && i < known->event_count; i++) {
        if (!ese_id_is_ours(&known->events[i]))
            return true;
    }
    return false;
}

static bool is_out(const struct count *count, const struct ese_id *decision)
{
    uint32_t chain = ese_mail_chain(count->evidence, decision);
    return chain != ESE_BOOK_NONE && count->evidence->oracle->chains[chain].is_out;
}

static struct ese_absent_mail *find_absent(const struct count *count, const struct ese_id *decision)
{
    for (size_t i = 0; i < count->evidence->absent_count; i++) {
        if (ese_id_equal(&count->evidence->absent[i].decision, decision))
            return &count->evidence->absent[i];
    }
    return NULL;
}

static bool is_of_settled(const struct count *count, const struct ese_id *decision)
{
    const struct ese_state_decision *known =
        ese_state_file_decision(count->evidence->state, decision);
    const struct ese_book *book = count->evidence->book;
    return known != NULL && ese_book_find(book, &known->events[0]) == ESE_BOOK_NONE &&
           ese_book_is_settled(book, &known->events[0]);
}

/* Of a replay that came when its events had settled: nobody could expect it then. */
static bool is_of_replay(const struct count *count, const struct ese_id *decision)
{
    const struct ese_state_file *state = count->evidence->state;
    const struct ese_state_decision *known = ese_state_file_decision(state, decision);
    const struct ese_state_letter *letter =
        known == NULL ? NULL : ese_state_file_letter(state, &known->events[0]);
    return letter != NULL && letter->replay != 0;
}

/* A mail that was missed when its chain settled has come after all. */
static void take_back(struct count *count, struct ese_absent_mail *absent)
{
    absent->has_come = true;
    count->ledger->matched++;
    count->ledger->unknown_arrived += absent->is_unknown;
    *(absent->is_unknown ? &count->ledger->unknown : &count->ledger->lost) -= 1;
    count->faults->lost -= absent->is_blamed;
}

static void count_unexpected(struct count *count, int64_t mails)
{
    count->ledger->unexpected += mails;
    count->faults->unexpected += mails;
}

/* So many, of which so many are beyond those that had to come. */
static void count_unknown(struct ese_mail_ledger *ledger, int64_t mails, int64_t beyond)
{
    ledger->unknown += mails;
    ledger->expected += beyond;
}

static void count_late_replay(struct count *count)
{
    count->ledger->expected++;
    count->ledger->matched++;
}

static void count_strangers(struct ese_mail_ledger *ledger, int64_t *as)
{
    ledger->expected++;
    ++*as;
}

static void count_decision(struct count *count, const struct ese_id *decision, int64_t copies)
{
    if (is_out(count, decision))
        return;
    count->ledger->arrived += copies;
    if (ese_id_is_none(decision)) {
        count_unexpected(count, copies);
        return;
    }
    count->ledger->doubled += copies - 1;
    uint32_t mail = ese_oracle_find(count->evidence->oracle, decision);
    if (mail != ESE_BOOK_NONE) {
        count->tallies[count->evidence->oracle->mails[mail].chain].matched++;
        return;
    }
    struct ese_absent_mail *absent = find_absent(count, decision);
    uint32_t chain = chain_behind(count->evidence, decision);
    if (absent != NULL && !absent->has_come)
        take_back(count, absent);
    else if (chain == ESE_BOOK_NONE && ese_mail_is_strangers(count->evidence, decision))
        count_strangers(count->ledger, &count->ledger->matched);
    else if (is_of_settled(count, decision) && is_of_replay(count, decision))
        count_late_replay(count);
    else if (is_of_settled(count, decision))
        count->ledger->doubled++;
    else if (chain == ESE_BOOK_NONE)
        count_unexpected(count, 1);
    else
        count->tallies[chain].surplus++;
}

static void count_arrivals(struct count *count)
{
    const struct ese_mails *mails = count->evidence->mails;
    size_t from = 0;
    for (size_t to = 1; to <= mails->count; to++) {
        const struct ese_id *decision = &mails->mails[from].decision;
        if (to < mails->count && ese_id_equal(&mails->mails[to].decision, decision))
            continue;
        count_decision(count, decision, (int64_t)(to - from));
        from = to;
    }
}

static void ask_outbox(struct count *count)
{
    const struct ese_mail_evidence *evidence = count->evidence;
    for (size_t i = 0; i < evidence->outbox->unknown_count; i++) {
        const struct ese_id *decision = &evidence->outbox->unknown[i];
        uint32_t chain = ese_mail_chain(evidence, decision);
        if (chain == ESE_BOOK_NONE ? evidence->book->is_running : evidence->oracle->chains[chain].is_out)
            continue; /* its row stays when it has settled, and was counted */
        if (ese_mails_have(evidence->mails, decision))
            count->ledger->unknown_arrived++;
        else if (chain != ESE_BOOK_NONE)
            count->tallies[chain].unknown++;
        else
            count_unknown(count->ledger, 1, 1);
    }
}

static bool is_waiting(const struct ese_mail_evidence *evidence, const struct ese_id *decision)
{
    const struct ese_state_decision *known = ese_state_file_decision(evidence->state, decision);
    return !evidence->book->is_running && !ese_mails_have(evidence->mails, decision) &&
           (ese_outbox_file_is_waiting(evidence->outbox, decision) ||
            (known != NULL && known->is_open && !ese_outbox_file_knows(evidence->outbox, decision)));
}

/* Of an order, whose time its consumer had perhaps not come to, as long as the mailer had others to send. */
static bool is_awaited(const struct ese_mail_evidence *evidence, const struct ese_oracle_mail *mail)
{
    return mail->is_timed && evidence->outbox->queued > 0 && !evidence->book->is_running &&
           ese_state_file_decision(evidence->state, &mail->id) == NULL &&
           !ese_outbox_file_knows(evidence->outbox, &mail->id) && !ese_mails_have(evidence->mails, &mail->id);
}

void ese_mail_each_waiting(const struct ese_mail_evidence *evidence,
                           void (*take)(void *context, const struct ese_id *decision), void *context)
{
    for (size_t i = 0; i < evidence->state->decision_count; i++) {
        if (is_waiting(evidence, &evidence->state->decisions[i].id))
            take(context, &evidence->state->decisions[i].id);
    }
    for (size_t i = 0; i < evidence->outbox->waiting_count; i++) { /* and of what the state has not */
        const struct ese_id *decision = &evidence->outbox->waiting[i];
        if (ese_state_file_decision(evidence->state, decision) == NULL && is_waiting(evidence, decision))
            take(context, decision);
    }
    for (uint32_t i = 0; i < evidence->oracle->mail_count; i++) {
        if (is_awaited(evidence, &evidence->oracle->mails[i]))
            take(context, &evidence->oracle->mails[i].id);
    }
}

static void count_waiting(void *context, const struct ese_id *decision)
{
    struct count *count = context;
    uint32_t chain = ese_mail_chain(count->evidence, decision);
    if (chain != ESE_BOOK_NONE)
        count->tallies[chain].waiting++;
    else if (ese_mail_is_strangers(count->evidence, decision))
        count_strangers(count->ledger, &count->ledger->in_flight);
}

/* Of a run that goes on, it may still come. */
static void ask_for_strangers(struct count *count, const struct ese_id *decision)
{
    const struct ese_mail_evidence *evidence = count->evidence;
    if (evidence->book->is_running || !ese_mail_is_strangers(evidence, decision) ||
        ese_mails_have(evidence->mails, decision) || ese_outbox_file_is_unknown(evidence->outbox, decision) ||
        is_waiting(evidence, decision))
        return;
    count_strangers(count->ledger, &count->ledger->lost);
    count->faults->lost++;
}

static void count_withheld(const struct count *count, const struct ese_id *decision, struct tally *tally)
{
    bool is_withheld = !is_waiting(count->evidence, decision);
    tally->withheld += is_withheld;
    tally->owed += is_withheld && ese_oracle_find(count->evidence->oracle, decision) != ESE_BOOK_NONE;
}

static void ask_state(struct count *count)
{
    const struct ese_mail_evidence *evidence = count->evidence;
    for (size_t i = 0; i < evidence->state->decision_count; i++) {
        const struct ese_id *decision = &evidence->state->decisions[i].id;
        uint32_t chain = ese_mail_chain(evidence, decision);
        if (chain != ESE_BOOK_NONE && !ese_mails_have(evidence->mails, decision) &&
            !ese_outbox_file_is_unknown(evidence->outbox, decision))
            count_withheld(count, decision, &count->tallies[chain]);
        else if (chain == ESE_BOOK_NONE)
            ask_for_strangers(count, decision);
    }
}

/* ---- chain by chain -------------------------------------------------------------------------- */

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void count_chain(struct count *count, const struct ese_oracle_chain *chain,
                        const struct tally *tally)
{
    struct ese_mail_ledger *ledger = count->ledger;
    ledger->matched += tally->matched;
    ledger->doubtful_chains += chain->is_doubtful;
    ledger->touched_chains += chain->is_touched;
    if (chain->is_doubtful) {
        ledger->matched += tally->surplus;
        ledger->expected += tally->matched + tally->surplus;
        count_unknown(ledger, tally->unknown, tally->unknown);
        return;
    }
    int64_t missing = chain->expected - tally->matched;
    int64_t unknown = least(missing, tally->unknown);
    int64_t waiting = least(missing - unknown, tally->waiting);
    int64_t altered = least(missing - unknown - waiting, tally->surplus);
    int64_t absent = missing - unknown - waiting - altered;
    int64_t lost = chain->is_in_flight ? least(absent, tally->owed) : absent; /* rules had what was decided on */
    int64_t further = tally->surplus - altered;
    ledger->expected += chain->expected;
    ledger->altered += altered;
    count_unknown(ledger, tally->unknown, tally->unknown - unknown);
    ledger->lost += lost;
    ledger->in_flight += waiting + absent - lost;
    *(chain->expected > 0 ? &ledger->doubled : &ledger->unexpected) += further;
    if (chain->is_touched) { /* perhaps they were never decided; but those that were had to come */
        count->faults->lost += tally->withheld;
        return;
    }
    count->faults->altered += altered;
    count->faults->lost += lost;
    count->faults->unexpected += chain->expected > 0 ? 0 : further;
}

void ese_mail_ledger_make(const struct ese_mail_evidence *evidence, struct ese_mail_ledger *ledger,
                          struct ese_mail_faults *faults)
{
    const struct ese_oracle *oracle = evidence->oracle;
    *ledger = (struct ese_mail_ledger){.expected = 0};
    *faults = (struct ese_mail_faults){.lost = 0};
    struct count count = {
        .evidence = evidence, .ledger = ledger, .faults = faults,
        .tallies = ese_alloc_array((size_t)oracle->chain_count + 1, sizeof(struct tally))};
    count_arrivals(&count);
    ask_outbox(&count);
    ask_state(&count);
    ese_mail_each_waiting(evidence, count_waiting, &count);
    for (uint32_t i = 0; i < oracle->chain_count; i++) {
        if (!oracle->chains[i].is_out)
            count_chain(&count, &oracle->chains[i], &count.tallies[i]);
    }
    free(count.tallies);
}
