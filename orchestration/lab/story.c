#include "orchestration/lab/story.h"

#include <inttypes.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "orchestration/lab/anomalies.h"
#include "orchestration/lab/book_skips.h"
#include "orchestration/lab/ledger.h"

#define ESE_STORY_ID_SIZE 192 /* as others may have it (docs/evidence.md), with its end */

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
    default:
        if (entry->outcome == 0)
            ese_buffer_text(text, "nobody says that it was sent, or what became of it");
        else
            add_at(teller, teller->book->is_foreign ? "not sent, as its client says"
                                                    : "not sent, as there was no room or no time left, and given up",
                   entry->done_ns, text);
    }
}

/* What the server says that notes its losses, or whoever came too late. */
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
    if (entry->is_lost && ese_book_skips_have(teller->book, entry))
        ese_buffer_text(text, "; when its consumer came to it, it was no longer kept");
    else if (ese_ledger_is_gone(teller->book, entry))
        ese_buffer_text(text, "; it is gone from the store, which promises to keep what was read");
    else if (entry->is_lost)
        ese_buffer_text(text, words[ese_ledger_loss(teller->book, entry)]);
}

static const char *const doublings[] = {
    [ESE_DOUBLING_OTHER] = "",
    [ESE_DOUBLING_RETRY] = ", as its client tried again",
    [ESE_DOUBLING_DEATH] = ", as its client tried again when its server had died"};

static void add_store(const struct ese_storyteller *teller, const struct ese_book_entry *entry,
                      struct ese_buffer *text)
{
    if (entry->copies > 0 && !teller->book->has_no_places) {
        ese_buffer_text(text, "; stored");
        add_place(teller, entry->stored_partition, entry->stored_offset, text);
    } else if (entry->copies > 0) {
        ese_buffer_text(text, "; in the store when it was read back");
    } else if (teller->book->is_unseen && entry->is_in_flight) {
        ese_buffer_text(text, "; it may be in the store, beyond what is committed");
    } else if (teller->book->is_unseen && !entry->is_lost) {
        return;
    } else if (!entry->is_lost && entry->handings == 0) {
        ese_buffer_text(text, "; not in the store when it was read back");
    }
    if (entry->copies > 1)
        ese_buffer_printf(text, ", %u times%s", entry->copies, doublings[entry->doubled_by]);
    if (entry->is_reordered)
        ese_buffer_text(text, ", behind an event of its key that was sent later");
}

/* "(3 times in all: one more because it is stored again, one more when the partition was given anew)" */
static void add_handings(const struct ese_storyteller *teller, const struct ese_book_entry *entry,
                         struct ese_buffer *text)
{
    const struct ese_handed_again again = ese_anomalies_again(teller->book, entry);
    const struct {
        int64_t count;
        const char *words;
    } causes[] = {{again.of_copies, "because it is stored again"},
                  {again.by_return, "as the partition was given anew"},
                  {again.by_other, "for no cause that is noted"}};
    ese_buffer_printf(text, " (%u times in all", entry->handings);
    for (size_t i = 0; i < ESE_COUNT_OF(causes); i++) {
        if (causes[i].count > 0)
            ese_buffer_printf(text, "; %" PRId64 " more %s", causes[i].count, causes[i].words);
    }
    ese_buffer_text(text, ")");
}

static void add_disorder(const struct ese_book_entry *entry, struct ese_buffer *text)
{
    static const char *const words[] = {
        [ESE_DISORDER_WITHIN] = "while the partition was one reader's",
        [ESE_DISORDER_AFTER] = "as the partition had changed hands"};
    if (entry->was_passed_over)
        ese_buffer_text(text, ", after what lies behind it in its partition");
    if (entry->disorder != ESE_DISORDER_NONE)
        ese_buffer_printf(text, ", after an event of its key that was sent later, %s%s", words[entry->disorder],
                          entry->is_processed_disordered ? ", and processed so" : "");
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
        add_handings(teller, entry, text);
    add_disorder(entry, text);
    if (ese_ledger_is_gone(teller->book, entry) || (entry->is_processed && entry->committed_ns != 0))
        add_at(teller, "; it was processed", entry->committed_ns, text);
    else if (ese_ledger_is_contradicted(teller->book, entry))
        add_at(teller, "; its state has not had it, though it noted the commit", entry->committed_ns, text);
    else if (!entry->is_processed)
        ese_buffer_text(text, "; that was not committed");
    if (entry->is_stale)
        ese_buffer_printf(text, ", %.3f s after it was acknowledged",
                          (double)ese_anomalies_waited_ns(entry) / (double)ESE_NS_PER_S);
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
    const struct ese_event_names *names = teller->book->names;
    char id[ESE_STORY_ID_SIZE];
    if (names != NULL)
        names->name(names->context, &entry->id, id, sizeof id);
    else
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
