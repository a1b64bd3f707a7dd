#include "orchestration/lab/fold_file.h"

#include <unistd.h>

#include "ese-core/memory.h"
#include "ese-core/sqlite.h"
#include "orchestration/lab/artifacts.h"
#include "orchestration/lab/fold_totals.h"

#define LANES_MOST "16384"  /* of which the newest are remembered */
#define ABSENT_MOST "10000"
#define CLOCKS_MOST "64"

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS total (name TEXT PRIMARY KEY, value);"
    "CREATE TABLE IF NOT EXISTS latency"
    " (name TEXT, value INTEGER, times INTEGER, PRIMARY KEY (name, value));"
    "CREATE TABLE IF NOT EXISTS place (name TEXT PRIMARY KEY, segment INTEGER, record INTEGER);"
    "CREATE TABLE IF NOT EXISTS history (name TEXT PRIMARY KEY, id BLOB);"
    "CREATE TABLE IF NOT EXISTS clock"
    " (number INTEGER PRIMARY KEY, boot INTEGER, apart_ns INTEGER);"
    "CREATE TABLE IF NOT EXISTS lane"
    " (number INTEGER PRIMARY KEY, run INTEGER, lane INTEGER, sequence INTEGER, UNIQUE (run, lane));"
    "CREATE TABLE IF NOT EXISTS beginning (partition INTEGER PRIMARY KEY, offset INTEGER);"
    "CREATE TABLE IF NOT EXISTS reader (partition INTEGER PRIMARY KEY, history TEXT);"
    "CREATE TABLE IF NOT EXISTS event (number INTEGER PRIMARY KEY, id BLOB, key TEXT,"
    " kind INTEGER, client_ts INTEGER, due_ns INTEGER, sent_ns INTEGER, done_ns INTEGER,"
    " outcome INTEGER, handed_ns INTEGER, committed_ns INTEGER, handings INTEGER,"
    " handed_partition INTEGER, handed_offset INTEGER, copies INTEGER, stored_partition INTEGER,"
    " stored_offset INTEGER, server_ts INTEGER);"
    "CREATE TABLE IF NOT EXISTS kept"
    " (id BLOB PRIMARY KEY, fate INTEGER, kept_ns INTEGER, kept_life INTEGER);"
    "CREATE TABLE IF NOT EXISTS mail (kind TEXT, decision BLOB, time_ns INTEGER, number INTEGER);"
    "CREATE TABLE IF NOT EXISTS absent (number INTEGER PRIMARY KEY, decision BLOB,"
    " is_unknown INTEGER, is_blamed INTEGER)";

struct ese_fold_file {
    struct ese_sqlite *database; /* NULL: there is none yet */
    int64_t version;             /* of what was loaded */
};

/* One row, or all of them, of one table. */
struct access {
    struct ese_fold_file *file;
    struct ese_evidence *evidence;
    struct ese_figures *totals;
};

/* ---- rows ------------------------------------------------------------------------------------ */

static struct ese_id column_id(struct ese_statement *row, int column)
{
    struct ese_id id = {{0}};
    size_t length;
    const void *bytes = ese_statement_column_bytes(row, column, &length);
    if (length == sizeof id.bytes)
        memcpy(id.bytes, bytes, sizeof id.bytes);
    return id;
}

static void read_total(const struct access *access, struct ese_statement *row)
{
    ese_fold_totals_read(&access->evidence->book, access->totals, row);
}

static void read_latency(const struct access *access, struct ese_statement *row)
{
    ese_fold_latencies_read(access->totals, row);
}

static void read_place(const struct access *access, struct ese_statement *row)
{
    struct ese_book *book = &access->evidence->book;
    book->places = ese_realloc_array(book->places, book->place_count + 1, sizeof *book->places);
    struct ese_book_place *place = &book->places[book->place_count++];
    ese_fit_text(place->name, sizeof place->name, ese_statement_column_text(row, 0));
    place->position.segment = ese_statement_column_number(row, 1);
    place->position.record = ese_statement_column_number(row, 2);
    place->history = column_id(row, 3);
}

static void read_clock(const struct access *access, struct ese_statement *row)
{
    ese_book_add_clock(&access->evidence->book, &(struct ese_book_clock){
        .boot = (uint64_t)ese_statement_column_number(row, 0),
        .apart_ns = ese_statement_column_number(row, 1)});
}

