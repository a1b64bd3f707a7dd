#include "orchestration/lab/book.h"

#include <stdarg.h>

#include "ese-core/memory.h"
#include "orchestration/lab/book_fates.h"

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

struct ese_book_entry *ese_book_entry(struct ese_book *book, const struct ese_id *id)
{
    uint32_t number = ese_book_find(book, id);
    if (number != ESE_BOOK_NONE)
        return &book->entries[number];
    if (book->count == book->size) {
        book->size = book->size == 0 ? 4096 : book->size * 2;
        book->entries = ese_realloc_array(book->entries, book->size, sizeof *book->entries);
    }
    number = book->count++;
    book->entries[number] = (struct ese_book_entry){.id = *id, .key = ESE_BOOK_NONE,
                                                    .taken_by = ESE_BOOK_NONE};
    ese_number_table_add(&book->entry_table, book, number);
    return &book->entries[number];
}

uint32_t ese_book_key(struct ese_book *book, const char *key)
{
    uint64_t hash = ese_number_mix(ese_event_key_hash(key));
    uint32_t number = ese_number_table_find(&book->key_table, book, hash, key);
    if (number != ESE_NUMBER_NONE)
        return number;
    if (book->key_count == book->key_size) {
        book->key_size = book->key_size == 0 ? 256 : book->key_size * 2;
        book->keys = ese_realloc_array(book->keys, book->key_size, sizeof *book->keys);
        book->are_strangers =
            ese_realloc_array(book->are_strangers, book->key_size, sizeof *book->are_strangers);
    }
    number = book->key_count++;
    book->are_strangers[number] = false;
    book->keys[number] = ese_copy_text(key);
    ese_number_table_add(&book->key_table, book, number);
    return number;
}

void ese_book_share_key(struct ese_book *book, const char *key)
{
    uint32_t number = ese_book_key(book, key); /* which may move them */
    book->are_strangers[number] = true;
}

/* A run is a client process: few, so a list will do. */
uint16_t ese_book_run(struct ese_book *book, const struct ese_id *id)
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

enum ese_book_kind ese_book_kind_of(const char *sub_type)
{
    static const char *const sub_types[ESE_BOOK_KINDS] = {
        [ESE_BOOK_KEY_PRESS] = ESE_SUB_TYPE_KEY_PRESS,
        [ESE_BOOK_CREATED] = ESE_SUB_TYPE_CREATED,
        [ESE_BOOK_COMPLETED] = ESE_SUB_TYPE_COMPLETED};
    enum ese_book_kind kind = ESE_BOOK_KINDS - 1;
    while (kind > ESE_BOOK_OTHER && strcmp(sub_types[kind], sub_type) != 0)
        kind--;
    return kind;
}

/* ---- order -----------------------------------------------------------------------------------*/

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

/* A rule has seen theirs among the run's own, in an order that nobody knows. */
static void look_for_strangers(struct ese_book *book)
{
    for (uint32_t i = 0; i < book->offered; i++) {
        uint32_t key = book->entries[book->by_key[i]].key;
        if (book->are_strangers[key]) {
            ese_book_note_missing(book, "strangers have sent events of the run's own keys, as of '%.60s': which mails "
                                  "those had to give cannot be told; keep them apart", book->keys[key]);
            return;
        }
    }
}

void ese_book_begin(struct ese_book *book, const struct ese_promises *promises)
{
    *book = (struct ese_book){
        .entry_table = {.hash = entry_hash, .same = entry_same},
        .key_table = {.hash = key_hash, .same = key_same},
        .followed_ns = INT64_MAX,
        .cut_ns = INT64_MAX,
        .has_no_places = !promises->positions_survive,
        .tells_losses = promises->tells_losses,
    };
}

void ese_book_end(struct ese_book *book)
{
    if (book->contradictions > 0)
        ese_book_note_missing(book, "%lld records of the client's history contradict each other: is it one run's?",
                              (long long)book->contradictions);
    ese_book_fates_end(book);
    sort_by_key(book);
    look_for_strangers(book);
}

void ese_book_cut(struct ese_book *book, int64_t until_ns)
{
    book->cut_ns = until_ns;
    for (uint32_t i = 0; i < book->count; i++)
        book->entries[i].is_out = book->entries[i].due_ns > until_ns;
}

void ese_book_mails_add(struct ese_book_mails *mails, const struct ese_book_mail *mail)
{
    if (mails->count == mails->size) {
        mails->size = mails->size == 0 ? 64 : mails->size * 2;
        mails->mails = ese_realloc_array(mails->mails, mails->size, sizeof *mails->mails);
    }
    mails->mails[mails->count++] = *mail;
}

