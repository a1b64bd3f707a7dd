#include "orchestration/lab/stories.h"

#include <inttypes.h>

#include "ese-core/memory.h"
#include "orchestration/lab/anomalies.h"
#include "orchestration/lab/figures.h"
#include "orchestration/lab/ledger.h"
#include "orchestration/lab/mail_stories.h"
#include "orchestration/lab/missed.h"
#include "orchestration/lab/story.h"

/* ---- which kinds there are ------------------------------------------------------------------- */

typedef const struct ese_book book_of;
typedef const struct ese_book_entry entry_of;

static bool ends_as(entry_of *entry, enum ese_history_kind outcome)
{
    return entry->due_ns != 0 && ese_book_outcome(entry) == outcome;
}

static bool is_not_sent(book_of *book, entry_of *entry)
{
    (void)book;
    return ends_as(entry, ESE_HISTORY_NOT_SENT);
}

static bool is_refused(book_of *book, entry_of *entry)
{
    (void)book;
    return ends_as(entry, ESE_HISTORY_REFUSED);
}

static bool is_unknown(book_of *book, entry_of *entry)
{
    (void)book;
    return ends_as(entry, ESE_HISTORY_UNKNOWN);
}

static bool is_clash(book_of *book, entry_of *entry)
{
    return entry->is_lost && ese_ledger_loss(book, entry) == ESE_LOSS_CLASH;
}

static bool is_expiry(book_of *book, entry_of *entry)
{
    return entry->is_lost && ese_ledger_loss(book, entry) == ESE_LOSS_EXPIRY;
}

static bool is_death(book_of *book, entry_of *entry)
{
    return entry->is_lost && ese_ledger_loss(book, entry) == ESE_LOSS_DEATH;
}

static bool is_lost_otherwise(book_of *book, entry_of *entry)
{
    return entry->is_lost && ese_ledger_loss(book, entry) == ESE_LOSS_OTHER && !ese_ledger_is_gone(book, entry);
}

static bool is_left(book_of *book, entry_of *entry)
{
    (void)book;
    return entry->due_ns != 0 && entry->is_in_flight;
}

static bool is_twice(book_of *book, entry_of *entry)
{
    (void)book;
    return entry->copies > 1;
}

static bool is_behind(book_of *book, entry_of *entry)
{
    (void)book;
    return entry->is_reordered;
}

/* Stored again, as was seen in the store, or is known from where it was handed. */
static bool is_doubled_by(entry_of *entry, enum ese_doubling cause)
{
    return (entry->copies > 1 || entry->handed_elsewhere > 0) && entry->doubled_by == cause;
}

static bool is_doubled_by_retry(book_of *book, entry_of *entry)
{
    (void)book;
    return is_doubled_by(entry, ESE_DOUBLING_RETRY);
}

static bool is_doubled_by_death(book_of *book, entry_of *entry)
{
    (void)book;
    return is_doubled_by(entry, ESE_DOUBLING_DEATH);
}

static bool is_handed_by_return(book_of *book, entry_of *entry)
{
    return ese_anomalies_again(book, entry).by_return > 0;
}

static bool is_handed_for_nothing(book_of *book, entry_of *entry)
{
    return ese_anomalies_again(book, entry).by_other > 0;
}

static bool is_disordered_within(book_of *book, entry_of *entry)
{
    (void)book;
    return entry->disorder == ESE_DISORDER_WITHIN;
}

static bool is_disordered_after(book_of *book, entry_of *entry)
{
    (void)book;
    return entry->disorder == ESE_DISORDER_AFTER;
}

static bool is_passed_over(book_of *book, entry_of *entry)
{
    (void)book;
    return entry->was_passed_over;
}

static bool is_stale(book_of *book, entry_of *entry)
{
    (void)book;
    return entry->is_stale;
}

static const struct kind {
    const char *what;
    bool (*is)(book_of *book, entry_of *entry);
} kinds[] = {
    {"not sent", is_not_sent},
    {"refused", is_refused},
    {"of unknown outcome", is_unknown},
    {"lost by key clash", is_clash},
    {"lost by expiry", is_expiry},
    {"lost by the store's death", is_death},
    {"lost by its store, after it was processed", ese_ledger_is_gone},
    {"lost, for no cause that is noted", is_lost_otherwise},
    {"not processed by the end", is_left},
    {"stored twice", is_twice},
    {"stored or handed again by a retry", is_doubled_by_retry},
    {"stored or handed again by a retry after its server's death", is_doubled_by_death},
    {"handed again, as its partition was given anew", is_handed_by_return},
    {"handed again, for no cause that is noted", is_handed_for_nothing},
    {"stored out of its key's order", is_behind},
    {"handed out of its key's order, within one ownership", is_disordered_within},
    {"handed out of its key's order, after a rebalance", is_disordered_after},
    {"passed over by its reader, and handed later", is_passed_over},
    {"processed too late (stale)", is_stale},
    {"stored though refused, not sent or never offered (phantom)", ese_ledger_is_phantom},
    {"a stranger's, not of this run", ese_ledger_is_strangers},
};

const char *ese_stories_kind(const struct ese_book *book, const struct ese_book_entry *entry)
{
    for (size_t i = 0; i < ESE_COUNT_OF(kinds); i++) {
        if (kinds[i].is(book, entry))
            return kinds[i].what;
    }
    return NULL;
}

/* ---- the first of each ----------------------------------------------------------------------- */

static int64_t begins_ns(entry_of *entry)
{
    return entry->due_ns != 0 ? entry->due_ns : entry->handed_ns;
}

