#include "ese-core/sqlite.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "ese-core/buffer.h"
#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "ese-core/sqlite_internal.h"
#include "ese-core/sqlite_log.h"
#include "ese-core/sqlite_syncs.h"

#define BUSY_PAUSE_MS 5

/* ---- durability ------------------------------------------------------------------------------ */

static const struct {
    enum ese_durability durability;
    const char *name;
    const char *synchronous; /* NULL: a database cannot promise it */
} levels[] = {
    {ESE_DURABILITY_MEMORY, "memory", "PRAGMA synchronous = OFF"},
    {ESE_DURABILITY_OS, "os", "PRAGMA synchronous = NORMAL"},
    {ESE_DURABILITY_DISK, "disk", "PRAGMA synchronous = FULL"},
    {ESE_DURABILITY_REPLICAS, "replicas", NULL},
};

const char *ese_durability_name(enum ese_durability durability)
{
    for (size_t i = 0; i < ESE_COUNT_OF(levels); i++) {
        if (levels[i].durability == durability)
            return levels[i].name;
    }
    return NULL;
}

enum ese_durability ese_durability_parse(const char *word)
{
    for (size_t i = 0; i < ESE_COUNT_OF(levels); i++) {
        if (strcmp(levels[i].name, word) == 0)
            return levels[i].durability;
    }
    return 0;
}

enum ese_durability ese_durability_within(unsigned promised, enum ese_durability ceiling)
{
    unsigned level = ceiling;
    while (level != 0 && (promised & level) == 0)
        level >>= 1;
    return (enum ese_durability)level;
}

static const char *synchronous_for(enum ese_durability durability)
{
    for (size_t i = 0; i < ESE_COUNT_OF(levels); i++) {
        if (levels[i].durability == durability)
            return levels[i].synchronous;
    }
    return NULL;
}

/* ---- errors ---------------------------------------------------------------------------------- */

/* Of a write to the log, or, while there is none, to the file. That of a commit is in no sqlite3_system_errno. */
static int errno_of_write(const struct ese_sqlite *sqlite)
{
    sqlite3_file *log = NULL;
    int reason = 0;
    if (sqlite3_file_control(sqlite->handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log) == SQLITE_OK &&
        log != NULL && log->pMethods != NULL)
        log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &reason);
    if (reason == 0)
        sqlite3_file_control(sqlite->handle, "main", SQLITE_FCNTL_LAST_ERRNO, &reason);
    return reason;
}

/* The errno with which the system has said that there is no room; 0: it has not. SQLite knows one of them only, and at
 * a write only. */
static int want_of_room(const struct ese_sqlite *sqlite, int result)
{
    int kind = result & 0xff;
    int reason = 0;
    if (kind == SQLITE_FULL)
        return ENOSPC;
    if (result == SQLITE_IOERR_WRITE)
        reason = errno_of_write(sqlite);
    else if (kind == SQLITE_IOERR || kind == SQLITE_CANTOPEN)
        reason = sqlite3_system_errno(sqlite->handle);
    return reason == ENOSPC || reason == EDQUOT || reason == EFBIG ? reason : 0;
}

/* What lacks room elsewhere than at a write may follow one that was done. */
static enum ese_code code_for(int result, int no_room)
{
    if (result == SQLITE_IOERR_WRITE && no_room != 0)
        return ESE_E_FULL;
    switch (result & 0xff) {
    case SQLITE_FULL: return ESE_E_FULL;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return ESE_E_TIMEOUT;
    case SQLITE_CONSTRAINT: return ESE_E_CONFLICT;
    default: return ESE_E_IO;
    }
}

/* Fails with what SQLite says of its last call. A full or failing disk leaves it open whether the
 * transaction is still there; here it never is. */
static int fail(struct ese_sqlite *sqlite, int result, struct ese_error *error)
{
    int kind = result & 0xff;
    sqlite->no_room = want_of_room(sqlite, result);
    bool is_news = sqlite->no_room != 0 && kind != SQLITE_FULL; /* which says so by itself */
    ese_fail(error, code_for(result, sqlite->no_room), "database %s: %s (SQLite %d)%s%s", sqlite->path,
             sqlite3_errmsg(sqlite->handle), result, is_news ? ": " : "", is_news ? strerror(sqlite->no_room) : "");
    if (kind == SQLITE_FULL || kind == SQLITE_IOERR)
        ese_sqlite_rollback(sqlite);
    ese_sqlite_syncs_check(error); /* says more, where that is it */
    return -1;
}

