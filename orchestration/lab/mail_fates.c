#include "orchestration/lab/mail_fates.h"

#include "ese-core/memory.h"

/* A decision that nobody expected, whose mail came, or is unknown: it may stand for one that is missing. */
struct stand_in {
    const struct ese_state_decision *decision;
    uint32_t chain;
    size_t arrived; /* which mail it is; NOT_ARRIVED: it is unknown */
    bool has_stood;
};
#define NOT_ARRIVED SIZE_MAX

struct telling {
    const struct ese_evidence *evidence;
    struct ese_mail_fates *fates;
    struct stand_in *stand_ins; /* the unknown ones first */
    size_t count, unknown_count; /* of the latter, those that wait among them */
    uint32_t *behind; /* of each event: the expected mail it is behind, or ESE_BOOK_NONE */
    uint32_t *missing; /* one a chain: mails */
};

static struct ese_mail_evidence mails_of(const struct ese_evidence *evidence)
{
    return (struct ese_mail_evidence){
        .book = &evidence->book, .oracle = &evidence->oracle, .mails = &evidence->mails, .state = &evidence->state,
        .outbox = &evidence->outbox};
}

uint32_t ese_mail_fates_chain(const struct ese_evidence *evidence, const struct ese_id *decision)
{
    const struct ese_mail_evidence mails = mails_of(evidence);
    return ese_mail_chain(&mails, decision);
}

static bool is_strangers(const struct ese_evidence *evidence, const struct ese_id *decision)
{
    const struct ese_mail_evidence mails = mails_of(evidence);
    return ese_mail_is_strangers(&mails, decision);
}

/* ---- what needs no other ---------------------------------------------------------------------- */

static bool is_again(const struct ese_mails *mails, size_t i)
{
    return i > 0 && ese_id_equal(&mails->mails[i].decision, &mails->mails[i - 1].decision);
}

static void add_stand_in(struct telling *telling, const struct ese_id *decision, uint32_t chain, size_t arrived)
{
    telling->stand_ins[telling->count++] = (struct stand_in){
        .decision = ese_state_file_decision(&telling->evidence->state, decision), .chain = chain,
        .arrived = arrived};
}

/* What can be told without its chain; MISSING: it cannot. */
static enum ese_mail_fate fate_alone(struct telling *telling, size_t i)
{
    const struct ese_mails *mails = &telling->evidence->mails;
    const struct ese_id *decision = &mails->mails[i].decision;
    if (ese_id_is_none(decision))
        return ESE_MAIL_FATE_UNEXPECTED;
    if (is_again(mails, i))
        return ESE_MAIL_FATE_AGAIN;
    uint32_t mail = ese_oracle_find(&telling->evidence->oracle, decision);
    if (mail != ESE_BOOK_NONE)
        return telling->fates->expected[mail] = ESE_MAIL_FATE_MATCHED;
    uint32_t chain = ese_mail_fates_chain(telling->evidence, decision);
    if (chain == ESE_BOOK_NONE)
        return is_strangers(telling->evidence, decision) ? ESE_MAIL_FATE_MATCHED : ESE_MAIL_FATE_UNEXPECTED;
    add_stand_in(telling, decision, chain, i);
    return ESE_MAIL_FATE_MISSING;
}

static void tell_arrived(struct telling *telling)
{
    for (size_t i = 0; i < telling->evidence->mails.count; i++) {
        telling->fates->arrived[i] = fate_alone(telling, i);
        telling->fates->stands_for[i] = ESE_BOOK_NONE;
    }
}

/* Of those that were expected it is their fate. */
static void tell_unknown(struct telling *telling)
{
    const struct ese_outbox_file *outbox = &telling->evidence->outbox;
    for (size_t i = 0; i < outbox->unknown_count; i++) {
        const struct ese_id *decision = &outbox->unknown[i];
        uint32_t mail = ese_oracle_find(&telling->evidence->oracle, decision);
        uint32_t chain = ese_mail_fates_chain(telling->evidence, decision);
        if (ese_mails_have(&telling->evidence->mails, decision))
            continue;
        if (mail != ESE_BOOK_NONE)
            telling->fates->expected[mail] = ESE_MAIL_FATE_UNKNOWN;
        else if (chain != ESE_BOOK_NONE)
            add_stand_in(telling, decision, chain, NOT_ARRIVED);
    }
}

