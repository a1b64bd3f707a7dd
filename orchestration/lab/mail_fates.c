#include "orchestration/lab/mail_fates.h"

#include "ese-core/memory.h"

/* Of one chain: what came unasked; what the mailer does not know of, and nobody expected; what is missing, and not
 * unknown; and how many of these stand for each other and have not been told so yet. */
struct tally {
    int32_t surplus, unknown, missing;
    int32_t altered, replaced;
};

struct telling {
    const struct ese_evidence *evidence;
    struct ese_mail_fates *fates;
    struct tally *tallies; /* one a chain */
};

uint32_t ese_mail_fates_chain(const struct ese_evidence *evidence, const struct ese_id *decision)
{
    const struct ese_mail_evidence mails = {
        .book = &evidence->book, .oracle = &evidence->oracle, .state = &evidence->state};
    return ese_mail_chain(&mails, decision);
}

/* ---- how many of each chain ------------------------------------------------------------------ */

/* NULL: it belongs to none. */
static struct tally *tally_of(const struct telling *telling, const struct ese_id *decision)
{
    uint32_t chain = ese_mail_fates_chain(telling->evidence, decision);
    return chain == ESE_BOOK_NONE ? NULL : &telling->tallies[chain];
}

static bool is_again(const struct ese_mails *mails, size_t i)
{
    return i > 0 && ese_id_equal(&mails->mails[i].decision, &mails->mails[i - 1].decision);
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
    return tally_of(telling, decision) == NULL ? ESE_MAIL_FATE_UNEXPECTED : ESE_MAIL_FATE_MISSING;
}

static void count_arrivals(struct telling *telling)
{
    const struct ese_mails *mails = &telling->evidence->mails;
    for (size_t i = 0; i < mails->count; i++) {
        telling->fates->arrived[i] = fate_alone(telling, i);
        if (telling->fates->arrived[i] == ESE_MAIL_FATE_MISSING)
            tally_of(telling, &mails->mails[i].decision)->surplus++;
    }
}

/* Of those that were expected it is their fate. */
static void tell_unknown(struct telling *telling)
{
    const struct ese_outbox_file *outbox = &telling->evidence->outbox;
    for (size_t i = 0; i < outbox->unknown_count; i++) {
        const struct ese_id *decision = &outbox->unknown[i];
        uint32_t mail = ese_oracle_find(&telling->evidence->oracle, decision);
        struct tally *tally = tally_of(telling, decision);
        if (ese_mails_have(&telling->evidence->mails, decision))
            continue;
        if (mail != ESE_BOOK_NONE)
            telling->fates->expected[mail] = ESE_MAIL_FATE_UNKNOWN;
        else if (tally != NULL)
            tally->unknown++;
    }
}

static void count_missing(struct telling *telling)
{
    const struct ese_oracle *oracle = &telling->evidence->oracle;
    for (uint32_t i = 0; i < oracle->mail_count; i++) {
        if (telling->fates->expected[i] == ESE_MAIL_FATE_MISSING)
            telling->tallies[oracle->mails[i].chain].missing++;
    }
}

static int32_t least(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

static void pair(struct tally *tally)
{
    int32_t unknown = least(tally->unknown, tally->missing);
    tally->altered = least(tally->surplus, tally->missing - unknown);
    tally->replaced = tally->altered + unknown;
}

/* ---- which ones ------------------------------------------------------------------------------ */

static enum ese_mail_fate fate_of_surplus(const struct ese_oracle_chain *chain, struct tally *tally)
{
    if (chain->is_doubtful)
        return ESE_MAIL_FATE_MATCHED;
    if (tally->altered-- > 0)
        return ESE_MAIL_FATE_ALTERED;
    return chain->expected > 0 ? ESE_MAIL_FATE_FURTHER : ESE_MAIL_FATE_UNEXPECTED;
}

static enum ese_mail_fate fate_of_missing(const struct ese_oracle_chain *chain, struct tally *tally)
{
    if (chain->is_doubtful)
        return ESE_MAIL_FATE_DOUBTFUL;
    return tally->replaced-- > 0 ? ESE_MAIL_FATE_REPLACED : ESE_MAIL_FATE_LOST;
}

static void tell_surplus(struct telling *telling)
{
    const struct ese_evidence *evidence = telling->evidence;
    for (size_t i = 0; i < evidence->mails.count; i++) {
        enum ese_mail_fate *fate = &telling->fates->arrived[i];
        if (*fate != ESE_MAIL_FATE_MISSING)
            continue;
        struct tally *tally = tally_of(telling, &evidence->mails.mails[i].decision);
        *fate = fate_of_surplus(&evidence->oracle.chains[tally - telling->tallies], tally);
    }
}

/* The mail an event is the last one of, or ESE_BOOK_NONE; to be freed. */
static uint32_t *mails_by_event(const struct ese_evidence *evidence)
{
    size_t count = (size_t)evidence->book.count + 1;
    uint32_t *mail_of = ese_alloc_array(count, sizeof *mail_of);
    memset(mail_of, 0xFF, count * sizeof *mail_of);
    for (uint32_t i = 0; i < evidence->oracle.mail_count; i++)
        mail_of[evidence->oracle.mails[i].last_event] = i;
    return mail_of;
}

/* The last of a chain first: so the one that stays lost is that behind whose presses it went astray. */
static void tell_missing(struct telling *telling)
{
    const struct ese_evidence *evidence = telling->evidence;
    const struct ese_oracle *oracle = &evidence->oracle;
    uint32_t *mail_of = mails_by_event(evidence);
    for (uint32_t i = evidence->book.offered; i > 0; i--) {
        uint32_t mail = mail_of[evidence->book.by_key[i - 1]];
        if (mail == ESE_BOOK_NONE || telling->fates->expected[mail] != ESE_MAIL_FATE_MISSING)
            continue;
        uint32_t chain = oracle->mails[mail].chain;
        telling->fates->expected[mail] = fate_of_missing(&oracle->chains[chain], &telling->tallies[chain]);
    }
    free(mail_of);
}

void ese_mail_fates_tell(const struct ese_evidence *evidence, struct ese_mail_fates *fates)
{
    const struct ese_oracle *oracle = &evidence->oracle;
    *fates = (struct ese_mail_fates){
        .arrived = ese_alloc_array(evidence->mails.count + 1, sizeof *fates->arrived),
        .expected = ese_alloc_array((size_t)oracle->mail_count + 1, sizeof *fates->expected)};
    struct telling telling = {
        .evidence = evidence, .fates = fates,
        .tallies = ese_alloc_array((size_t)oracle->chain_count + 1, sizeof(struct tally))};
    count_arrivals(&telling);
    tell_unknown(&telling);
    count_missing(&telling);
    for (uint32_t i = 0; i < oracle->chain_count; i++)
        pair(&telling.tallies[i]);
    tell_surplus(&telling);
    tell_missing(&telling);
    free(telling.tallies);
}

void ese_mail_fates_free(struct ese_mail_fates *fates)
{
    free(fates->arrived);
    free(fates->expected);
    *fates = (struct ese_mail_fates){.arrived = NULL};
}
