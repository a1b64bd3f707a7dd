#include "orchestration/lab/mail_stories.h"

#include "ese-core/memory.h"
#include "orchestration/lab/artifacts.h"
#include "orchestration/lab/presses.h"

#define SUBJECT_MOST 80 /* characters of a subject that are told */

struct telling {
    const struct ese_storyteller *teller;
    const struct ese_evidence *evidence;
    const struct ese_mail_fates *fates;
};

static const struct ese_arrived_mail *mail_at(const struct telling *telling, size_t i)
{
    return &telling->evidence->mails.mails[i];
}

/* ---- what all have in common ----------------------------------------------------------------- */

/* By the book; 0: not known. */
static int64_t came_ns(const struct telling *telling, const struct ese_arrived_mail *mail)
{
    return mail->came_ns == 0 ? 0 : mail->came_ns - telling->evidence->book.wall_offset_ns;
}

/* Whoever reaches the SMTP server may have written it: printable ASCII is told, and no more than a line. */
static void tell_foreign(const char *foreign, int most, struct ese_buffer *text)
{
    for (int i = 0; i < most && foreign[i] != '\0'; i++)
        ese_buffer_printf(text, "%c", foreign[i] >= ' ' && foreign[i] <= '~' ? foreign[i] : '?');
}

/* "at 4.213 s (maildir/new/...)"; who keeps the mails may name their files as whoever sent them likes. */
static void tell_arrival(const struct telling *telling, const struct ese_arrived_mail *mail,
                         struct ese_buffer *text)
{
    if (mail->came_ns != 0) {
        ese_buffer_text(text, "at ");
        ese_story_time(telling->teller, came_ns(telling, mail), text);
        ese_buffer_text(text, " ");
    }
    ese_buffer_printf(text, "(%s/", ESE_ARTIFACT_MAILDIR);
    tell_foreign(mail->file, sizeof mail->file, text);
    ese_buffer_text(text, ")");
}

static void tell_subject(const char *subject, struct ese_buffer *text)
{
    ese_buffer_text(text, "\"");
    tell_foreign(subject, SUBJECT_MOST, text);
    ese_buffer_text(text, "\"");
}

static void tell_mail(const struct telling *telling, size_t i, const char *how, struct ese_buffer *text)
{
    const struct ese_arrived_mail *mail = mail_at(telling, i);
    char id[ESE_ID_TEXT_SIZE];
    tell_subject(mail->subject, text);
    ese_id_text(&mail->decision, id);
    if (ese_id_is_none(&mail->decision))
        ese_buffer_text(text, ", of no decision");
    else
        ese_buffer_printf(text, ", decision %s", id);
    ese_buffer_printf(text, ", %s ", how);
    tell_arrival(telling, mail, text);
}

/* NULL: the state does not know the decision, or no history its first event. */
static const struct ese_book_entry *first_event_of(const struct ese_evidence *evidence, const struct ese_id *id)
{
    const struct ese_state_decision *decision = ese_state_file_decision(&evidence->state, id);
    uint32_t event = decision == NULL ? ESE_BOOK_NONE : ese_book_find(&evidence->book, &decision->events[0]);
    return event == ESE_BOOK_NONE ? NULL : &evidence->book.entries[event];
}

static const struct ese_book_entry *first_event(const struct telling *telling, size_t i)
{
    return first_event_of(telling->evidence, &mail_at(telling, i)->decision);
}

static void tell_first_event(const struct telling *telling, size_t i, struct ese_buffer *text)
{
    const struct ese_book_entry *first = first_event(telling, i);
    if (first == NULL)
        return;
    ese_buffer_text(text, "; the first event behind it is the ");
    ese_story_event(telling->teller, first, text);
}

static void tell_id(const struct ese_id *id, struct ese_buffer *text)
{
    char written[ESE_ID_TEXT_SIZE];
    ese_id_text(id, written);
    ese_buffer_text(text, written);
}

/* ---- kind by kind ---------------------------------------------------------------------------- */

static void tell_again(const struct telling *telling, size_t i, struct ese_buffer *text)
{
    const struct ese_oracle *oracle = &telling->evidence->oracle;
    uint32_t expected = ese_oracle_find(oracle, &mail_at(telling, i)->decision);
    tell_mail(telling, i, "came again", text);
    ese_buffer_text(text, "; before that ");
    tell_arrival(telling, mail_at(telling, i - 1), text);
    if (expected == ESE_BOOK_NONE) {
        tell_first_event(telling, i, text);
        return;
    }
    ese_buffer_text(text, "; its last cause is the ");
    ese_story_event(telling->teller,
                    &telling->evidence->book.entries[oracle->mails[expected].last_event], text);
}

