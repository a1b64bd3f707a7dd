#include "orchestration/lab/stories.h"

#include <inttypes.h>

#include "ese-core/memory.h"
#include "orchestration/lab/figures.h"
#include "orchestration/lab/ledger.h"
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
    return entry->is_lost && ese_ledger_loss(book, entry) == ESE_LOSS_OTHER;
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
    {"lost, for no cause that is noted", is_lost_otherwise},
    {"not processed when the drain ended", is_left},
    {"stored twice", is_twice},
    {"stored out of its key's order", is_behind},
    {"seen, though never stored (phantom)", ese_ledger_is_phantom},
};

/* ---- the first of each ----------------------------------------------------------------------- */

static int64_t begins_ns(entry_of *entry)
{
    return entry->due_ns != 0 ? entry->due_ns : entry->handed_ns;
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
        if (first == NULL || begins_ns(entry) < begins_ns(first))
            first = entry;
    }
    return first;
}

static void write_story(struct ese_story *story, const char *what, struct ese_buffer *text)
{
    ese_fit_text(story->what, sizeof story->what, what);
    ese_fit_text(story->text, sizeof story->text, text->text == NULL ? "" : text->text);
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
        write_story(story, kinds[i].what, &text);
        stories->fault_count++;
        ese_buffer_free(&text);
    }
}

/* ---- mails ----------------------------------------------------------------------------------- */

/* The same decision once more is the plainest case of a mail that should not have come. */
static void tell_doubled(const struct ese_storyteller *teller, const struct ese_evidence *evidence,
                         struct ese_stories *stories)
{
    const struct ese_mails *mails = &evidence->mails;
    int64_t doubled = 0;
    size_t first = 0;
    for (size_t i = 1; i < mails->count; i++) {
        bool is_again = !ese_id_is_none(&mails->mails[i].decision) &&
                        ese_id_equal(&mails->mails[i].decision, &mails->mails[i - 1].decision);
        if (is_again && doubled++ == 0)
            first = i;
    }
    if (doubled == 0)
        return;
    char id[ESE_ID_TEXT_SIZE];
    struct ese_story *story = &stories->faults[stories->fault_count++];
    struct ese_buffer text = ESE_BUFFER_INIT(ESE_STORY_SIZE - 1);
    ese_id_text(&mails->mails[first].decision, id);
    ese_buffer_printf(&text, "\"%s\", decision %s, came again", mails->mails[first].subject, id);
    uint32_t mail = ese_oracle_find(&evidence->oracle, &mails->mails[first].decision);
    if (mail != ESE_BOOK_NONE) {
        ese_buffer_text(&text, "; its last cause is the ");
        ese_story_event(teller, &teller->book->entries[evidence->oracle.mails[mail].last_event], &text);
    }
    story->events = doubled;
    write_story(story, "mail that came twice", &text);
    ese_buffer_free(&text);
}

/* A person is an ip: each has one. */
static void tell_people(const struct ese_storyteller *teller, const struct ese_evidence *evidence,
                        struct ese_stories *stories)
{
    uint32_t mails[ESE_STORY_PEOPLE];
    stories->people_count = ese_missed_find(evidence, mails, ESE_STORY_PEOPLE);
    for (int i = 0; i < stories->people_count; i++) {
        struct ese_buffer text = ESE_BUFFER_INIT(ESE_STORY_SIZE - 1);
        const struct ese_oracle_mail *mail = &evidence->oracle.mails[mails[i]];
        ese_missed_tell(teller, evidence, mails[i], &text);
        write_story(&stories->people[i],
                    teller->book->keys[teller->book->entries[mail->last_event].key], &text);
        ese_buffer_free(&text);
    }
}

void ese_stories_tell(const struct ese_evidence *evidence,
                      void (*partition_name)(int32_t, char *, size_t), struct ese_stories *stories)
{
    const struct ese_storyteller teller = ese_storyteller_of(&evidence->book, partition_name);
    _Static_assert(ESE_COUNT_OF(kinds) + 1 <= ESE_STORY_KINDS, "room for all kinds");
    *stories = (struct ese_stories){.fault_count = 0};
    tell_events(&teller, stories);
    tell_doubled(&teller, evidence, stories);
    tell_people(&teller, evidence, stories);
}
