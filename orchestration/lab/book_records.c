/* What each record of a history says of the events in a book. */
#include "orchestration/lab/book_records.h"

#include "ese-core/memory.h"
#include "orchestration/lab/artifacts.h"
#include "orchestration/lab/book_fates.h"
#include "orchestration/lab/book_skips.h"
#include "orchestration/lab/book_turns.h"

/* ---- what each record says -------------------------------------------------------------------- */

static void read_offered(const struct ese_book_page *page)
{
    const struct ese_history_record *record = page->record;
    struct ese_book_entry *entry = ese_book_entry(page->book, &record->id);
    if (entry->due_ns != 0) {
        page->book->contradictions++;
        return;
    }
    const char *sub_type = ese_history_read_word(page->reader, (uint16_t)(record->b & 0xFFFF));
    entry->due_ns = record->time_ns;
    entry->client_ts = record->a;
    entry->key = ese_book_key(page->book, ese_history_read_key(page->reader));
    entry->run = ese_book_run(page->book, &record->id);
    entry->kind = (uint8_t)ese_book_kind_of(sub_type);
    page->book->offered++;
}

/* An event that left the book has had its last word from the client. */
static bool is_of_the_past(const struct ese_book_page *page)
{
    const struct ese_id *id = &page->record->id;
    return ese_book_find(page->book, id) == ESE_BOOK_NONE && ese_book_is_settled(page->book, id);
}

static void read_sent(const struct ese_book_page *page)
{
    if (is_of_the_past(page))
        return;
    struct ese_book_entry *entry = ese_book_entry(page->book, &page->record->id);
    page->book->contradictions += entry->due_ns == 0;
    entry->sent_ns = page->record->time_ns;
}

static void read_sent_again(const struct ese_book_page *page)
{
    uint32_t number = ese_book_find(page->book, &page->record->id);
    if (number != ESE_BOOK_NONE)
        page->book->entries[number].was_sent_again = true;
}

static void read_outcome(const struct ese_book_page *page)
{
    if (is_of_the_past(page))
        return;
    struct ese_book_entry *entry = ese_book_entry(page->book, &page->record->id);
    if (entry->due_ns == 0 || entry->outcome != 0) {
        page->book->contradictions++;
        return;
    }
    entry->outcome = page->record->kind;
    entry->done_ns = page->record->time_ns;
    if (entry->copies == 0 && entry->outcome == ESE_HISTORY_ACKNOWLEDGED) {
        entry->stored_partition = page->record->partition;
        entry->stored_offset = page->record->a;
    }
    entry->attempts = (uint16_t)(page->record->b < UINT16_MAX ? page->record->b : UINT16_MAX);
}

struct ese_book_waiting *ese_book_waiting(struct ese_book *book, int32_t partition)
{
    for (size_t i = 0; i < book->waiting_count; i++) {
        if (book->waiting[i].partition == partition)
            return &book->waiting[i];
    }
    book->waiting =
        ese_realloc_array(book->waiting, book->waiting_count + 1, sizeof *book->waiting);
    struct ese_book_waiting *waiting = &book->waiting[book->waiting_count++];
    *waiting = (struct ese_book_waiting){.partition = partition};
    return waiting;
}

void ese_book_wait(struct ese_book *book, uint32_t number)
{
    struct ese_book_waiting *waiting = ese_book_waiting(book, book->entries[number].handed_partition);
    if (waiting->count == waiting->size) {
        waiting->size = waiting->size == 0 ? 1024 : waiting->size * 2;
        waiting->numbers =
            ese_realloc_array(waiting->numbers, waiting->size, sizeof *waiting->numbers);
    }
    waiting->numbers[waiting->count++] = number;
}

void ese_book_give(struct ese_book *book, int32_t partition, const char *history)
{
    struct ese_book_waiting *waiting = ese_book_waiting(book, partition);
    ese_fit_text(waiting->reader, sizeof waiting->reader, history);
}

bool ese_book_is_given_to_another(struct ese_book *book, int32_t partition, const char *history)
{
    const char *reader = ese_book_waiting(book, partition)->reader;
    return reader[0] != '\0' && strcmp(reader, history) != 0;
}

/* Where each reader numbers what it is handed, only the last one that was given the partition commits:
 * one that does not know yet that it was taken over hands on, and numbers, for nothing. */