/* "; its chain of 4 key presses gives 1 mail", or "; its order gives 1 mail" */
static void tell_chain(const struct telling *telling, size_t i, struct ese_buffer *text)
{
    uint32_t chain = ese_mail_fates_chain(telling->evidence, &mail_at(telling, i)->decision);
    int64_t mails = telling->evidence->oracle.chains[chain].expected;
    int presses = ese_presses_of_chain(telling->evidence, chain);
    if (presses == 0)
        ese_buffer_text(text, "; its order");
    else
        ese_buffer_printf(text, "; its chain of %d key press%s", presses, presses == 1 ? "" : "es");
    ese_buffer_printf(text, " gives %lld mail%s", (long long)mails, mails == 1 ? "" : "s");
}

static void tell_further(const struct telling *telling, size_t i, struct ese_buffer *text)
{
    tell_mail(telling, i, "came", text);
    tell_chain(telling, i, text);
    ese_buffer_text(text, ", and so many were decided on besides");
    tell_first_event(telling, i, text);
}

static void tell_altered(const struct telling *telling, size_t i, struct ese_buffer *text)
{
    uint32_t mail = telling->fates->stands_for[i];
    const struct ese_presses presses = ese_presses_behind(telling->evidence, mail);
    const struct ese_book_entry *first = first_event(telling, i);
    tell_mail(telling, i, "came", text);
    ese_buffer_printf(text, "; the first event behind it is the %s ", ese_story_name(first));
    tell_id(&first->id, text);
    ese_buffer_printf(text, " of %s, due at ", telling->evidence->book.keys[first->key]);
    ese_story_time(telling->teller, first->due_ns, text);
    ese_buffer_text(text, ". Decision ");
    tell_id(&telling->evidence->oracle.mails[mail].id, text);
    ese_buffer_printf(text, " had to come, of the %s due at ", ese_presses_name(&presses));
    ese_presses_times(telling->teller, &presses, text);
    ese_buffer_text(text, ". ");
    if (!ese_presses_blame(telling->teller, &presses, text))
        ese_buffer_text(text, "All of these were processed");
}

/* Of an order; NULL: it has none, or it is a chain of key presses. */
static const struct ese_book_entry *completion_of(const struct telling *telling, uint32_t chain)
{
    const struct ese_evidence *evidence = telling->evidence;
    for (uint32_t i = 0; i < evidence->book.count; i++) {
        if (evidence->oracle.chain_of[i] == chain && evidence->book.entries[i].kind == ESE_BOOK_COMPLETED)
            return &evidence->book.entries[i];
    }
    return NULL;
}

static void tell_why_none(const struct telling *telling, size_t i, uint32_t chain, struct ese_buffer *text)
{
    const struct ese_book_entry *completion = completion_of(telling, chain);
    if (completion == NULL) {
        tell_chain(telling, i, text);
        tell_first_event(telling, i, text);
        return;
    }
    ese_buffer_text(text, "; but there is the ");
    ese_story_event(telling->teller, completion, text);
}

static void tell_unexpected(const struct telling *telling, size_t i, struct ese_buffer *text)
{
    const struct ese_evidence *evidence = telling->evidence;
    const struct ese_id *decision = &mail_at(telling, i)->decision;
    const struct ese_state_decision *known = ese_state_file_decision(&evidence->state, decision);
    tell_mail(telling, i, "came", text);
    if (ese_id_is_none(decision)) {
        ese_buffer_text(text, "; it has no header X-ESE-Decision that tells who asked for it");
    } else if (known == NULL) {
        ese_buffer_text(text, "; neither does the consumer's state know of such a decision, nor was it to be made");
    } else if (ese_mail_fates_chain(evidence, decision) != ESE_BOOK_NONE) {
        tell_why_none(telling, i, ese_mail_fates_chain(evidence, decision), text);
    } else if (first_event(telling, i) != NULL) {
        tell_first_event(telling, i, text);
        ese_buffer_text(text, ". It belongs to no chain of events that are stored");
    } else {
        ese_buffer_text(text, "; the first event behind it is ");
        tell_id(&known->events[0], text);
        ese_buffer_text(text, ", of which no history tells");
    }
}

static const struct kind {
    enum ese_mail_fate fate;
    const char *what;
    void (*tell)(const struct telling *telling, size_t i, struct ese_buffer *text);
} kinds[] = {
    {ESE_MAIL_FATE_AGAIN, "mail that came twice", tell_again},
    {ESE_MAIL_FATE_FURTHER, "mail from events that gave one (doubled)", tell_further},
    {ESE_MAIL_FATE_ALTERED, "mail from other events (altered)", tell_altered},
    {ESE_MAIL_FATE_UNEXPECTED, "mail that nothing accounts for (unexpected)", tell_unexpected},
};

/* ---- the first of each ----------------------------------------------------------------------- */

/* Where it stands among those of its kind. What is of no decision still has a file of its own. */
static void order(const struct telling *telling, size_t i, struct ese_story *story)
{
    const struct ese_arrived_mail *mail = mail_at(telling, i);
    story->at_ns = came_ns(telling, mail);
    story->id = ese_id_is_none(&mail->decision) ? ese_id_derive(mail->file, NULL, 0) : mail->decision;
}