static void read_lane(const struct access *access, struct ese_statement *row)
{
    const struct ese_book_lane lane = {
        .run = (uint32_t)ese_statement_column_number(row, 0),
        .lane = (uint16_t)ese_statement_column_number(row, 1),
        .sequence = (uint32_t)ese_statement_column_number(row, 2)};
    ese_book_settle(&access->evidence->book, &lane);
}

static void read_beginning(const struct access *access, struct ese_statement *row)
{
    ese_book_note_beginning(&access->evidence->book, &(struct ese_book_beginning){
        .partition = (int32_t)ese_statement_column_number(row, 0),
        .offset = ese_statement_column_number(row, 1),
        .is_told = true});
}

static void read_reader(const struct access *access, struct ese_statement *row)
{
    ese_book_give(&access->evidence->book, (int32_t)ese_statement_column_number(row, 0),
                  ese_statement_column_text(row, 1));
}

static void read_event(const struct access *access, struct ese_statement *row)
{
    struct ese_book *book = &access->evidence->book;
    const struct ese_id id = column_id(row, 0);
    struct ese_book_entry *entry = ese_book_entry(book, &id);
    int64_t value[17];
    for (int i = 2; i < 17; i++)
        value[i] = ese_statement_column_number(row, i);
    *entry = (struct ese_book_entry){
        .id = id, .key = ESE_BOOK_NONE, .taken_by = ESE_BOOK_NONE,
        .kind = (uint8_t)((uint64_t)value[2] % ESE_BOOK_KINDS), .client_ts = value[3],
        .due_ns = value[4], .sent_ns = value[5], .done_ns = value[6], .outcome = (uint16_t)value[7],
        .handed_ns = value[8], .committed_ns = value[9], .handings = (uint32_t)value[10],
        .handed_partition = (int32_t)value[11], .handed_offset = value[12],
        .copies = (uint32_t)value[13], .stored_partition = (int32_t)value[14],
        .stored_offset = value[15], .server_ts = value[16]};
    uint32_t number = (uint32_t)(entry - book->entries);
    if (entry->due_ns != 0) { /* else nobody of the run offered it */
        uint32_t key = ese_book_key(book, ese_statement_column_text(row, 1));
        uint16_t run = ese_book_run(book, &id);
        book->entries[number].key = key;
        book->entries[number].run = run;
        book->offered++;
    } else if (ese_statement_column_text(row, 1)[0] != '\0') { /* nor what strangers have sent */
        uint32_t key = ese_book_key(book, ese_statement_column_text(row, 1));
        book->entries[number].key = key;
        ese_book_share_key(book, book->keys[key]);
    }
    if (entry->handings > 0 && entry->committed_ns == 0 && entry->handed_offset != ESE_BOOK_NOWHERE)
        ese_book_wait(book, number);
}

/* Behind the events. */
static void read_kept(const struct access *access, struct ese_statement *row)
{
    const struct ese_id id = column_id(row, 0);
    struct ese_book_entry *entry = ese_book_entry(&access->evidence->book, &id);
    entry->fate = (enum ese_book_fate)ese_statement_column_number(row, 1);
    entry->kept_ns = ese_statement_column_number(row, 2);
    entry->kept_life = ese_statement_column_number(row, 3);
}

static void read_mail(const struct access *access, struct ese_statement *row)
{
    struct ese_book *book = &access->evidence->book;
    bool is_arrived = strcmp(ese_statement_column_text(row, 0), "arrived") == 0;
    const struct ese_book_mail mail = {.decision = column_id(row, 1),
                                       .time_ns = ese_statement_column_number(row, 2),
                                       .number = ese_statement_column_number(row, 3)};
    ese_book_mails_add(is_arrived ? &book->arrived : &book->sent, &mail);
}

static void read_absent(const struct access *access, struct ese_statement *row)
{
    ese_evidence_miss(access->evidence, &(struct ese_absent_mail){
        .decision = column_id(row, 0),
        .is_unknown = ese_statement_column_number(row, 1) != 0,
        .is_blamed = ese_statement_column_number(row, 2) != 0});
}