static bool is_taken_over(const struct ese_book_page *page)
{
    return page->book->has_no_places &&
           ese_book_is_given_to_another(page->book, page->record->partition, page->name);
}

/* Without places in the store, a further handing counts as long as none was committed: it may be
 * that of another reader, which numbers anew. */
static void read_handed(const struct ese_book_page *page)
{
    const struct ese_history_record *record = page->record;
    struct ese_book_entry *entry = ese_book_entry(page->book, &record->id);
    bool was_in_vain = ese_book_skips_in_vain(page->book, entry); /* this copy of it is another */
    bool is_first = entry->handings++ == 0, is_in_vain = is_taken_over(page);
    ese_book_turns_hand(page, entry);
    if (!is_first && !was_in_vain && (!page->book->has_no_places || is_in_vain || entry->committed_ns != 0))
        return;
    if (is_first)
        entry->handed_ns = record->time_ns;
    entry->handed_partition = record->partition;
    entry->handed_offset = is_in_vain ? ESE_BOOK_NOWHERE : record->a;
    if (!is_in_vain)
        ese_book_wait(page->book, (uint32_t)(entry - page->book->entries));
}

/* Everything of the partition that was handed before, and lies below the committed position, is
 * committed now; the rest goes on waiting. */
static void read_committed(const struct ese_book_page *page)
{
    struct ese_book *book = page->book;
    struct ese_book_waiting *waiting = ese_book_waiting(book, page->record->partition);
    size_t left = 0;
    if (is_taken_over(page)) /* its last, noted when another one had begun */
        return;
    for (size_t i = 0; i < waiting->count; i++) {
        struct ese_book_entry *entry = &book->entries[waiting->numbers[i]];
        if (entry->handed_offset < page->record->a)
            entry->committed_ns = page->record->time_ns;
        else
            waiting->numbers[left++] = waiting->numbers[i];
    }
    waiting->count = left;
}

static bool is_of_store(const struct ese_book_page *page)
{
    return strcmp(page->name, ESE_ARTIFACT_STORE_HISTORY) == 0;
}

static void note_forgotten(const struct ese_book_page *page, int64_t before)
{
    ese_book_note_beginning(page->book, &(struct ese_book_beginning){
        .partition = page->record->partition, .offset = before, .is_told = true});
}

/* A reader without places begins anew, and will not commit what another one was handed. What lies before the place
 * where one with places begins was committed, though its reader may have died before it noted that. Whoever reads the
 * store for the lab commits nothing, and from its first event on it will say what it has forgotten. */
static void read_given(const struct ese_book_page *page)
{
    struct ese_book *book = page->book;
    if (is_of_store(page)) {
        if (page->record->a == 0)
            note_forgotten(page, 0);
        return;
    }
    struct ese_book_waiting *waiting = ese_book_waiting(book, page->record->partition);
    ese_book_give(book, page->record->partition, page->name);
    for (size_t i = 0; i < waiting->count; i++) {
        struct ese_book_entry *entry = &book->entries[waiting->numbers[i]];
        if (book->has_no_places)
            entry->handed_offset = ESE_BOOK_NOWHERE;
        else
            entry->was_committed_untold |= entry->handed_offset < page->record->a;
    }
    if (book->has_no_places)
        waiting->count = 0;
}

static struct ese_book_last *last_of(struct ese_book *book, int32_t partition)
{
    for (size_t i = 0; i < book->last_count; i++) {
        if (book->lasts[i].partition == partition)
            return &book->lasts[i];
    }
    book->lasts = ese_realloc_array(book->lasts, book->last_count + 1, sizeof *book->lasts);
    struct ese_book_last *last = &book->lasts[book->last_count++];
    *last = (struct ese_book_last){.partition = partition, .offset = -1};
    return last;
}

/* Of a run that is over: it has gone on forgetting between saying where it begins and being read from there. What lies
 * beyond what was found in it may not have been forgotten, but lost. */
static bool is_still_at_the_beginning(const struct ese_book_page *page)
{
    struct ese_book *book = page->book;
    int32_t partition = page->record->partition;
    return !book->is_running && book->tells_beginnings && last_of(book, partition)->offset < 0 &&
           ese_book_beginning(book, partition) == page->record->a;
}