static bool find_first(const struct telling *telling, enum ese_mail_fate fate, size_t *first,
                       struct ese_story *story)
{
    for (size_t i = 0; i < telling->evidence->mails.count; i++) {
        struct ese_story found = {.kind = story->kind};
        if (telling->fates->arrived[i] != fate)
            continue;
        order(telling, i, &found);
        if (story->events++ > 0 && ese_story_compare(&found, story) >= 0)
            continue;
        story->at_ns = found.at_ns;
        story->id = found.id;
        *first = i;
    }
    return story->events > 0;
}

static void tell_faults(const struct telling *telling, struct ese_stories *stories)
{
    _Static_assert(ESE_COUNT_OF(kinds) <= ESE_STORY_KINDS - ESE_STORY_OF_MAILS, "room for all kinds");
    for (size_t kind = 0; kind < ESE_COUNT_OF(kinds); kind++) {
        struct ese_story *story = &stories->faults[stories->fault_count];
        size_t first;
        *story = (struct ese_story){.kind = ESE_STORY_OF_MAILS + (int)kind};
        if (!find_first(telling, kinds[kind].fate, &first, story))
            continue;
        struct ese_buffer text = ESE_BUFFER_INIT(ESE_STORY_SIZE - 1);
        kinds[kind].tell(telling, first, &text);
        ese_story_write(story, kinds[kind].what, &text);
        stories->fault_count++;
    }
}

/* ---- of which nobody knows ------------------------------------------------------------------- */

static void tell_cause(const struct telling *telling, const struct ese_id *decision, struct ese_buffer *text)
{
    const struct ese_evidence *evidence = telling->evidence;
    uint32_t number = ese_oracle_find(&evidence->oracle, decision);
    const struct ese_book_entry *first = first_event_of(evidence, decision);
    if (number != ESE_BOOK_NONE) {
        const struct ese_presses presses = ese_presses_behind(evidence, number);
        ese_buffer_printf(text, ", of the %s due at ", ese_presses_name(&presses));
        ese_presses_times(telling->teller, &presses, text);
    } else if (first != NULL) {
        ese_buffer_printf(text, ", of other events than had to give one, the first of them the %s due at ",
                          ese_story_name(first));
        ese_story_time(telling->teller, first->due_ns, text);
    } else {
        ese_buffer_text(text, ", of events of which no history tells");
    }
}

static void tell_unknown(const struct telling *telling, const struct ese_id *decision, struct ese_buffer *text)
{
    const struct ese_arrived_mail *mail = ese_mails_find(&telling->evidence->mails, decision);
    ese_buffer_text(text, "decision ");
    tell_id(decision, text);
    tell_cause(telling, decision, text);
    ese_buffer_text(text, mail == NULL ? ": it has not arrived" : ": it arrived ");
    if (mail != NULL)
        tell_arrival(telling, mail, text);
}

/* When it was due: of a mail that was expected its last event, else the first one behind the decision. NULL: no history
 * tells of that. */
static const struct ese_book_entry *cause_of(const struct ese_evidence *evidence, const struct ese_id *decision)
{
    uint32_t mail = ese_oracle_find(&evidence->oracle, decision);
    return mail == ESE_BOOK_NONE ? first_event_of(evidence, decision)
                                 : &evidence->book.entries[evidence->oracle.mails[mail].last_event];
}

/* In two steps: behind which presses a mail stands is looked up only of those that are among the first. */
static void list_unknown(const struct telling *telling, struct ese_stories *stories)
{
    const struct ese_outbox_file *outbox = &telling->evidence->outbox;
    for (size_t i = 0; i < outbox->unknown_count; i++) {
        const struct ese_book_entry *cause = cause_of(telling->evidence, &outbox->unknown[i]);
        const struct ese_story story = {.at_ns = cause == NULL ? 0 : cause->due_ns, .id = outbox->unknown[i]};
        stories->unknown++;
        stories->unknown_count = ese_story_put(stories->unknown_mails, stories->unknown_count,
                                               ESE_STORY_UNKNOWN, &story);
    }
}

static void tell_unknown_mails(const struct telling *telling, struct ese_stories *stories)
{
    const struct ese_evidence *evidence = telling->evidence;
    list_unknown(telling, stories);
    for (int i = 0; i < stories->unknown_count; i++) {
        struct ese_story *story = &stories->unknown_mails[i];
        struct ese_buffer text = ESE_BUFFER_INIT(ESE_STORY_SIZE - 1);
        const struct ese_book_entry *cause = cause_of(evidence, &story->id);
        tell_unknown(telling, &story->id, &text);
        ese_story_write(story, cause == NULL ? "nobody knows whose" : evidence->book.keys[cause->key], &text);
    }
}

void ese_mail_stories_tell(const struct ese_storyteller *teller, const struct ese_evidence *evidence,
                           const struct ese_mail_fates *fates, struct ese_stories *stories)
{
    const struct telling telling = {.teller = teller, .evidence = evidence, .fates = fates};
    tell_faults(&telling, stories);
    tell_unknown_mails(&telling, stories);
}