/* Likewise. */
static void take_waiting(void *context, const struct ese_id *decision)
{
    struct telling *telling = context;
    uint32_t mail = ese_oracle_find(&telling->evidence->oracle, decision);
    uint32_t chain = ese_mail_fates_chain(telling->evidence, decision);
    if (mail != ESE_BOOK_NONE)
        telling->fates->expected[mail] = ESE_MAIL_FATE_WAITING;
    else if (chain != ESE_BOOK_NONE)
        add_stand_in(telling, decision, chain, NOT_ARRIVED);
}

static void tell_waiting(struct telling *telling)
{
    const struct ese_mail_evidence mails = mails_of(telling->evidence);
    ese_mail_each_waiting(&mails, take_waiting, telling);
    telling->unknown_count = telling->count;
}

static void count_missing(struct telling *telling)
{
    const struct ese_oracle *oracle = &telling->evidence->oracle;
    for (uint32_t i = 0; i < oracle->mail_count; i++)
        telling->missing[oracle->mails[i].chain] += telling->fates->expected[i] == ESE_MAIL_FATE_MISSING;
}

/* ---- which stand for each other --------------------------------------------------------------- */

static void find_behind(struct telling *telling)
{
    const struct ese_book *book = &telling->evidence->book;
    const struct ese_oracle *oracle = &telling->evidence->oracle;
    uint32_t mail = ESE_BOOK_NONE; /* whose events are being walked through, from its last one back */
    memset(telling->behind, 0xFF, ((size_t)book->count + 1) * sizeof *telling->behind);
    for (uint32_t i = 0; i < oracle->mail_count; i++)
        telling->behind[oracle->mails[i].last_event] = i;
    for (uint32_t i = book->offered; i > 0; i--) {
        uint32_t event = book->by_key[i - 1], chain = oracle->chain_of[event];
        if (telling->behind[event] != ESE_BOOK_NONE)
            mail = telling->behind[event];
        else if (chain != ESE_BOOK_NONE && mail != ESE_BOOK_NONE && oracle->mails[mail].chain == chain)
            telling->behind[event] = mail;
    }
}

/* The missing mail behind which that event of the decision is, too; ESE_BOOK_NONE: there is none. */
static uint32_t shared_by(const struct telling *telling, const struct stand_in *stand_in, int event)
{
    const struct ese_evidence *evidence = telling->evidence;
    uint32_t number = ese_book_find(&evidence->book, &stand_in->decision->events[event]);
    uint32_t mail = number == ESE_BOOK_NONE ? ESE_BOOK_NONE : telling->behind[number];
    return mail != ESE_BOOK_NONE && evidence->oracle.mails[mail].chain == stand_in->chain &&
                   telling->fates->expected[mail] == ESE_MAIL_FATE_MISSING
               ? mail : ESE_BOOK_NONE;
}

/* The missing mail with which it has so many events in common, by the first of these. */
static uint32_t find_sharing(const struct telling *telling, const struct stand_in *stand_in, int shared)
{
    int count = stand_in->decision->event_count;
    for (int i = 0; i < count; i++) {
        uint32_t mail = shared_by(telling, stand_in, i);
        int common = 0;
        for (int j = 0; mail != ESE_BOOK_NONE && j < count; j++)
            common += shared_by(telling, stand_in, j) == mail;
        if (mail != ESE_BOOK_NONE && common == shared)
            return mail;
    }
    return ESE_BOOK_NONE;
}

/* The missing mail of its chain whose last event was due first. */
static uint32_t find_first(const struct telling *telling, const struct stand_in *stand_in)
{
    const struct ese_evidence *evidence = telling->evidence;
    const struct ese_oracle_mail *mails = evidence->oracle.mails;
    uint32_t first = ESE_BOOK_NONE;
    for (uint32_t i = 0; i < evidence->oracle.mail_count; i++) {
        if (mails[i].chain != stand_in->chain || telling->fates->expected[i] != ESE_MAIL_FATE_MISSING)
            continue;
        if (first == ESE_BOOK_NONE || evidence->book.entries[mails[i].last_event].due_ns <
                                          evidence->book.entries[mails[first].last_event].due_ns)
            first = i;
    }
    return first;
}

static void stand(struct telling *telling, struct stand_in *stand_in, int shared)
{
    if (telling->missing[stand_in->chain] == 0)
        return;
    uint32_t mail = shared > 0 ? find_sharing(telling, stand_in, shared) : find_first(telling, stand_in);
    if (mail == ESE_BOOK_NONE)
        return;
    stand_in->has_stood = true;
    telling->missing[stand_in->chain]--;
    telling->fates->expected[mail] = ESE_MAIL_FATE_REPLACED;
    if (stand_in->arrived == NOT_ARRIVED)
        return;
    telling->fates->arrived[stand_in->arrived] = ESE_MAIL_FATE_ALTERED;
    telling->fates->stands_for[stand_in->arrived] = mail;
}