static void take_skip(const struct ese_book_page *page, int64_t count)
{
    page->book->skipped += count < INT64_MAX - page->book->skipped ? count : INT64_MAX - page->book->skipped;
    ese_book_skips_take(page);
}

static void read_skipped(const struct ese_book_page *page)
{
    int64_t count = page->record->b - page->record->a;
    if (is_of_store(page) && (page->record->a == 0 || is_still_at_the_beginning(page)))
        note_forgotten(page, page->record->b);
    else if (is_of_store(page)) /* its follower came too late */
        ese_book_note_missing(page->book, "the store forgot %lld %s looked at: let it keep more, or ese-lab watch look "
                                          "all the time", (long long)count,
                              count == 1 ? "event before it was" : "events before they were");
    else if (strcmp(page->name, ESE_ARTIFACT_INBOX_HISTORY) == 0) /* so has the inbox's */
        ese_book_note_missing(page->book, "mails in the inbox were passed over, as they could not be read: begin a new "
                                          "--run");
    else
        take_skip(page, count);
}

static void read_stored(const struct ese_book_page *page)
{
    const struct ese_history_record *record = page->record;
    struct ese_book_entry *entry = ese_book_entry(page->book, &record->id);
    bool is_again = entry->copies > 0 && entry->stored_partition == record->partition &&
                    entry->stored_offset == record->a;
    if (is_again) /* noted twice, by a follower that was killed in between */
        return;
    if (entry->copies > 0 && page->book->has_no_places) /* or by one that begins anew */
        return;
    if (entry->copies++ > 0)
        return;
    entry->stored_partition = record->partition;
    entry->stored_offset = record->a;
    entry->server_ts = record->b;
}

static void read_found(const struct ese_book_page *page)
{
    const struct ese_history_record *record = page->record;
    struct ese_book_entry *entry = ese_book_entry(page->book, &record->id);
    if (entry->due_ns != 0) /* its client has said more */
        return;
    const char *sub_type = ese_history_read_word(page->reader, (uint16_t)(record->b & 0xFFFF));
    entry->client_ts = record->a;
    entry->key = ese_book_key(page->book, ese_history_read_key(page->reader));
    entry->kind = (uint8_t)ese_book_kind_of(sub_type);
}

static void read_mail_sent(const struct ese_book_page *page)
{
    ese_book_mails_add(&page->book->sent, &(struct ese_book_mail){
        .decision = page->record->id, .time_ns = page->record->time_ns});
}

static void read_mail_arrived(const struct ese_book_page *page)
{
    struct ese_book_mails *arrived = &page->book->arrived;
    for (size_t i = arrived->count; i > 0; i--) {
        if (arrived->mails[i - 1].number == page->record->a)
            return; /* noted twice, as above */
    }
    ese_book_mails_add(arrived, &(struct ese_book_mail){.decision = page->record->id,
                                                        .time_ns = page->record->time_ns,
                                                        .number = page->record->a});
}

static void (*const readers[ESE_HISTORY_KINDS])(const struct ese_book_page *) = {
    [ESE_HISTORY_OFFERED] = read_offered,
    [ESE_HISTORY_SENT] = read_sent,
    [ESE_HISTORY_SENT_AGAIN] = read_sent_again,
    [ESE_HISTORY_ACKNOWLEDGED] = read_outcome,
    [ESE_HISTORY_REFUSED] = read_outcome,
    [ESE_HISTORY_UNKNOWN] = read_outcome,
    [ESE_HISTORY_NOT_SENT] = read_outcome,
    [ESE_HISTORY_HANDED] = read_handed,
    [ESE_HISTORY_COMMITTED] = read_committed,
    [ESE_HISTORY_GIVEN] = read_given,
    [ESE_HISTORY_SKIPPED] = read_skipped,
    [ESE_HISTORY_STORED] = read_stored,
    [ESE_HISTORY_MAIL_SENT] = read_mail_sent,
    [ESE_HISTORY_MAIL_ARRIVED] = read_mail_arrived,
    [ESE_HISTORY_KEPT] = ese_book_fates_kept,
    [ESE_HISTORY_OVERWRITTEN] = ese_book_fates_overwritten,
    [ESE_HISTORY_EXPIRED] = ese_book_fates_expired,
    [ESE_HISTORY_BEGUN_EMPTY] = ese_book_fates_begun_empty,
    [ESE_HISTORY_FOUND] = read_found,
};