/* ---- opening and closing --------------------------------------------------------------------- */

int ese_sqlite_run(struct ese_sqlite *sqlite, const char *sql, struct ese_error *error)
{
    int result = sqlite3_exec(sqlite->handle, sql, NULL, NULL, NULL);
    return result == SQLITE_OK ? 0 : fail(sqlite, result, error);
}

/* Changing to WAL needs the file for itself and does not ask the busy handler (it could deadlock),
 * so that two processes that open a new database at once are told SQLITE_BUSY: ask again here. */
static int use_wal(struct ese_sqlite *sqlite, struct ese_error *error)
{
    int64_t deadline_ns = ese_clock_monotonic_ns() + ESE_SQLITE_BUSY_MS * ESE_NS_PER_MS;
    for (;;) {
        struct ese_error refused = {0};
        if (ese_sqlite_run(sqlite, "PRAGMA journal_mode = WAL", &refused) == 0)
            return 0;
        int64_t now_ns = ese_clock_monotonic_ns();
        if (refused.code != ESE_E_TIMEOUT || now_ns > deadline_ns)
            return ese_fail(error, refused.code, "%s", refused.text);
        ese_clock_sleep_until(now_ns + BUSY_PAUSE_MS * ESE_NS_PER_MS);
    }
}

/* A wrong path must not make one of ours of somebody else's database. */
static int check_owner(struct ese_sqlite *sqlite, const char *own_table, struct ese_error *error)
{
    struct ese_statement *count = ese_statement_new(
        sqlite, "SELECT count(*), count(*) FILTER (WHERE name = ?1) FROM sqlite_schema "
                "WHERE type = 'table'");
    ese_statement_text(count, 1, own_table);
    if (ese_statement_step(count, error) != 1)
        return -1;
    bool ours = ese_statement_column_number(count, 0) == 0 ||
                ese_statement_column_number(count, 1) == 1;
    ese_statement_reset(count);
    if (ours)
        return 0;
    return ese_fail(error, ESE_E_USAGE,
                    "the database '%.200s' holds something else (it has no table '%s'): give "
                    "another path", sqlite->path, own_table);
}

static int apply_schema(struct ese_sqlite *sqlite, const struct ese_sqlite_options *options,
                        struct ese_error *error)
{
    if (ese_sqlite_begin(sqlite, error) != 0)
        return -1;
    if ((options->own_table != NULL && check_owner(sqlite, options->own_table, error) != 0) ||
        ese_sqlite_run(sqlite, options->schema, error) != 0) {
        ese_sqlite_rollback(sqlite);
        return -1;
    }
    return ese_sqlite_commit(sqlite, error);
}

/* What handles of one process share in memory has no versions to read from: without this a reader
 * and the writer would shut each other out. So a reader may see rows that are not committed yet. */
static int share_memory(struct ese_sqlite *sqlite, struct ese_error *error)
{
    return ese_sqlite_run(sqlite, "PRAGMA read_uncommitted = ON", error);
}

/* Only a URI can name memory that several handles share. https://www.sqlite.org/uri.html */
static char *memory_name(const char *path)
{
    struct ese_buffer name = ESE_BUFFER_INIT(SIZE_MAX);

    if (path == NULL)
        return ese_copy_text(":memory:");
    ese_buffer_text(&name, "file:");
    for (const char *c = path; *c != '\0'; c++) {
        if (strchr("?#%", *c) != NULL)
            ese_buffer_printf(&name, "%%%02x", (unsigned)*c);
        else
            ese_buffer_append(&name, c, 1);
    }
    ese_buffer_text(&name, "?mode=memory&cache=shared");
    return ese_buffer_detach(&name);
}

