#include "orchestration/lab/decided.h"

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "orchestration/lab/figures.h"

#define KEPT_NS (INT64_C(20) * 3600 * ESE_NS_PER_S) /* what was answered leaves no earlier, by far */

struct look {
    const struct ese_evidence *evidence;
    struct ese_decided *decided;
    bool *is_used; /* one an event: a decision was made of it. No rule wants what another one does */
};

/* ---- each decision --------------------------------------------------------------------------- */

/* Returns how many of its events are in the book, from the first on. */
static int find_events(const struct ese_book *book, const struct ese_state_decision *decision,
                       const struct ese_book_entry *events[ESE_STATE_BEHIND_MOST])
{
    for (int i = 0; i < decision->event_count; i++) {
        uint32_t number = ese_book_find(book, &decision->events[i]);
        if (number == ESE_BOOK_NONE)
            return i;
        events[i] = &book->entries[number];
    }
    return decision->event_count;
}

/* Strangers' events are in the first share alone, and what they were is not known where they had left the store. */
static bool is_untold(const struct ese_state_decision *decision, const struct ese_book_entry *const events[], int found)
{
    if (found < decision->event_count)
        return !ese_id_is_ours(&decision->events[found]);
    for (int i = 0; i < found; i++) {
        if (ese_book_is_strangers(events[i]) && events[i]->key == ESE_BOOK_NONE)
            return true;
    }
    return false;
}

/* To the rules, all by one replay, or all by none: a dead letter was handed to the consumer alone. */
static bool was_handed(const struct ese_book_entry *const events[], int count)
{
    for (int i = 0; i < count; i++) {
        if (events[i]->handings == 0 || events[i]->is_dead || events[i]->replay != events[0]->replay)
            return false;
    }
    return true;
}

/* The first of those that overlap is the one that was right. */
static bool use(struct look *look, const struct ese_book_entry *const events[], int count)
{
    const struct ese_book *book = &look->evidence->book;
    for (int i = 0; i < count; i++) {
        if (look->is_used[events[i] - book->entries])
            return false;
    }
    for (int i = 0; i < count; i++)
        look->is_used[events[i] - book->entries] = true;
    return true;
}

static void look_at_decision(struct look *look, const struct ese_state_decision *decision)
{
    const struct ese_book_entry *events[ESE_STATE_BEHIND_MOST];
    int found = find_events(&look->evidence->book, decision, events);
    look->decided->open += decision->is_open;
    if (is_untold(decision, events, found))
        return;
    if (found == 0)
        look->decided->foreign++;
    else if (found < decision->event_count || !was_handed(events, found) ||
             !ese_oracle_gives(decision->rule, events, found))
        look->decided->unlawful++;
    else if (!use(look, events, found))
        look->decided->again++;
}

/* ---- what was not decided on ----------------------------------------------------------------- */

/* Of the oracle over what was processed: which chains a loss excuses altogether; and of which keys the rules have seen
 * all in the order in which it was sent. What is both, they have seen as this oracle does. */
struct clear {
    bool *is_excused; /* one a chain */
    bool *is_in_order; /* one a key */
};

static bool excuses(const struct ese_oracle *oracle, uint32_t event)
{
    uint32_t number = oracle->chain_of[event];
    if (number == ESE_BOOK_NONE)
        return false;
    const struct ese_oracle_chain *chain = &oracle->chains[number];
    return chain->is_touched && !chain->is_doubtful && !chain->is_out;
}

static bool came_before(const struct ese_book_entry *one, const struct ese_book_entry *other)
{
    if (one->committed_ns != other->committed_ns)
        return one->committed_ns < other->committed_ns;
    return one->handed_partition == other->handed_partition && one->handed_offset < other->handed_offset;
}

