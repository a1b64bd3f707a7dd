/* Reading histories into a book: what each record says. */
#include <dirent.h>
#include <fnmatch.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "orchestration/lab/artifacts.h"
#include "orchestration/lab/book.h"

#define SOURCES_MOST 64

/* A history that is being read, and the record it has come to. */
struct source {
    char name[ESE_BOOK_NAME_SIZE];
    struct ese_history_reader *reader;
    struct ese_history_record record;
    int said; /* of ese_history_read_next */
    int64_t read[ESE_HISTORY_KINDS];
};

struct page {
    struct ese_book *book;
    const char *name;
    const struct ese_history_reader *reader;
    const struct ese_history_record *record;
};

/* ---- what each record says -------------------------------------------------------------------- */

static void read_offered(const struct page *page)
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
    entry->is_key_press = strcmp(sub_type, ESE_SUB_TYPE_KEY_PRESS) == 0;
    page->book->offered++;
}

/* An event that left the book has had its last word from the client. */
static bool is_of_the_past(const struct page *page)
{
    const struct ese_id *id = &page->record->id;
    return ese_book_find(page->book, id) == ESE_BOOK_NONE && ese_book_is_settled(page->book, id);
}

static void read_sent(const struct page *page)
{
    if (is_of_the_past(page))
        return;
    struct ese_book_entry *entry = ese_book_entry(page->book, &page->record->id);
    page->book->contradictions += entry->due_ns == 0;
    entry->sent_ns = page->record->time_ns;
}

static void read_outcome(const struct page *page)
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
}

static struct ese_book_waiting *waiting_of(struct ese_book *book, int32_t partition)
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
    struct ese_book_waiting *waiting = waiting_of(book, book->entries[number].handed_partition);
    if (waiting->count == waiting->size) {
        waiting->size = waiting->size == 0 ? 1024 : waiting->size * 2;
        waiting->numbers =
            ese_realloc_array(waiting->numbers, waiting->size, sizeof *waiting->numbers);
    }
    waiting->numbers[waiting->count++] = number;
}

/* Without places in the store, a further handing counts as long as none was committed: it may be
 * that of another reader, which numbers anew. */
static void read_handed(const struct page *page)
{
    const struct ese_history_record *record = page->record;
    struct ese_book_entry *entry = ese_book_entry(page->book, &record->id);
    bool is_first = entry->handings++ == 0;
    if (!is_first && (!page->book->has_no_places || entry->committed_ns != 0))
        return;
    if (is_first)
        entry->handed_ns = record->time_ns;
    entry->handed_partition = record->partition;
    entry->handed_offset = record->a;
    ese_book_wait(page->book, (uint32_t)(entry - page->book->entries));
}

/* Everything of the partition that was handed before, and lies below the committed position, is
 * committed now; the rest goes on waiting. */
static void read_committed(const struct page *page)
{
    struct ese_book *book = page->book;
    struct ese_book_waiting *waiting = waiting_of(book, page->record->partition);
    size_t left = 0;
    for (size_t i = 0; i < waiting->count; i++) {
        struct ese_book_entry *entry = &book->entries[waiting->numbers[i]];
        if (entry->handed_offset < page->record->a)
            entry->committed_ns = page->record->time_ns;
        else
            waiting->numbers[left++] = waiting->numbers[i];
    }
    waiting->count = left;
}

/* A reader without places begins anew, and will not commit what another one was handed. */
static void read_given(const struct page *page)
{
    struct ese_book *book = page->book;
    struct ese_book_waiting *waiting = waiting_of(book, page->record->partition);
    if (!book->has_no_places)
        return;
    for (size_t i = 0; i < waiting->count; i++)
        book->entries[waiting->numbers[i]].handed_offset = ESE_BOOK_NOWHERE;
    waiting->count = 0;
}

static void read_skipped(const struct page *page)
{
    int64_t count = page->record->b - page->record->a;
    if (strcmp(page->name, ESE_ARTIFACT_STORE_HISTORY) == 0) /* its follower came too late */
        ese_book_note_missing(page->book, "the store forgot %lld events before they were looked at",
                              (long long)count);
    else if (strcmp(page->name, ESE_ARTIFACT_INBOX_HISTORY) == 0) /* so has the inbox's */
        ese_book_note_missing(page->book, "mails in the inbox were passed over, as they could not be read");
    else
        page->book->skipped += count;
}