/* Of two that began at once it is the one with the lower id. */
static bool is_before(entry_of *entry, entry_of *other)
{
    if (begins_ns(entry) != begins_ns(other))
        return begins_ns(entry) < begins_ns(other);
    return ese_id_compare(&entry->id, &other->id) < 0;
}

static entry_of *find_first(book_of *book, const struct kind *kind, int64_t *events)
{
    entry_of *first = NULL;
    *events = 0;
    for (uint32_t i = 0; i < book->count; i++) {
        entry_of *entry = &book->entries[i];
        if (entry->is_out || !kind->is(book, entry))
            continue;
        ++*events;
        if (first == NULL || is_before(entry, first))
            first = entry;
    }
    return first;
}

static void tell_events(const struct ese_storyteller *teller, struct ese_stories *stories)
{
    for (size_t i = 0; i < ESE_COUNT_OF(kinds); i++) {
        struct ese_story *story = &stories->faults[stories->fault_count];
        entry_of *first = find_first(teller->book, &kinds[i], &story->events);
        if (first == NULL)
            continue;
        struct ese_buffer text = ESE_BUFFER_INIT(ESE_STORY_SIZE - 1);
        ese_story_event(teller, first, &text);
        ese_story_write(story, kinds[i].what, &text);
        story->kind = (int)i;
        story->at_ns = begins_ns(first);
        story->id = first->id;
        stories->fault_count++;
    }
}

/* ---- people ---------------------------------------------------------------------------------- */

/* A person is an ip: each has one. */
static void tell_people(const struct ese_storyteller *teller, const struct ese_evidence *evidence,
                        const struct ese_mail_fates *fates, struct ese_stories *stories)
{
    uint32_t mails[ESE_STORY_PEOPLE];
    stories->people_count = ese_missed_find(evidence, fates, mails, ESE_STORY_PEOPLE);
    for (int i = 0; i < stories->people_count; i++) {
        struct ese_buffer text = ESE_BUFFER_INIT(ESE_STORY_SIZE - 1);
        const struct ese_oracle_mail *mail = &evidence->oracle.mails[mails[i]];
        entry_of *last = &teller->book->entries[mail->last_event];
        ese_missed_tell(teller, evidence, mails[i], &text);
        ese_story_write(&stories->people[i], teller->book->keys[last->key], &text);
        stories->people[i].kind = fates->has_come[mail->chain];
        stories->people[i].at_ns = last->due_ns;
        stories->people[i].id = mail->id;
    }
}

void ese_stories_tell(const struct ese_evidence *evidence,
                      void (*partition_name)(int32_t, char *, size_t), struct ese_stories *stories)
{
    const struct ese_storyteller teller = ese_storyteller_of(&evidence->book, partition_name);
    struct ese_mail_fates fates;
    _Static_assert(ESE_COUNT_OF(kinds) <= ESE_STORY_OF_MAILS, "room for all kinds");
    *stories = (struct ese_stories){.fault_count = 0};
    ese_mail_fates_tell(evidence, &fates);
    tell_events(&teller, stories);
    ese_mail_stories_tell(&teller, evidence, &fates, stories);
    tell_people(&teller, evidence, &fates, stories);
    ese_mail_fates_free(&fates);
}

/* ---- one of them ----------------------------------------------------------------------------- */

void ese_story_write(struct ese_story *story, const char *what, struct ese_buffer *text)
{
    snprintf(story->what, sizeof story->what, "%.*s", (int)sizeof story->what - 1, what);
    ese_fit_text(story->text, sizeof story->text, text->text == NULL ? "" : text->text);
    ese_buffer_free(text);
}

int ese_story_compare(const struct ese_story *story, const struct ese_story *other)
{
    if (story->kind != other->kind)
        return story->kind < other->kind ? -1 : 1;
    if (story->at_ns != other->at_ns)
        return story->at_ns < other->at_ns ? -1 : 1;
    return ese_id_compare(&story->id, &other->id);
}

int ese_story_put(struct ese_story stories[], int count, int most, const struct ese_story *story)
{
    int at = count;
    while (at > 0 && ese_story_compare(story, &stories[at - 1]) < 0)
        at--;
    if (at == most)
        return count;
    int left = count < most ? count : most - 1;
    memmove(&stories[at + 1], &stories[at], (size_t)(left - at) * sizeof *stories);
    stories[at] = *story;
    return left + 1;
}

/* ---- of several shares ----------------------------------------------------------------------- */

static struct ese_story *of_same_kind(struct ese_stories *stories, const struct ese_story *story)
{
    for (int i = 0; i < stories->fault_count; i++) {
        if (stories->faults[i].kind == story->kind)
            return &stories->faults[i];
    }
    return NULL;
}

static void add_fault(struct ese_stories *into, const struct ese_story *story)
{
    struct ese_story *known = of_same_kind(into, story);
    if (known == NULL) {
        into->fault_count = ese_story_put(into->faults, into->fault_count, ESE_STORY_KINDS, story);
        return;
    }
    int64_t events = known->events + story->events;
    if (ese_story_compare(story, known) < 0)
        *known = *story;
    known->events = events;
}

void ese_stories_add(struct ese_stories *into, const struct ese_stories *from)
{
    for (int i = 0; i < from->fault_count; i++)
        add_fault(into, &from->faults[i]);
    for (int i = 0; i < from->people_count; i++)
        into->people_count = ese_story_put(into->people, into->people_count, ESE_STORY_PEOPLE, &from->people[i]);
    for (int i = 0; i < from->unknown_count; i++)
        into->unknown_count = ese_story_put(into->unknown_mails, into->unknown_count, ESE_STORY_UNKNOWN,
                                            &from->unknown_mails[i]);
    into->unknown += from->unknown;
}
