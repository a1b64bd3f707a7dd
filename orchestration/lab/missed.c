#include "orchestration/lab/missed.h"

#include "ese-core/memory.h"

#define PRESSES 3 /* behind a mail */

struct search {
    const struct ese_evidence *evidence;
    int64_t *came; /* mails of each chain that came or may have, decision by decision */
    bool *is_here; /* one an expected mail: it came, or nobody knows */
};

/* ---- which mails ----------------------------------------------------------------------------- */

static void note_arrivals(struct search *search)
{
    const struct ese_evidence *evidence = search->evidence;
    const struct ese_mail_evidence mails = {.book = &evidence->book, .oracle = &evidence->oracle,
                                            .state = &evidence->state};
    for (size_t i = 0; i < evidence->mails.count; i++) {
        const struct ese_id *decision = &evidence->mails.mails[i].decision;
        if (i > 0 && ese_id_equal(decision, &evidence->mails.mails[i - 1].decision))
            continue;
        uint32_t chain = ese_mail_chain(&mails, decision);
        uint32_t mail = ese_oracle_find(&evidence->oracle, decision);
        if (chain != ESE_BOOK_NONE)
            search->came[chain]++;
        if (mail != ESE_BOOK_NONE)
            search->is_here[mail] = true;
    }
}

static void note_unknown(struct search *search)
{
    const struct ese_oracle *oracle = &search->evidence->oracle;
    for (uint32_t i = 0; i < oracle->mail_count; i++) {
        if (search->is_here[i] ||
            !ese_outbox_file_is_unknown(&search->evidence->outbox, &oracle->mails[i].id))
            continue;
        search->is_here[i] = true;
        search->came[oracle->mails[i].chain]++;
    }
}

static const struct ese_book_entry *last_of(const struct ese_evidence *evidence, uint32_t mail)
{
    return &evidence->book.entries[evidence->oracle.mails[mail].last_event];
}

static bool is_lost(const struct search *search, uint32_t mail)
{
    const struct ese_oracle *oracle = &search->evidence->oracle;
    const struct ese_oracle_chain *chain = &oracle->chains[oracle->mails[mail].chain];
    return !search->is_here[mail] && !chain->is_doubtful && !chain->is_out &&
           search->came[oracle->mails[mail].chain] < chain->expected;
}

/* Keeps the mails by due time, one a key: the earliest. */
static int keep(const struct ese_evidence *evidence, uint32_t mails[], int count, int most,
                uint32_t mail)
{
    const struct ese_book_entry *event = last_of(evidence, mail);
    int at = count;
    for (int i = count - 1; i >= 0; i--) {
        if (last_of(evidence, mails[i])->due_ns > event->due_ns)
            at = i;
        if (last_of(evidence, mails[i])->key != event->key)
            continue;
        if (at > i)
            return count; /* it has an earlier one */
        memmove(&mails[i], &mails[i + 1], (size_t)(count-- - i - 1) * sizeof *mails);
    }
    if (at == most)
        return count;
    if (count == most)
        count--;
    memmove(&mails[at + 1], &mails[at], (size_t)(count - at) * sizeof *mails);
    mails[at] = mail;
    return count + 1;
}

int ese_missed_find(const struct ese_evidence *evidence, uint32_t mails[], int most)
{
    const struct ese_oracle *oracle = &evidence->oracle;
    struct search search = {
        .evidence = evidence,
        .came = ese_alloc_array((size_t)oracle->chain_count + 1, sizeof(int64_t)),
        .is_here = ese_alloc_array((size_t)oracle->mail_count + 1, sizeof(bool))};
    int count = 0;
    note_arrivals(&search);
    note_unknown(&search);
    for (uint32_t i = 0; i < oracle->mail_count; i++) {
        if (is_lost(&search, i))
            count = keep(evidence, mails, count, most, i);
    }
    free(search.came);
    free(search.is_here);
    return count;
}

/* ---- why ------------------------------------------------------------------------------------- */

/* The presses behind a mail, in order: the last three of its chain up to its last event. */
static int presses_behind(const struct ese_evidence *evidence, const struct ese_oracle_mail *mail,
                          const struct ese_book_entry *presses[PRESSES])
{
    const struct ese_book *book = &evidence->book;
    int count = 0;
    for (uint32_t i = 0; i < book->offered; i++) {
        uint32_t number = book->by_key[i];
        if (evidence->oracle.chain_of[number] != mail->chain)
            continue;
        if (count == PRESSES)
            memmove(presses, presses + 1, (PRESSES - 1) * sizeof *presses);
        count = count < PRESSES ? count + 1 : PRESSES;
        presses[count - 1] = &book->entries[number];
        if (number == mail->last_event)
            break;
    }
    return count;
}

static const struct ese_book_entry *first_unprocessed(const struct ese_book_entry *const presses[], int count)
{
    for (int i = 0; i < count; i++) {
        if (!presses[i]->is_processed)
            return presses[i];
    }
    return NULL;
}

void ese_missed_tell(const struct ese_storyteller *teller, const struct ese_evidence *evidence,
                     uint32_t number, struct ese_buffer *text)
{
    const struct ese_oracle_mail *mail = &evidence->oracle.mails[number];
    const struct ese_book_entry *presses[PRESSES];
    int count = presses_behind(evidence, mail, presses);
    ese_buffer_text(text, "pressed a key at ");
    for (int i = 0; i < count; i++) {
        ese_story_time(teller, presses[i]->due_ns, text);
        ese_buffer_text(text, i + 2 < count ? ", " : i + 2 == count ? " and " : "");
    }
    ese_buffer_text(text, ", and no mail came. ");
    const struct ese_book_entry *lost = first_unprocessed(presses, count);
    if (lost != NULL) {
        ese_buffer_text(text, "The press due at ");
        ese_story_time(teller, lost->due_ns, text);
        ese_buffer_text(text, ": ");
        ese_story_fate(teller, lost, text);
    } else if (ese_state_file_decision(&evidence->state, &mail->id) != NULL) {
        ese_buffer_text(text, "All were processed and the mail was decided on; it did not arrive");
    } else {
        ese_buffer_text(text, "All were processed, and no mail was decided on");
    }
}