static void read_stored(const struct page *page)
{
    const struct ese_history_record *record = page->record;
    ese_book_note_beginning(page->book, record->partition, record->a);
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

static void read_kept(const struct page *page)
{
    if (is_of_the_past(page))
        return;
    struct ese_book_entry *entry = ese_book_entry(page->book, &page->record->id);
    entry->fate = ESE_BOOK_KEPT;
    entry->kept_ns = page->record->time_ns;
    entry->kept_life = page->book->lives;
    entry->server_ts = page->record->a;
}

/* One that nobody knows has left the book, and was counted. */
static void note_fate(const struct page *page, enum ese_book_fate fate)
{
    uint32_t number = ese_book_find(page->book, &page->record->id);
    if (number != ESE_BOOK_NONE)
        page->book->entries[number].fate = fate;
}

static void read_overwritten(const struct page *page)
{
    note_fate(page, ESE_BOOK_OVERWRITTEN);
}

static void read_expired(const struct page *page)
{
    note_fate(page, ESE_BOOK_EXPIRED);
}

static void read_begun_empty(const struct page *page)
{
    page->book->lives++;
}

static void read_mail_sent(const struct page *page)
{
    ese_book_mails_add(&page->book->sent, &(struct ese_book_mail){
        .decision = page->record->id, .time_ns = page->record->time_ns});
}

static void read_mail_arrived(const struct page *page)
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

static void (*const readers[ESE_HISTORY_KINDS])(const struct page *) = {
    [ESE_HISTORY_OFFERED] = read_offered,
    [ESE_HISTORY_SENT] = read_sent,
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
    [ESE_HISTORY_KEPT] = read_kept,
    [ESE_HISTORY_OVERWRITTEN] = read_overwritten,
    [ESE_HISTORY_EXPIRED] = read_expired,
    [ESE_HISTORY_BEGUN_EMPTY] = read_begun_empty,
};

/* ---- whether there is room ------------------------------------------------------------------- */

/* What is told of an event that is not in a full book. */
static bool is_passed_over(struct ese_book *book, const struct ese_history_record *record)
{
    static const bool makes_entry[ESE_HISTORY_KINDS] = {
        [ESE_HISTORY_OFFERED] = true, [ESE_HISTORY_SENT] = true, [ESE_HISTORY_ACKNOWLEDGED] = true,
        [ESE_HISTORY_REFUSED] = true, [ESE_HISTORY_UNKNOWN] = true, [ESE_HISTORY_NOT_SENT] = true,
        [ESE_HISTORY_HANDED] = true, [ESE_HISTORY_STORED] = true, [ESE_HISTORY_KEPT] = true};
    bool has_room = book->most == 0 || book->count < book->most;
    if (has_room || !makes_entry[record->kind] || ese_book_find(book, &record->id) != ESE_BOOK_NONE)
        return false;
    book->is_full = true;
    ese_book_note_missing(book, "more than %u events had not settled at once, and not all of "
                                "them were followed", book->most);
    return true;
}

/* ---- whether it was all ---------------------------------------------------------------------- */

/* A record is written before it is counted, so whoever is killed leaves as many, or more. */
static void check_counters(struct ese_book *book, const struct source *source)
{
    static const struct {
        enum ese_history_kind kind;
        enum ese_history_counter counter;
        const char *words;
    } counted[] = {
        {ESE_HISTORY_OFFERED, ESE_COUNT_OFFERED, "events offered"},
        {ESE_HISTORY_ACKNOWLEDGED, ESE_COUNT_ACKNOWLEDGED, "events acknowledged"},
        {ESE_HISTORY_REFUSED, ESE_COUNT_REFUSED, "events refused"},
        {ESE_HISTORY_UNKNOWN, ESE_COUNT_UNKNOWN, "events of unknown outcome"},
        {ESE_HISTORY_NOT_SENT, ESE_COUNT_NOT_SENT, "events not sent"},
        {ESE_HISTORY_HANDED, ESE_COUNT_HANDED, "events handed on"},
        {ESE_HISTORY_DECIDED, ESE_COUNT_DECIDED, "decisions"},
        {ESE_HISTORY_MAIL_ASKED, ESE_COUNT_MAILS_ASKED, "mails asked for"},
        {ESE_HISTORY_MAIL_SENT, ESE_COUNT_MAILS_SENT, "mails sent"},
        {ESE_HISTORY_MAIL_DEAD, ESE_COUNT_MAILS_DEAD, "dead letters"},
        {ESE_HISTORY_STORED, ESE_COUNT_STORED, "events read back"},
        {ESE_HISTORY_KEPT, ESE_COUNT_KEPT, "events kept"},
        {ESE_HISTORY_OVERWRITTEN, ESE_COUNT_OVERWRITTEN, "events overwritten"},
        {ESE_HISTORY_EXPIRED, ESE_COUNT_EXPIRED, "events expired"},
    };
    for (size_t i = 0; i < ESE_COUNT_OF(counted); i++) {
        int64_t count = ese_history_read_count(source->reader, counted[i].counter);
        if (count > source->read[counted[i].kind])
            ese_book_note_missing(book, "%s has lost records: it counts %lld %s, and tells of %lld",
                                  source->name, (long long)count, counted[i].words,
                                  (long long)source->read[counted[i].kind]);
    }
}

/* What a history that was read to its end says of itself. */
static void check_source(struct ese_book *book, const struct source *source)
{
    const char *name = source->name;
    int64_t cut = ese_history_read_cut(source->reader);
    if (ese_history_read_truncated(source->reader))
        ese_book_note_missing(book, "%s met its limit or a full disk and stopped recording", name);
    if (cut > 0)
        ese_book_note_missing(book, "%s was cut short: its last %lld records are gone", name,
                              (long long)cut);
    if (ese_history_read_lost(source->reader))
        ese_book_note_missing(book, "%s has lost segments that were not read yet", name);
    if (!book->is_running) /* who goes on writing counts more than was read */
        check_counters(book, source);
}

/* ---- from history to history ----------------------------------------------------------------- */

static struct ese_book_place *place_of(struct ese_book *book, const char *name)
{
    for (size_t i = 0; i < book->place_count; i++) {
        if (strcmp(book->places[i].name, name) == 0)
            return &book->places[i];
    }
    book->places = ese_realloc_array(book->places, book->place_count + 1, sizeof *book->places);
    struct ese_book_place *place = &book->places[book->place_count++];
    *place = (struct ese_book_place){.position = {.segment = 0}};
    ese_fit_text(place->name, sizeof place->name, name);
    return place;
}

/* Of a clock that was not met before. */
static int64_t apart_ns(struct ese_book *book, const struct ese_history_clock *clock)
{
    if (book->wall_offset_ns == 0)
        book->wall_offset_ns = clock->wall_offset_ns;
    const struct ese_history_clock books = {.wall_offset_ns = book->wall_offset_ns};
    return ese_history_clock_is_same(&books, clock) ? 0
                                                    : clock->wall_offset_ns - book->wall_offset_ns;
}

int64_t ese_book_time(struct ese_book *book, int64_t time_ns, const struct ese_history_clock *clock)
{
    for (size_t i = 0; i < book->clock_count; i++) {
        if (book->clocks[i].boot == clock->boot)
            return time_ns + book->clocks[i].apart_ns;
    }
    const struct ese_book_clock new = {.boot = clock->boot, .apart_ns = apart_ns(book, clock)};
    if (new.boot != 0)
        ese_book_add_clock(book, &new);
    return time_ns + new.apart_ns;
}

static void advance(struct ese_book *book, struct source *source)
{
    struct ese_error error;
    source->said = ese_history_read_next(source->reader, &source->record, &error);
    const struct ese_history_clock clock = ese_history_read_clock(source->reader);
    if (source->said == 1)
        source->record.time_ns = ese_book_time(book, source->record.time_ns, &clock);
    if (source->said == -1)
        ese_book_note_missing(book, "%s is damaged: %.120s", source->name, error.text);
}

/* Goes on behind what was read before; where that was another history, at the beginning of this one. */
static int go_on(struct ese_book *book, struct source *source, struct ese_error *error)
{
    const struct ese_book_place *place = place_of(book, source->name);
    struct ese_history_position from = {.segment = 0};
    if (ese_history_read_seek(source->reader, &place->position, error) == 0) {
        const struct ese_id id = ese_history_read_id(source->reader);
        if (!ese_history_is_other(&id, &place->history))
            return 0;
        from.segment = ese_history_read_position(source->reader).segment;
    } else if (error->code != ESE_E_INVALID) {
        return -1;
    }
    ese_book_note_missing(book, "%s is another history than the one that was read before: what more "
                          "that one held is not known", source->name);
    return ese_history_read_seek(source->reader, &from, error);
}

static int open_source(struct ese_book *book, const char *path, struct source *source,
                       struct ese_error *error)
{
    *source = (struct source){.reader = NULL};
    ese_fit_text(source->name, sizeof source->name, strrchr(path, '/') + 1);
    if (ese_history_read_open(path, &source->reader, error) == -1)
        return -1;
    if (book->is_running && go_on(book, source, error) == -1) {
        ese_history_read_close(&source->reader);
        return -1;
    }
    return 0;
}

static void close_source(struct ese_book *book, struct source *source)
{
    check_source(book, source);
    if (book->is_running) {
        struct ese_book_place *place = place_of(book, source->name);
        place->position = ese_history_read_position(source->reader);
        place->history = ese_history_read_id(source->reader);
    }
    ese_history_read_close(&source->reader);
}

/* The one whose next record is the earliest, or NULL when none has any. */
static struct source *earliest(struct source *sources, size_t count)
{
    struct source *found = NULL;
    for (size_t i = 0; i < count; i++) {
        if (sources[i].said == 1 &&
            (found == NULL || sources[i].record.time_ns < found->record.time_ns))
            found = &sources[i];
    }
    return found;
}

static void read_sources(struct ese_book *book, struct source *sources, size_t count)
{
    for (size_t i = 0; i < count; i++)
        advance(book, &sources[i]);
    for (struct source *next; (next = earliest(sources, count)) != NULL; advance(book, next)) {
        const struct page page = {
            .book = book, .name = next->name, .reader = next->reader, .record = &next->record};
        next->read[next->record.kind]++;
        if (readers[next->record.kind] != NULL && !is_passed_over(book, &next->record))
            readers[next->record.kind](&page);
    }
    for (size_t i = 0; i < count; i++)
        close_source(book, &sources[i]);
}

/* Opens the histories whose names match. One that cannot be read leaves the others readable, is noted,
 * and trouble says why. Returns how many can be. */
static int open_sources(struct ese_book *book, const char *directory, const char *pattern,
                        struct source sources[SOURCES_MOST], struct ese_error *trouble)
{
    struct dirent **names = NULL;
    int found = scandir(directory, &names, NULL, alphasort), count = 0;
    for (int i = 0; i < found; i++) {
        char path[ESE_ARTIFACT_PATH_SIZE];
        const char *name = names[i]->d_name;
        bool is_wanted = fnmatch(pattern, name, 0) == 0;
        if (is_wanted && count == SOURCES_MOST)
            ese_book_note_missing(book, "%.60s is one history too many: %d are read", name, SOURCES_MOST);
        else if (is_wanted && ese_artifact_path(directory, name, path, trouble) == 0 &&
                 open_source(book, path, &sources[count], trouble) == 0)
            count++;
        else if (is_wanted)
            ese_book_note_unread(book, "%.60s cannot be read: %.120s", name, trouble->text);
        free(names[i]);
    }
    free(names);
    return count;
}

int ese_book_read_party(struct ese_book *book, const char *directory, const char *name,
                        struct ese_error *error)
{
    struct source sources[SOURCES_MOST];
    struct ese_error trouble = {.code = ESE_OK};
    int count = open_sources(book, directory, name, sources, &trouble);
    if (count == 0 && trouble.code != ESE_OK)
        return ese_fail(error, trouble.code, "%s", trouble.text);
    if (count == 0)
        return ese_fail(error, ESE_E_MISSING, "there is no history %s/%s", directory, name);
    read_sources(book, sources, (size_t)count);
    return 0;
}

int ese_book_read(const char *directory, const struct ese_promises *promises, struct ese_book *book,
                  struct ese_error *error)
{
    ese_book_begin(book, promises);
    if (ese_book_read_party(book, directory, ESE_ARTIFACT_CLIENT_HISTORY, error) == -1)
        return -1;
    const char *const others[] = {ESE_BOOK_CONSUMERS, ESE_ARTIFACT_STORE_HISTORY,
                                  ESE_ARTIFACT_MAILER_HISTORY,
                                  book->tells_losses ? ESE_ARTIFACT_SERVER_HISTORY : NULL};
    for (size_t i = 0; i < ESE_COUNT_OF(others) && others[i] != NULL; i++) {
        struct ese_error trouble;
        if (ese_book_read_party(book, directory, others[i], &trouble) == -1)
            ese_book_note_missing(book, "%.180s", trouble.text);
    }
    ese_book_end(book);
    return 0;
}
