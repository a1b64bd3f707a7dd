#include "orchestration/lab/book.h"

#include <stdarg.h>

#include "ese-core/memory.h"
#include "orchestration/lab/artifacts.h"

/* ---- numbers for ids, keys and runs ---------------------------------------------------------- */

static uint64_t id_hash(const struct ese_id *id)
{
    uint64_t halves[2];
    memcpy(halves, id->bytes, sizeof halves);
    return ese_number_mix(halves[0] ^ ese_number_mix(halves[1]));
}

static uint64_t entry_hash(const void *book, uint32_t number)
{
    return id_hash(&((const struct ese_book *)book)->entries[number].id);
}

static bool entry_same(const void *book, uint32_t number, const void *id)
{
    return ese_id_equal(&((const struct ese_book *)book)->entries[number].id, id);
}

static uint64_t key_hash(const void *book, uint32_t number)
{
    return ese_number_mix(ese_event_key_hash(((const struct ese_book *)book)->keys[number]));
}

static bool key_same(const void *book, uint32_t number, const void *key)
{
    return strcmp(((const struct ese_book *)book)->keys[number], key) == 0;
}

uint32_t ese_book_find(const struct ese_book *book, const struct ese_id *id)
{
    return ese_number_table_find(&book->entry_table, book, id_hash(id), id);
}

/* The entry of that id; a new one when nobody has spoken of it yet. Valid until the next call. */
static struct ese_book_entry *entry_of(struct ese_book *book, const struct ese_id *id)
{
    uint32_t number = ese_book_find(book, id);
    if (number != ESE_BOOK_NONE)
        return &book->entries[number];
    if (book->count == book->size) {
        book->size = book->size == 0 ? 4096 : book->size * 2;
        book->entries = ese_realloc_array(book->entries, book->size, sizeof *book->entries);
    }
    number = book->count++;
    book->entries[number] = (struct ese_book_entry){.id = *id, .key = ESE_BOOK_NONE};
    ese_number_table_add(&book->entry_table, book, number);
    return &book->entries[number];
}

static uint32_t key_number(struct ese_book *book, const char *key)
{
    uint64_t hash = ese_number_mix(ese_event_key_hash(key));
    uint32_t number = ese_number_table_find(&book->key_table, book, hash, key);
    if (number != ESE_NUMBER_NONE)
        return number;
    if (book->key_count == book->key_size) {
        book->key_size = book->key_size == 0 ? 256 : book->key_size * 2;
        book->keys = ese_realloc_array(book->keys, book->key_size, sizeof *book->keys);
    }
    number = book->key_count++;
    book->keys[number] = ese_copy_text(key);
    ese_number_table_add(&book->key_table, book, number);
    return number;
}

/* A run is a client process: few, so a list will do. */
static uint16_t run_number(struct ese_book *book, const struct ese_id *id)
{
    uint32_t run = ese_id_read(id).run;
    for (uint32_t i = book->run_count; i > 0; i--) {
        if (book->runs[i - 1] == run)
            return (uint16_t)(i - 1);
    }
    book->runs = ese_realloc_array(book->runs, book->run_count + 1, sizeof *book->runs);
    book->runs[book->run_count] = run;
    return (uint16_t)book->run_count++;
}

/* ---- what each record says ------------------------------------------------------------------- */

struct page {
    struct ese_book *book;
    const struct ese_history_reader *reader;
    const struct ese_history_record *record;
};

static void read_offered(const struct page *page)
{
    const struct ese_history_record *record = page->record;
    struct ese_book_entry *entry = entry_of(page->book, &record->id);
    if (entry->due_ns != 0) {
        page->book->contradictions++;
        return;
    }
    const char *sub_type = ese_history_read_word(page->reader, (uint16_t)(record->b & 0xFFFF));
    entry->due_ns = record->time_ns;
    entry->client_ts = record->a;
    entry->key = key_number(page->book, ese_history_read_key(page->reader));
    entry->run = run_number(page->book, &record->id);
    entry->is_key_press = strcmp(sub_type, ESE_SUB_TYPE_KEY_PRESS) == 0;
    page->book->offered++;
}