static const struct {
    const char *sql;
    void (*read)(const struct access *access, struct ese_statement *row);
    bool is_of_losses; /* there where a store tells them */
} tables[] = {
    {"SELECT name, value FROM total", read_total},
    {"SELECT name, value, times FROM latency", read_latency},
    {"SELECT name, segment, record, id FROM place LEFT JOIN history USING (name)", read_place},
    {"SELECT boot, apart_ns FROM clock ORDER BY number", read_clock},
    {"SELECT run, lane, sequence FROM lane", read_lane},
    {"SELECT partition, offset FROM beginning", read_beginning},
    {"SELECT partition, history FROM reader", read_reader, .is_of_losses = true},
    {"SELECT id, key, kind, client_ts, due_ns, sent_ns, done_ns, outcome, handed_ns,"
     " committed_ns, handings, handed_partition, handed_offset, copies, stored_partition,"
     " stored_offset, server_ts FROM event ORDER BY number", read_event},
    {"SELECT id, fate, kept_ns, kept_life FROM kept", read_kept, .is_of_losses = true},
    {"SELECT kind, decision, time_ns, number FROM mail ORDER BY rowid", read_mail},
    {"SELECT decision, is_unknown, is_blamed FROM absent ORDER BY number", read_absent},
};

static int read_tables(const struct access *access, struct ese_error *error)
{
    for (size_t i = 0; i < ESE_COUNT_OF(tables); i++) {
        if (tables[i].is_of_losses && !access->evidence->book.tells_losses)
            continue;
        struct ese_statement *rows = ese_statement_new(access->file->database, tables[i].sql);
        int said;
        while ((said = ese_statement_step(rows, error)) == 1)
            tables[i].read(access, rows);
        if (said == -1)
            return -1;
    }
    return 0;
}

bool ese_fold_file_has_moved(struct ese_fold_file *file)
{
    return file->database != NULL && ese_sqlite_version(file->database) != file->version;
}

int ese_fold_file_load(struct ese_fold_file *file, struct ese_evidence *evidence,
                       struct ese_figures *totals, struct ese_error *error)
{
    const struct access access = {.file = file, .evidence = evidence, .totals = totals};
    if (file->database == NULL)
        return 0;
    if (ese_sqlite_run(file->database, "BEGIN", error) == -1) /* one picture of all tables */
        return -1;
    int status = read_tables(&access, error);
    file->version = ese_sqlite_version(file->database);
    ese_sqlite_rollback(file->database);
    return status;
}

/* ---- writing --------------------------------------------------------------------------------- */

static int write_book(struct ese_fold_file *file, const struct ese_book *book,
                      struct ese_error *error)
{
    struct ese_statement *place = ese_statement_new(file->database,
                                                    "INSERT INTO place VALUES (?1, ?2, ?3)");
    struct ese_statement *history = ese_statement_new(file->database,
                                                      "INSERT INTO history VALUES (?1, ?2)");
    struct ese_statement *lane = ese_statement_new(
        file->database, "INSERT INTO lane (run, lane, sequence) VALUES (?1, ?2, ?3)");
    struct ese_statement *beginning = ese_statement_new(file->database,
                                                        "INSERT INTO beginning VALUES (?1, ?2)");
    int status = 0;
    for (size_t i = 0; status == 0 && i < book->place_count; i++) {
        ese_statement_text(place, 1, book->places[i].name);
        ese_statement_number(place, 2, book->places[i].position.segment);
        ese_statement_number(place, 3, book->places[i].position.record);
        ese_statement_text(history, 1, book->places[i].name);
        ese_statement_bytes(history, 2, book->places[i].history.bytes, sizeof(struct ese_id));
        if (ese_statement_run(place, error) == -1 || ese_statement_run(history, error) == -1)
            return -1;
    }
    for (size_t i = 0; status == 0 && i < book->settled_count; i++) {
        ese_statement_number(lane, 1, book->settled[i].run);
        ese_statement_number(lane, 2, book->settled[i].lane);
        ese_statement_number(lane, 3, book->settled[i].sequence);
        status = ese_statement_run(lane, error);
    }
    for (size_t i = 0; status == 0 && i < book->beginning_count; i++) {
        ese_statement_number(beginning, 1, book->beginnings[i].partition);
        ese_statement_number(beginning, 2, book->beginnings[i].offset);
        status = ese_statement_run(beginning, error);
    }
    return status;
}