/* ---- which records are for this book ------------------------------------------------------------------- */

/* Whose id a record bears. */
enum subject { OF_NOBODY, OF_EVENT, OF_NEW_EVENT /* which makes an entry of it */, OF_MAIL };
static const enum subject subjects[ESE_HISTORY_KINDS] = {
    [ESE_HISTORY_OFFERED] = OF_NEW_EVENT, [ESE_HISTORY_SENT] = OF_NEW_EVENT,
    [ESE_HISTORY_ACKNOWLEDGED] = OF_NEW_EVENT, [ESE_HISTORY_REFUSED] = OF_NEW_EVENT,
    [ESE_HISTORY_UNKNOWN] = OF_NEW_EVENT, [ESE_HISTORY_NOT_SENT] = OF_NEW_EVENT,
    [ESE_HISTORY_HANDED] = OF_NEW_EVENT, [ESE_HISTORY_STORED] = OF_NEW_EVENT,
    [ESE_HISTORY_FOUND] = OF_NEW_EVENT, [ESE_HISTORY_SENT_AGAIN] = OF_EVENT,
    [ESE_HISTORY_KEPT] = OF_NEW_EVENT, [ESE_HISTORY_OVERWRITTEN] = OF_EVENT,
    [ESE_HISTORY_EXPIRED] = OF_EVENT, [ESE_HISTORY_MAIL_SENT] = OF_MAIL};

static bool is_wanted(const struct ese_book *book, const struct ese_history_record *record)
{
    switch (subjects[record->kind]) {
    case OF_EVENT:
    case OF_NEW_EVENT: return ese_share_has(book->share, &record->id);
    case OF_MAIL: return ese_id_filter_wants(book->wanted_mails, &record->id);
    case OF_NOBODY: break;
    }
    return true;
}

/* What is told of an event that is not in a full book. */
static bool is_passed_over(struct ese_book *book, const struct ese_history_record *record)
{
    bool has_room = book->most == 0 || book->count < book->most;
    if (has_room || subjects[record->kind] != OF_NEW_EVENT ||
        ese_book_find(book, &record->id) != ESE_BOOK_NONE)
        return false;
    book->is_full = true;
    ese_book_note_missing(book, "more than %u events had not settled at once, and not all of "
                                "them were followed: begin a new --run", book->most);
    return true;
}

/* A partition is read in the order of its offsets, and each is one event's. A follower that was killed goes back, to
 * where the next one goes on. */
static void note_place(struct ese_book *book, const struct ese_history_record *record)
{
    struct ese_book_last *last = last_of(book, record->partition);
    bool is_same_place = record->a == last->offset, goes_back = record->a < last->offset && !book->is_running;
    if (goes_back || (is_same_place && !ese_id_equal(&record->id, &last->id)))
        ese_book_note_missing(book, "store.history has two events at one place, or not in their order: offset %lld of "
                              "partition %d; is it of one store?", (long long)record->a, (int)record->partition);
    last->offset = record->a;
    last->id = record->id;
}

/* What the whole run's events tell of it, whosever share they are. */
static void note_for_all(const struct ese_book_page *page)
{
    struct ese_book *book = page->book;
    const struct ese_history_record *record = page->record;
    if (record->kind == ESE_HISTORY_FOUND)
        ese_book_share_key(book, ese_history_read_key(page->reader));
    if (record->kind == ESE_HISTORY_STORED) {
        ese_book_note_beginning(book, &(struct ese_book_beginning){
            .partition = record->partition, .offset = record->a});
        if (!book->has_no_places)
            note_place(book, record);
    }
    if (record->kind != ESE_HISTORY_OFFERED)
        return;
    if (book->begun_ns == 0 || record->time_ns < book->begun_ns)
        book->begun_ns = record->time_ns;
    if (record->time_ns > book->last_due_ns)
        book->last_due_ns = record->time_ns;
}

void ese_book_take(const struct ese_book_page *page)
{
    const struct ese_history_record *record = page->record;
    note_for_all(page);
    if (readers[record->kind] != NULL && is_wanted(page->book, record) &&
        !is_passed_over(page->book, record))
        readers[record->kind](page);
    ese_book_turns_note(page);
}