static void read_sent(const struct page *page)
{
    struct ese_book_entry *entry = entry_of(page->book, &page->record->id);
    page->book->contradictions += entry->due_ns == 0;
    entry->sent_ns = page->record->time_ns;
}

static void read_outcome(const struct page *page)
{
    struct ese_book_entry *entry = entry_of(page->book, &page->record->id);
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

static void wait_for_commit(struct ese_book_waiting *waiting, uint32_t number)
{
    if (waiting->count == waiting->size) {
        waiting->size = waiting->size == 0 ? 1024 : waiting->size * 2;
        waiting->numbers =
            ese_realloc_array(waiting->numbers, waiting->size, sizeof *waiting->numbers);
    }
    waiting->numbers[waiting->count++] = number;
}

static void read_handed(const struct page *page)
{
    const struct ese_history_record *record = page->record;
    struct ese_book_entry *entry = entry_of(page->book, &record->id);
    if (entry->handings++ > 0)
        return;
    entry->handed_ns = record->time_ns;
    entry->handed_partition = record->partition;
    entry->handed_offset = record->a;
    wait_for_commit(waiting_of(page->book, record->partition),
                    (uint32_t)(entry - page->book->entries));
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
    book->last_commit_ns = page->record->time_ns;
}

static void read_skipped(const struct page *page)
{
    page->book->skipped += page->record->b - page->record->a;
}

static void note_beginning(struct ese_book *book, int32_t partition, int64_t offset)
{
    for (size_t i = 0; i < book->beginning_count; i++) {
        if (book->beginnings[i].partition != partition)
            continue;
        if (offset < book->beginnings[i].offset)
            book->beginnings[i].offset = offset;
        return;
    }
    book->beginnings = ese_realloc_array(book->beginnings, book->beginning_count + 1,
                                         sizeof *book->beginnings);
    book->beginnings[book->beginning_count++] =
        (struct ese_book_beginning){.partition = partition, .offset = offset};
}

int64_t ese_book_beginning(const struct ese_book *book, int32_t partition)
{
    for (size_t i = 0; i < book->beginning_count; i++) {
        if (book->beginnings[i].partition == partition)
            return book->beginnings[i].offset;
    }
    return INT64_MAX;
}

static void read_stored(const struct page *page)
{
    const struct ese_history_record *record = page->record;
    note_beginning(page->book, record->partition, record->a);
    struct ese_book_entry *entry = entry_of(page->book, &record->id);
    if (entry->copies++ > 0)
        return;
    entry->stored_partition = record->partition;
    entry->stored_offset = record->a;
    entry->server_ts = record->b;
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
    [ESE_HISTORY_SKIPPED] = read_skipped,
    [ESE_HISTORY_STORED] = read_stored,
};

/* ---- reading the files ----------------------------------------------------------------------- */

void ese_book_note_missing(struct ese_book *book, const char *format, ...)
{
    if (book->missing[0] != '\0')
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(book->missing, sizeof book->missing, format, arguments);
    va_end(arguments);
}

/* A record is written before it is counted, so whoever is killed leaves as many, or more. */
static void check_counters(struct ese_book *book, const char *name,
                           struct ese_history_reader *reader,
                           const int64_t read[ESE_HISTORY_KINDS])
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
    };
    for (size_t i = 0; i < ESE_COUNT_OF(counted); i++) {
        int64_t count = ese_history_read_count(reader, counted[i].counter);
        if (count > read[counted[i].kind])
            ese_book_note_missing(book, "%s has lost records: it counts %lld %s, and tells of %lld",
                                  name, (long long)count, counted[i].words,
                                  (long long)read[counted[i].kind]);
    }
}