void ese_book_add_clock(struct ese_book *book, const struct ese_book_clock *clock)
{
    book->clocks = ese_realloc_array(book->clocks, book->clock_count + 1, sizeof *book->clocks);
    book->clocks[book->clock_count++] = *clock;
}

void ese_book_settle(struct ese_book *book, const struct ese_book_lane *lane)
{
    for (size_t i = 0; i < book->settled_count; i++) {
        struct ese_book_lane *known = &book->settled[i];
        if (known->run != lane->run || known->lane != lane->lane)
            continue;
        if (lane->sequence > known->sequence)
            known->sequence = lane->sequence;
        return;
    }
    book->settled = ese_realloc_array(book->settled, book->settled_count + 1, sizeof *book->settled);
    book->settled[book->settled_count++] = *lane;
}

bool ese_book_is_settled(const struct ese_book *book, const struct ese_id *id)
{
    if (!ese_id_is_ours(id)) /* it is of no lane */
        return false;
    struct ese_id_parts parts = ese_id_read(id);
    for (size_t i = 0; i < book->settled_count; i++) {
        const struct ese_book_lane *lane = &book->settled[i];
        if (lane->run == parts.run && lane->lane == parts.lane)
            return parts.sequence <= lane->sequence;
    }
    return false;
}

void ese_book_note_missing(struct ese_book *book, const char *format, ...)
{
    if (book->missing[0] != '\0')
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(book->missing, sizeof book->missing, format, arguments);
    va_end(arguments);
}

void ese_book_note_unread(struct ese_book *book, const char *format, ...)
{
    char *reason = book->is_running ? book->unread : book->missing;
    if (reason[0] != '\0')
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, sizeof book->unread, format, arguments);
    va_end(arguments);
}

void ese_book_free(struct ese_book *book)
{
    for (uint32_t i = 0; i < book->key_count; i++)
        free(book->keys[i]);
    for (size_t i = 0; i < book->waiting_count; i++)
        free(book->waiting[i].numbers);
    free(book->keys);
    free(book->are_strangers);
    free(book->waiting);
    free(book->turns);
    free(book->beginnings);
    free(book->skips);
    free(book->lasts);
    free(book->entries);
    free(book->by_key);
    free(book->runs);
    free(book->places);
    free(book->clocks);
    free(book->settled);
    free(book->sent.mails);
    free(book->arrived.mails);
    ese_number_table_free(&book->entry_table);
    ese_number_table_free(&book->key_table);
    *book = (struct ese_book){.count = 0};
}

/* Of two that say the same of a partition: found is the lowest one, forgotten the most. */
static bool says_more(const struct ese_book_beginning *beginning, const struct ese_book_beginning *known)
{
    if (beginning->is_told != known->is_told)
        return beginning->is_told;
    return beginning->is_told ? beginning->offset > known->offset : beginning->offset < known->offset;
}

void ese_book_note_beginning(struct ese_book *book, const struct ese_book_beginning *beginning)
{
    book->tells_beginnings |= beginning->is_told;
    for (size_t i = 0; i < book->beginning_count; i++) {
        if (book->beginnings[i].partition != beginning->partition)
            continue;
        if (says_more(beginning, &book->beginnings[i]))
            book->beginnings[i] = *beginning;
        return;
    }
    book->beginnings = ese_realloc_array(book->beginnings, book->beginning_count + 1,
                                         sizeof *book->beginnings);
    book->beginnings[book->beginning_count++] = *beginning;
}

int64_t ese_book_beginning(const struct ese_book *book, int32_t partition)
{
    for (size_t i = 0; i < book->beginning_count; i++) {
        if (book->beginnings[i].partition == partition)
            return book->beginnings[i].offset;
    }
    return book->tells_beginnings ? 0 : INT64_MAX;
}

bool ese_book_has_place(const struct ese_book_entry *entry)
{
    return entry->copies > 0 || entry->has_left;
}

int32_t ese_book_partition(const struct ese_book_entry *entry)
{
    return entry->copies > 0 ? entry->stored_partition : entry->handed_partition;
}

int64_t ese_book_offset(const struct ese_book_entry *entry)
{
    return entry->copies > 0 ? entry->stored_offset : entry->handed_offset;
}

bool ese_book_is_strangers(const struct ese_book_entry *entry)
{
    return entry->due_ns == 0 && !ese_id_is_ours(&entry->id);
}

enum ese_history_kind ese_book_outcome(const struct ese_book_entry *entry)
{
    if (entry->outcome != 0)
        return entry->outcome;
    return entry->sent_ns != 0 ? ESE_HISTORY_UNKNOWN : ESE_HISTORY_NOT_SENT;
}
