#include "orchestration/lab/story.h"

#include <inttypes.h>

#include "ese-core/clock.h"
#include "orchestration/lab/ledger.h"

struct ese_storyteller ese_storyteller_of(const struct ese_book *book,
                                          void (*partition_name)(int32_t, char *, size_t))
{
    return (struct ese_storyteller){
        .book = book, .begun_ns = book->begun_ns, .partition_name = partition_name};
}

void ese_story_time(const struct ese_storyteller *teller, int64_t time_ns, struct ese_buffer *text)
{
    ese_buffer_printf(text, "%.3f s", (double)(time_ns - teller->begun_ns) / (double)ESE_NS_PER_S);
}

/* "; acknowledged at 3.206 s" */
static void add_at(const struct ese_storyteller *teller, const char *what, int64_t time_ns,
                   struct ese_buffer *text)
{
    ese_buffer_printf(text, "%s", what);
    if (time_ns != 0) {
        ese_buffer_text(text, " at ");
        ese_story_time(teller, time_ns, text);
    }
}

static void add_place(const struct ese_storyteller *teller, int32_t partition, int64_t offset,
                      struct ese_buffer *text)
{
    char name[100];
    snprintf(name, sizeof name, "partition %d", (int)partition);
    if (teller->partition_name != NULL)
        teller->partition_name(partition, name, sizeof name);
    ese_buffer_printf(text, " in %s at offset %" PRId64, name, offset);
}

static void add_outcome(const struct ese_storyteller *teller, const struct ese_book_entry *entry,
                        struct ese_buffer *text)
{
    switch (ese_book_outcome(entry)) {
    case ESE_HISTORY_ACKNOWLEDGED: add_at(teller, "acknowledged", entry->done_ns, text); break;
    case ESE_HISTORY_REFUSED: add_at(teller, "refused", entry->done_ns, text); break;
    case ESE_HISTORY_UNKNOWN:
        add_at(teller, entry->done_ns != 0 ? "given up without an answer" : "never answered",
               entry->done_ns, text);
        break;
    default: add_at(teller, "not sent, as there was no room or no time left, and given up", entry->done_ns, text);
    }
}

/* What the server says that notes its losses. */
static void add_loss(const struct ese_storyteller *teller, const struct ese_book_entry *entry,
                     struct ese_buffer *text)
{
    static const char *const words[] = {
        [ESE_LOSS_CLASH] = "; another event of the same ip and millisecond took its place",
        [ESE_LOSS_EXPIRY] = "; it expired, as its ip had been silent for too long",
        [ESE_LOSS_DEATH] = "; it was gone with the store's memory when that died",
        [ESE_LOSS_OTHER] = "; nobody tells where it went"};
    if (entry->kept_ns != 0)
        add_at(teller, "; the server had it", entry->kept_ns, text);
    if (entry->is_lost)
        ese_buffer_text(text, words[ese_ledger_loss(teller->book, entry)]);
}

static void add_store(const struct ese_storyteller *teller, const struct ese_book_entry *entry,
                      struct ese_buffer *text)
{
    if (entry->copies > 0 && !teller->book->has_no_places) {
        ese_buffer_text(text, "; stored");
        add_place(teller, entry->stored_partition, entry->stored_offset, text);
    } else if (entry->copies > 0) {
        ese_buffer_text(text, "; in the store when it was read back");
    } else if (!entry->is_lost && entry->handings == 0) {
        ese_buffer_text(text, "; not in the store when it was read back");
    }
    if (entry->copies > 1)
        ese_buffer_printf(text, ", %u times", entry->copies);
    if (entry->is_reordered)
        ese_buffer_text(text, ", behind an event of its key that was sent later");
}

static void add_reader(const struct ese_storyteller *teller, const struct ese_book_entry *entry,
                       struct ese_buffer *text)
{
    if (entry->handings == 0) {
        ese_buffer_text(text, "; no reader was handed it");
        return;
    }
    add_at(teller, "; a reader was handed it", entry->handed_ns, text);
    if (entry->handings > 1)
        ese_buffer_printf(text, " (%u times in all)", entry->handings);
    if (entry->is_processed && entry->committed_ns != 0)
        add_at(teller, "; it was processed", entry->committed_ns, text);
    else if (ese_ledger_is_contradicted(teller->book, entry))
        add_at(teller, "; its state has not had it, though it noted the commit", entry->committed_ns, text);
    else if (!entry->is_processed)
        ese_buffer_text(text, "; that was not committed");
}

void ese_story_fate(const struct ese_storyteller *teller, const struct ese_book_entry *entry,
                    struct ese_buffer *text)
{
    if (entry->due_ns != 0)
        add_outcome(teller, entry, text);
    else
        ese_buffer_text(text, "no client says it offered it");
    add_store(teller, entry, text);
    add_loss(teller, entry, text);
    add_reader(teller, entry, text);
}

const char *ese_story_name(const struct ese_book_entry *entry)
{
    static const char *const words[ESE_BOOK_KINDS] = {[ESE_BOOK_OTHER] = "event",
                                                      [ESE_BOOK_KEY_PRESS] = "key press",
                                                      [ESE_BOOK_CREATED] = "new order",
                                                      [ESE_BOOK_COMPLETED] = "completed order"};
    return words[entry->kind];
}

void ese_story_event(const struct ese_storyteller *teller, const struct ese_book_entry *entry,
                     struct ese_buffer *text)
{
    char id[ESE_ID_TEXT_SIZE];
    ese_id_text(&entry->id, id);
    ese_buffer_printf(text, "%s %s", ese_story_name(entry), id);
    if (entry->due_ns != 0) {
        ese_buffer_printf(text, " of %s, due at ", teller->book->keys[entry->key]);
        ese_story_time(teller, entry->due_ns, text);
    }
    ese_buffer_text(text, ": ");
    if (entry->sent_ns != 0 && ese_book_outcome(entry) != ESE_HISTORY_NOT_SENT) {
        add_at(teller, "sent", entry->sent_ns, text);
        ese_buffer_text(text, "; ");
    }
    ese_story_fate(teller, entry, text);
}