static int write_readers(struct ese_fold_file *file, const struct ese_book *book,
                         struct ese_error *error)
{
    struct ese_statement *put = ese_statement_new(file->database, "INSERT INTO reader VALUES (?1, ?2)");
    for (size_t i = 0; i < book->waiting_count; i++) {
        ese_statement_number(put, 1, book->waiting[i].partition);
        ese_statement_text(put, 2, book->waiting[i].reader);
        if (ese_statement_run(put, error) == -1)
            return -1;
    }
    return 0;
}

static int write_clocks(struct ese_fold_file *file, const struct ese_book *book,
                        struct ese_error *error)
{
    struct ese_statement *put =
        ese_statement_new(file->database, "INSERT INTO clock (boot, apart_ns) VALUES (?1, ?2)");
    for (size_t i = 0; i < book->clock_count; i++) {
        ese_statement_number(put, 1, (int64_t)book->clocks[i].boot);
        ese_statement_number(put, 2, book->clocks[i].apart_ns);
        if (ese_statement_run(put, error) == -1)
            return -1;
    }
    return 0;
}

static int write_event(struct ese_statement *put, const struct ese_book *book,
                       const struct ese_book_entry *entry, struct ese_error *error)
{
    const int64_t value[] = {
        entry->kind, entry->client_ts, entry->due_ns, entry->sent_ns, entry->done_ns,
        entry->outcome, entry->handed_ns, entry->committed_ns, entry->handings,
        entry->handed_partition, entry->handed_offset, entry->copies, entry->stored_partition,
        entry->stored_offset, entry->server_ts};
    ese_statement_bytes(put, 1, entry->id.bytes, sizeof entry->id.bytes);
    ese_statement_text(put, 2, entry->key == ESE_BOOK_NONE ? NULL : book->keys[entry->key]);
    for (int i = 0; i < (int)ESE_COUNT_OF(value); i++)
        ese_statement_number(put, i + 3, value[i]);
    return ese_statement_run(put, error);
}

static int write_events(struct ese_fold_file *file, const struct ese_book *book,
                        struct ese_error *error)
{
    struct ese_statement *put = ese_statement_new(
        file->database, "INSERT INTO event (id, key, kind, client_ts, due_ns, sent_ns, done_ns,"
                        " outcome, handed_ns, committed_ns, handings, handed_partition, handed_offset,"
                        " copies, stored_partition, stored_offset, server_ts)"
                        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15,"
                        " ?16, ?17)");
    for (uint32_t i = 0; i < book->count; i++) {
        if (book->entries[i].is_out && write_event(put, book, &book->entries[i], error) == -1)
            return -1;
    }
    return 0;
}

static int write_kept(struct ese_fold_file *file, const struct ese_book *book,
                      struct ese_error *error)
{
    struct ese_statement *put = ese_statement_new(
        file->database, "INSERT INTO kept (id, fate, kept_ns, kept_life) VALUES (?1, ?2, ?3, ?4)");
    for (uint32_t i = 0; i < book->count; i++) {
        const struct ese_book_entry *entry = &book->entries[i];
        if (!entry->is_out || entry->fate == ESE_BOOK_NOT_KEPT)
            continue;
        ese_statement_bytes(put, 1, entry->id.bytes, sizeof entry->id.bytes);
        ese_statement_number(put, 2, entry->fate);
        ese_statement_number(put, 3, entry->kept_ns);
        ese_statement_number(put, 4, entry->kept_life);
        if (ese_statement_run(put, error) == -1)
            return -1;
    }
    return 0;
}

static int write_mails(struct ese_fold_file *file, const struct ese_book_mails *mails,
                       const char *kind, struct ese_error *error)
{
    struct ese_statement *put =
        ese_statement_new(file->database, "INSERT INTO mail VALUES (?1, ?2, ?3, ?4)");
    for (size_t i = 0; i < mails->count; i++) {
        ese_statement_text(put, 1, kind);
        ese_statement_bytes(put, 2, mails->mails[i].decision.bytes,
                            sizeof mails->mails[i].decision.bytes);
        ese_statement_number(put, 3, mails->mails[i].time_ns);
        ese_statement_number(put, 4, mails->mails[i].number);
        if (ese_statement_run(put, error) == -1)
            return -1;
    }
    return 0;
}