static int open_flags(const struct ese_sqlite_options *options)
{
    if (options->durability == ESE_DURABILITY_MEMORY)
        return SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI;
    return SQLITE_OPEN_NOMUTEX |
           (options->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
}

static int set_up(struct ese_sqlite *sqlite, const struct ese_sqlite_options *options,
                  struct ese_error *error)
{
    sqlite3_busy_timeout(sqlite->handle, ESE_SQLITE_BUSY_MS);
    sqlite3_extended_result_codes(sqlite->handle, 1);
    /* No mapping: a read error there is a SIGBUS instead of an answer. */
    if (ese_sqlite_run(sqlite, "PRAGMA mmap_size = 0; PRAGMA foreign_keys = OFF", error) != 0)
        return -1;
    if (options->durability == ESE_DURABILITY_MEMORY && share_memory(sqlite, error) != 0)
        return -1;
    if (options->read_only)
        return ese_sqlite_run(sqlite, "SELECT count(*) FROM sqlite_schema", error); /* is it one? */
    if (options->durability != ESE_DURABILITY_MEMORY && use_wal(sqlite, error) != 0)
        return -1;
    sqlite->begin = ese_statement_new(sqlite, "BEGIN IMMEDIATE");
    sqlite->commit = ese_statement_new(sqlite, "COMMIT");
    if (ese_sqlite_run(sqlite, synchronous_for(options->durability), error) != 0)
        return -1;
    if (options->durability == ESE_DURABILITY_DISK && ese_sqlite_log_settle(sqlite, sqlite->path, error) != 0)
        return -1;
    if (options->schema != NULL && apply_schema(sqlite, options, error) != 0)
        return -1;
    return options->max_bytes == 0 ? 0 : ese_sqlite_set_bound(sqlite, options, error);
}

/* Says of a path that can be no database what the system or SQLite says of it; anything else has
 * been said already. */
static void explain(const struct ese_sqlite *sqlite, struct ese_error *error)
{
    int kind = sqlite3_errcode(sqlite->handle) & 0xff;
    int reason = kind == SQLITE_CANTOPEN ? sqlite3_system_errno(sqlite->handle) : 0;
    if (ese_sqlite_syncs_failed())
        return;
    if (sqlite->no_room != 0)
        ese_fail(error, ESE_E_FULL,
                 "the database '%.200s' cannot be opened, %s: make room on its disk, then start this program again",
                 sqlite->path, strerror(sqlite->no_room));
    else if (reason == EMFILE || reason == ENFILE || reason == ENOMEM)
        ese_fail(error, ESE_E_IO, "the database '%.200s' cannot be opened for the time being: %s", sqlite->path,
                 strerror(reason));
    else if (kind == SQLITE_CANTOPEN || kind == SQLITE_NOTADB || kind == SQLITE_READONLY)
        ese_fail(error, ESE_E_USAGE,
                 "the database '%.200s' cannot be opened, %s: give another path", sqlite->path,
                 reason != 0 ? strerror(reason) : sqlite3_errmsg(sqlite->handle));
}

/* SQLite counts its memory for a question that nobody here asks, with a lock that all threads share for each piece. */
static void count_no_memory(void)
{
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

int ese_sqlite_open(const struct ese_sqlite_options *options, struct ese_sqlite **sqlite,
                    struct ese_error *error)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, count_no_memory);
    assert(options->read_only || synchronous_for(options->durability) != NULL);
    assert(options->path != NULL || options->durability == ESE_DURABILITY_MEMORY);
    struct ese_sqlite *opened = ese_alloc(sizeof *opened);
    opened->path = options->durability == ESE_DURABILITY_MEMORY ? memory_name(options->path)
                                                                : ese_copy_text(options->path);
    int result = sqlite3_open_v2(opened->path, &opened->handle, open_flags(options),
                                 ese_sqlite_syncs_vfs());
    if (result != SQLITE_OK)
        fail(opened, result, error);
    else if (set_up(opened, options, error) == 0) {
        *sqlite = opened;
        return 0;
    }
    explain(opened, error);
    ese_sqlite_close(&opened);
    *sqlite = NULL;
    return -1;
}

void ese_sqlite_close(struct ese_sqlite **sqlite)
{
    struct ese_sqlite *closed = *sqlite;
    if (closed == NULL)
        return;
    *sqlite = NULL;
    while (closed->statements != NULL) {
        struct ese_statement *statement = closed->statements;
        closed->statements = statement->next;
        sqlite3_finalize(statement->handle);
        free(statement);
    }
    ese_sqlite_end_bound(closed);
    sqlite3_close(closed->handle);
    free(closed->path);
    free(closed);
}

/* ---- transactions ---------------------------------------------------------------------------- */

int ese_sqlite_begin(struct ese_sqlite *sqlite, struct ese_error *error)
{
    assert(sqlite->begin != NULL);
    ese_sqlite_keep_log_short(sqlite);
    if (ese_sqlite_syncs_check(error) != 0)
        return -1;
    return ese_statement_run(sqlite->begin, error);
}