/* Those that have most in common first. */
static void pair(struct telling *telling, size_t from, size_t to)
{
    for (int shared = ESE_STATE_BEHIND_MOST; shared >= 0; shared--) {
        for (size_t i = from; i < to; i++) {
            struct stand_in *stand_in = &telling->stand_ins[i];
            if (!stand_in->has_stood && !telling->evidence->oracle.chains[stand_in->chain].is_doubtful)
                stand(telling, stand_in, shared);
        }
    }
}

/* ---- what is left ----------------------------------------------------------------------------- */

static enum ese_mail_fate fate_of_surplus(const struct ese_oracle_chain *chain)
{
    if (chain->is_doubtful)
        return ESE_MAIL_FATE_MATCHED;
    return chain->expected > 0 ? ESE_MAIL_FATE_FURTHER : ESE_MAIL_FATE_UNEXPECTED;
}

/* Rules have not had all of its chain. What they had decided on before that does not come with the rest. */
static bool may_come_yet(const struct telling *telling, const struct ese_oracle_mail *mail)
{
    return telling->evidence->oracle.chains[mail->chain].is_in_flight &&
           ese_state_file_decision(&telling->evidence->state, &mail->id) == NULL;
}

static void tell_rest(struct telling *telling)
{
    const struct ese_oracle *oracle = &telling->evidence->oracle;
    for (size_t i = telling->unknown_count; i < telling->count; i++) {
        const struct stand_in *stand_in = &telling->stand_ins[i];
        if (!stand_in->has_stood)
            telling->fates->arrived[stand_in->arrived] = fate_of_surplus(&oracle->chains[stand_in->chain]);
    }
    for (uint32_t i = 0; i < oracle->mail_count; i++) {
        enum ese_mail_fate *fate = &telling->fates->expected[i];
        const struct ese_oracle_chain *chain = &oracle->chains[oracle->mails[i].chain];
        if (*fate == ESE_MAIL_FATE_MISSING)
            *fate = chain->is_doubtful                         ? ESE_MAIL_FATE_DOUBTFUL
                    : may_come_yet(telling, &oracle->mails[i]) ? ESE_MAIL_FATE_WAITING
                                                               : ESE_MAIL_FATE_LOST;
        telling->fates->has_come[oracle->mails[i].chain] |= *fate != ESE_MAIL_FATE_LOST;
    }
}

void ese_mail_fates_tell(const struct ese_evidence *evidence, struct ese_mail_fates *fates)
{
    const struct ese_oracle *oracle = &evidence->oracle;
    size_t mails = evidence->mails.count, chains = (size_t)oracle->chain_count + 1;
    *fates = (struct ese_mail_fates){
        .arrived = ese_alloc_array(mails + 1, sizeof *fates->arrived),
        .stands_for = ese_alloc_array(mails + 1, sizeof *fates->stands_for),
        .expected = ese_alloc_array((size_t)oracle->mail_count + 1, sizeof *fates->expected),
        .has_come = ese_alloc_array(chains, sizeof *fates->has_come)};
    struct telling telling = {
        .evidence = evidence, .fates = fates,
        .stand_ins = ese_alloc_array(mails + evidence->outbox.unknown_count + evidence->outbox.waiting_count +
                                         evidence->state.decision_count + 1, sizeof(struct stand_in)),
        .behind = ese_alloc_array((size_t)evidence->book.count + 1, sizeof(uint32_t)),
        .missing = ese_alloc_array(chains, sizeof(uint32_t))};
    tell_unknown(&telling);
    tell_waiting(&telling);
    tell_arrived(&telling);
    count_missing(&telling);
    find_behind(&telling);
    pair(&telling, 0, telling.unknown_count);
    pair(&telling, telling.unknown_count, telling.count);
    tell_rest(&telling);
    free(telling.stand_ins);
    free(telling.behind);
    free(telling.missing);
}

void ese_mail_fates_free(struct ese_mail_fates *fates)
{
    free(fates->arrived);
    free(fates->stands_for);
    free(fates->expected);
    free(fates->has_come);
    *fates = (struct ese_mail_fates){.arrived = NULL};
}