static void find_clear(const struct ese_evidence *evidence, const struct ese_oracle *processed, struct clear *clear)
{
    const struct ese_book *book = &evidence->book;
    const struct ese_book_entry *last = NULL; /* that a rule has seen */
    memset(clear->is_excused, true, processed->chain_count);
    memset(clear->is_in_order, true, book->key_count);
    for (uint32_t i = 0; i < book->offered; i++) {
        const struct ese_book_entry *event = &book->entries[book->by_key[i]];
        uint32_t chain = processed->chain_of[book->by_key[i]];
        if (chain == ESE_BOOK_NONE)
            continue;
        if (last != NULL && last->key == event->key && !came_before(last, event))
            clear->is_in_order[event->key] = false;
        clear->is_excused[chain] &= excuses(&evidence->oracle, book->by_key[i]);
        last = event;
    }
}

static int64_t count_omitted(const struct ese_evidence *evidence)
{
    struct ese_oracle processed;
    int64_t count = 0;
    if (evidence->state.late > 0 || evidence->state.beyond_window > 0) /* rules have seen less, or more */
        return 0;
    ese_oracle_ask_of_processed(&evidence->book, &processed);
    struct clear clear = {.is_excused = ese_alloc_array((size_t)processed.chain_count + 1, sizeof(bool)),
                          .is_in_order = ese_alloc_array((size_t)evidence->book.key_count + 1, sizeof(bool))};
    find_clear(evidence, &processed, &clear);
    for (uint32_t i = 0; i < processed.mail_count; i++) {
        const struct ese_oracle_mail *mail = &processed.mails[i];
        count += clear.is_excused[mail->chain] &&
                 clear.is_in_order[evidence->book.entries[mail->last_event].key] &&
                 ese_state_file_decision(&evidence->state, &mail->id) == NULL;
    }
    free(clear.is_excused);
    free(clear.is_in_order);
    ese_oracle_free(&processed);
    return count;
}

/* ---- each mail ------------------------------------------------------------------------------- */

/* In a run as long as that a decision may have left the state, and its mail the outbox. */
static bool has_forgotten(const struct ese_book *book)
{
    return book->last_due_ns - book->begun_ns > KEPT_NS;
}

static void look_at_mail(struct look *look, const struct ese_arrived_mail *mail)
{
    const struct ese_evidence *evidence = look->evidence;
    const struct ese_state_decision *decision = ese_state_file_decision(&evidence->state, &mail->decision);
    bool is_expected = ese_oracle_find(&evidence->oracle, &mail->decision) != ESE_BOOK_NONE;
    if (decision == NULL && !is_expected) /* the mail ledger says what that is */
        return;
    look->decided->readdressed +=
        decision != NULL && decision->told != ese_mails_told(mail->transport, mail->to, mail->subject);
    look->decided->unproved += decision == NULL || !ese_outbox_file_knows(&evidence->outbox, &mail->decision);
}

/* ---- all of it ------------------------------------------------------------------------------- */

void ese_decided_look(const struct ese_evidence *evidence, struct ese_decided *decided)
{
    *decided = (struct ese_decided){.unlawful = 0};
    if (evidence->book.is_running)
        return;
    struct look look = {.evidence = evidence, .decided = decided,
                        .is_used = ese_alloc_array((size_t)evidence->book.count + 1, sizeof(bool))};
    for (size_t i = 0; i < evidence->state.decision_count; i++)
        look_at_decision(&look, &evidence->state.decisions[i]);
    if (!has_forgotten(&evidence->book)) {
        decided->omitted = count_omitted(evidence);
        for (size_t i = 0; i < evidence->mails.count; i++)
            look_at_mail(&look, &evidence->mails.mails[i]);
    }
    free(look.is_used);
}

void ese_decided_add(struct ese_decided *into, const struct ese_decided *from)
{
    into->unlawful += from->unlawful;
    into->again += from->again;
    into->omitted += from->omitted;
    into->readdressed += from->readdressed;
    into->foreign += from->foreign;
    into->open += from->open;
    into->unproved += from->unproved;
}