static int write_absent(struct ese_fold_file *file, const struct ese_evidence *evidence,
                        struct ese_error *error)
{
    struct ese_statement *put = ese_statement_new(
        file->database, "INSERT INTO absent (decision, is_unknown, is_blamed) VALUES (?1, ?2, ?3)");
    for (size_t i = 0; i < evidence->absent_count; i++) {
        const struct ese_absent_mail *absent = &evidence->absent[i];
        if (absent->has_come)
            continue;
        ese_statement_bytes(put, 1, absent->decision.bytes, sizeof absent->decision.bytes);
        ese_statement_number(put, 2, absent->is_unknown);
        ese_statement_number(put, 3, absent->is_blamed);
        if (ese_statement_run(put, error) == -1)
            return -1;
    }
    return 0;
}

/* What is small is written anew each time: a few minutes of a walk. */
static int write_all(struct ese_fold_file *file, struct ese_evidence *evidence,
                     struct ese_figures *totals, struct ese_error *error)
{
    static const char *const before =
        "DELETE FROM total; DELETE FROM latency; DELETE FROM place; DELETE FROM history;"
        "DELETE FROM clock; DELETE FROM lane; DELETE FROM beginning; DELETE FROM reader; DELETE FROM event;"
        "DELETE FROM kept; DELETE FROM mail; DELETE FROM absent";
    static const char *const after =
        "DELETE FROM clock WHERE number <= (SELECT max(number) FROM clock) - " CLOCKS_MOST ";"
        "DELETE FROM lane WHERE number <= (SELECT max(number) FROM lane) - " LANES_MOST ";"
        "DELETE FROM absent WHERE number <= (SELECT max(number) FROM absent) - " ABSENT_MOST;
    if (ese_sqlite_run(file->database, before, error) == -1 ||
        ese_fold_totals_write(file->database, &evidence->book, totals, error) == -1 ||
        ese_fold_latencies_write(file->database, totals, error) == -1 ||
        write_book(file, &evidence->book, error) == -1 ||
        write_readers(file, &evidence->book, error) == -1 ||
        write_clocks(file, &evidence->book, error) == -1 ||
        write_events(file, &evidence->book, error) == -1 ||
        write_kept(file, &evidence->book, error) == -1 ||
        write_mails(file, &evidence->book.arrived, "arrived", error) == -1 ||
        write_mails(file, &evidence->book.sent, "sent", error) == -1 ||
        write_absent(file, evidence, error) == -1)
        return -1;
    return ese_sqlite_run(file->database, after, error);
}

int ese_fold_file_save(struct ese_fold_file *file, struct ese_evidence *evidence,
                       struct ese_figures *totals, struct ese_error *error)
{
    if (ese_sqlite_begin(file->database, error) == -1)
        return -1;
    if (write_all(file, evidence, totals, error) == 0)
        return ese_sqlite_commit(file->database, error);
    ese_sqlite_rollback(file->database);
    return -1;
}

/* ---- life ------------------------------------------------------------------------------------ */

int ese_fold_file_open(const char *directory, bool read_only, struct ese_fold_file **file,
                       struct ese_error *error)
{
    char path[ESE_ARTIFACT_PATH_SIZE];
    *file = NULL;
    if (ese_artifact_path(directory, ESE_ARTIFACT_FOLD, path, error) == -1)
        return -1;
    const struct ese_sqlite_options options = {.path = path, .durability = ESE_DURABILITY_OS,
                                               .read_only = read_only,
                                               .schema = read_only ? NULL : schema,
                                               .own_table = "total"};
    struct ese_error reason;
    struct ese_fold_file *opened = ese_alloc(sizeof *opened);
    bool is_there = access(path, F_OK) == 0;
    if ((is_there || !read_only) && ese_sqlite_open(&options, &opened->database, &reason) == -1) {
        ese_fold_file_close(&opened);
        /* nobody has given this path: it is the run that is no good */
        return ese_fail(error, reason.code == ESE_E_USAGE ? ESE_E_INVALID : reason.code,
                        "the fold cannot be used: %s", reason.text);
    }
    *file = opened;
    return 0;
}

void ese_fold_file_close(struct ese_fold_file **file)
{
    if (*file == NULL)
        return;
    ese_sqlite_close(&(*file)->database);
    free(*file);
    *file = NULL;
}
