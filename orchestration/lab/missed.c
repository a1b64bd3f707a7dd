#include "orchestration/lab/missed.h"

#include "ese-core/memory.h"
#include "orchestration/lab/presses.h"

/* ---- which mails ----------------------------------------------------------------------------- */

static const struct ese_book_entry *last_of(const struct ese_evidence *evidence, uint32_t mail)
{
    return &evidence->book.entries[evidence->oracle.mails[mail].last_event];
}

/* First those none of whose chain's mails came, then by due time. */
static bool is_before(const struct ese_evidence *evidence, const struct ese_mail_fates *fates, uint32_t mail,
                      uint32_t other)
{
    bool has_come = fates->has_come[evidence->oracle.mails[mail].chain];
    if (has_come != fates->has_come[evidence->oracle.mails[other].chain])
        return !has_come;
    return last_of(evidence, mail)->due_ns < last_of(evidence, other)->due_ns;
}

/* Keeps the mails in that order, one a key: the first. */
static int keep(const struct ese_evidence *evidence, const struct ese_mail_fates *fates, uint32_t mails[],
                int count, int most, uint32_t mail)
{
    int at = count;
    for (int i = count - 1; i >= 0; i--) {
        if (is_before(evidence, fates, mail, mails[i]))
            at = i;
        if (last_of(evidence, mails[i])->key != last_of(evidence, mail)->key)
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

int ese_missed_find(const struct ese_evidence *evidence, const struct ese_mail_fates *fates,
                    uint32_t mails[], int most)
{
    int count = 0;
    for (uint32_t i = 0; i < evidence->oracle.mail_count; i++) {
        if (fates->expected[i] == ESE_MAIL_FATE_LOST)
            count = keep(evidence, fates, mails, count, most, i);
    }
    return count;
}

/* ---- why ------------------------------------------------------------------------------------- */

/* What the others of that chain gave, where that did not come either. */
static void tell_withheld(const struct ese_evidence *evidence, uint32_t chain, struct ese_buffer *text)
{
    for (size_t i = 0; i < evidence->state.decision_count; i++) {
        const struct ese_id *decision = &evidence->state.decisions[i].id;
        char id[ESE_ID_TEXT_SIZE];
        if (ese_mail_fates_chain(evidence, decision) != chain || ese_mails_have(&evidence->mails, decision) ||
            ese_oracle_find(&evidence->oracle, decision) != ESE_BOOK_NONE ||
            ese_outbox_file_is_unknown(&evidence->outbox, decision))
            continue;
        ese_id_text(decision, id);
        ese_buffer_printf(text, ". The others of its chain gave decision %s, whose mail did not arrive", id);
        return;
    }
}

void ese_missed_tell(const struct ese_storyteller *teller, const struct ese_evidence *evidence,
                     uint32_t mail, struct ese_buffer *text)
{
    const struct ese_presses presses = ese_presses_behind(evidence, mail);
    ese_buffer_text(text, evidence->oracle.mails[mail].is_timed ? "was created, and not completed in time, at "
                                                                : "pressed a key at ");
    ese_presses_times(teller, &presses, text);
    ese_buffer_text(text, ", and no mail came. ");
    if (ese_presses_blame(teller, &presses, text)) {
        tell_withheld(evidence, evidence->oracle.mails[mail].chain, text);
        return;
    }
    bool is_decided = ese_state_file_decision(&evidence->state, &evidence->oracle.mails[mail].id) != NULL;
    ese_buffer_text(text, is_decided ? "All were processed and the mail was decided on; it did not arrive"
                                     : "All were processed, and no mail was decided on");
}