static void read_records(struct ese_book *book, const char *name, struct ese_history_reader *reader)
{
    struct ese_history_record record;
    struct ese_error error;
    struct page page = {.book = book, .reader = reader, .record = &record};
    int64_t read[ESE_HISTORY_KINDS] = {0};
    int said;
    while ((said = ese_history_read_next(reader, &record, &error)) == 1) {
        read[record.kind]++;
        if (readers[record.kind] != NULL)
            readers[record.kind](&page);
    }
    int64_t cut = ese_history_read_cut(reader);
    if (ese_history_read_truncated(reader))
        ese_book_note_missing(book, "%s met its limit and stopped recording", name);
    if (cut > 0)
        ese_book_note_missing(book, "%s was cut short: its last %lld records are gone", name,
                              (long long)cut);
    if (said == -1)
        ese_book_note_missing(book, "%s is damaged: %.120s", name, error.text);
    check_counters(book, name, reader, read);
    if (book->wall_offset_ns == 0)
        book->wall_offset_ns = ese_history_read_wall_offset_ns(reader);
}

static int read_history(struct ese_book *book, const char *directory, const char *name,
                        struct ese_error *error)
{
    char path[ESE_ARTIFACT_PATH_SIZE];
    struct ese_history_reader *reader;
    if (ese_artifact_path(directory, name, path, error) == -1 ||
        ese_history_read_open(path, &reader, error) == -1)
        return -1;
    read_records(book, name, reader);
    ese_history_read_close(&reader);
    return 0;
}

static int by_key(const void *a, const void *b, void *context)
{
    const struct ese_book *book = context;
    uint32_t number = *(const uint32_t *)a, other_number = *(const uint32_t *)b;
    const struct ese_book_entry *entry = &book->entries[number];
    const struct ese_book_entry *other = &book->entries[other_number];
    if (entry->key != other->key)
        return entry->key < other->key ? -1 : 1;
    if (entry->run != other->run)
        return entry->run < other->run ? -1 : 1;
    uint32_t sequence = ese_id_read(&entry->id).sequence;
    uint32_t other_sequence = ese_id_read(&other->id).sequence;
    if (sequence != other_sequence)
        return sequence < other_sequence ? -1 : 1;
    return number < other_number ? -1 : number > other_number;
}

static void sort_by_key(struct ese_book *book)
{
    book->by_key = ese_alloc_array((size_t)book->offered + 1, sizeof *book->by_key);
    uint32_t at = 0;
    for (uint32_t i = 0; i < book->count; i++) {
        if (book->entries[i].due_ns != 0)
            book->by_key[at++] = i;
    }
    qsort_r(book->by_key, at, sizeof *book->by_key, by_key, book);
}

int ese_book_read(const char *directory, struct ese_book *book, struct ese_error *error)
{
    *book = (struct ese_book){
        .entry_table = {.hash = entry_hash, .same = entry_same},
        .key_table = {.hash = key_hash, .same = key_same},
    };
    if (read_history(book, directory, ESE_ARTIFACT_CLIENT_HISTORY, error) == -1)
        return -1;
    static const char *const others[] = {ESE_ARTIFACT_CONSUMER_HISTORY, ESE_ARTIFACT_STORE_HISTORY,
                                         ESE_ARTIFACT_MAILER_HISTORY};
    for (size_t i = 0; i < ESE_COUNT_OF(others); i++) {
        struct ese_error trouble;
        if (read_history(book, directory, others[i], &trouble) == -1)
            ese_book_note_missing(book, "%.180s", trouble.text);
    }
    if (book->contradictions > 0)
        ese_book_note_missing(book, "%lld records of the client's history contradict each other",
                              (long long)book->contradictions);
    sort_by_key(book);
    return 0;
}

void ese_book_free(struct ese_book *book)
{
    for (uint32_t i = 0; i < book->key_count; i++)
        free(book->keys[i]);
    for (size_t i = 0; i < book->waiting_count; i++)
        free(book->waiting[i].numbers);
    free(book->keys);
    free(book->waiting);
    free(book->beginnings);
    free(book->entries);
    free(book->by_key);
    free(book->runs);
    ese_number_table_free(&book->entry_table);
    ese_number_table_free(&book->key_table);
    *book = (struct ese_book){.count = 0};
}

enum ese_history_kind ese_book_outcome(const struct ese_book_entry *entry)
{
    if (entry->outcome != 0)
        return entry->outcome;
    return entry->sent_ns != 0 ? ESE_HISTORY_UNKNOWN : ESE_HISTORY_NOT_SENT;
}