int ese_sqlite_commit(struct ese_sqlite *sqlite, struct ese_error *error)
{
    if (ese_statement_run(sqlite->commit, error) == 0)
        return 0;
    ese_sqlite_rollback(sqlite); /* what could not be committed is not waiting for a second try */
    return -1;
}

void ese_sqlite_rollback(struct ese_sqlite *sqlite)
{
    if (!sqlite3_get_autocommit(sqlite->handle))
        sqlite3_exec(sqlite->handle, "ROLLBACK", NULL, NULL, NULL);
}

int64_t ese_sqlite_changes(struct ese_sqlite *sqlite)
{
    return sqlite3_changes64(sqlite->handle);
}

int64_t ese_sqlite_last_row(struct ese_sqlite *sqlite)
{
    return sqlite3_last_insert_rowid(sqlite->handle);
}

int64_t ese_sqlite_ask_number(struct ese_statement *statement)
{
    if (ese_statement_step(statement, NULL) != 1)
        return -1;
    int64_t number = ese_statement_column_number(statement, 0);
    ese_statement_reset(statement);
    return number;
}

int64_t ese_sqlite_version(struct ese_sqlite *sqlite)
{
    return ese_sqlite_ask_number(ese_statement_new(sqlite, "PRAGMA data_version"));
}

/* ---- statements ------------------------------------------------------------------------------ */

struct ese_statement *ese_statement_new(struct ese_sqlite *sqlite, const char *sql)
{
    struct ese_statement *statement = ese_alloc(sizeof *statement);
    int result = sqlite3_prepare_v3(sqlite->handle, sql, -1, SQLITE_PREPARE_PERSISTENT,
                                    &statement->handle, NULL);
    if (result != SQLITE_OK || statement->handle == NULL) {
        fprintf(stderr, "database %s: %s in: %s\n", sqlite->path, sqlite3_errmsg(sqlite->handle),
                sql);
        assert(!"an SQL statement that does not compile");
    }
    statement->sqlite = sqlite;
    statement->next = sqlite->statements;
    sqlite->statements = statement;
    return statement;
}

void ese_statement_number(struct ese_statement *statement, int index, int64_t value)
{
    int result = sqlite3_bind_int64(statement->handle, index, value);
    assert(result == SQLITE_OK);
}

void ese_statement_text(struct ese_statement *statement, int index, const char *text)
{
    int result = sqlite3_bind_text(statement->handle, index, text, -1, SQLITE_STATIC);
    assert(result == SQLITE_OK);
}

void ese_statement_bytes(struct ese_statement *statement, int index, const void *bytes,
                         size_t length)
{
    /* A NULL address would bind NULL; no bytes are still bytes. */
    int result = sqlite3_bind_blob64(statement->handle, index, bytes == NULL ? "" : bytes, length,
                                     SQLITE_STATIC);
    assert(result == SQLITE_OK);
}

int ese_statement_step(struct ese_statement *statement, struct ese_error *error)
{
    int result = sqlite3_step(statement->handle);
    if (result == SQLITE_ROW)
        return 1;
    if (result != SQLITE_DONE)
        fail(statement->sqlite, result, error);
    sqlite3_reset(statement->handle);
    return result == SQLITE_DONE ? 0 : -1;
}

void ese_statement_reset(struct ese_statement *statement)
{
    sqlite3_reset(statement->handle);
}

int ese_statement_run(struct ese_statement *statement, struct ese_error *error)
{
    int more = ese_statement_step(statement, error);
    assert(more <= 0);
    return more;
}

int64_t ese_statement_column_number(struct ese_statement *statement, int index)
{
    return sqlite3_column_int64(statement->handle, index);
}

const char *ese_statement_column_text(struct ese_statement *statement, int index)
{
    const unsigned char *text = sqlite3_column_text(statement->handle, index);
    return text == NULL ? "" : (const char *)text;
}

const void *ese_statement_column_bytes(struct ese_statement *statement, int index, size_t *length)
{
    const void *bytes = sqlite3_column_blob(statement->handle, index);
    *length = (size_t)sqlite3_column_bytes(statement->handle, index);
    return bytes;
}

bool ese_statement_column_null(struct ese_statement *statement, int index)
{
    return sqlite3_column_type(statement->handle, index) == SQLITE_NULL;
}

const char *ese_sqlite_library_version(void)
{
    return sqlite3_libversion();
}
