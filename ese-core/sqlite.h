/*
 * sqlite.h - an SQLite database as this house uses it: WAL, one writer, prepared statements.
 *
 * A database handle belongs to one thread. Durability decides PRAGMA synchronous:
 *   memory  the database is in memory only. Handles of one process with the same path share it as
 *           long as one of them is open, and read each other's rows before they are committed
 *           (read_only then only means that nothing is made); no path: its own
 *   os      NORMAL: survives kill -9 of the process, not a power loss. With max_bytes, what is synced for the file to
 *           be whole after that is synced by a thread of its own (sqlite_checkpointer.h)
 *   disk    FULL: every commit is synced before it returns
 * https://www.sqlite.org/pragma.html#pragma_synchronous
 *
 * A failed write or sync is ESE_E_IO, a write for which a disk, a quota or a file has no room, or a
 * met bound, ESE_E_FULL; both leave the transaction rolled back. A broken constraint is
 * ESE_E_CONFLICT, a lock not had in time ESE_E_TIMEOUT; the transaction goes on. Opening is ESE_E_FULL
 * wherever there is no room for what it needs, and says what to do.
 *
 * Once a sync has failed no transaction begins any more, of no database of this process, which has to
 * end (sqlite_syncs.h); whether the last one's rows are there its next life will see. At disk,
 * opening syncs the file's directory, and writes the log once more (sqlite_log.h).
 *
 * With max_bytes the file does not grow beyond that. Pages that deleted rows leave are used again,
 * so that it need not shrink for there to be room. Deleting and changing rows may need pages, too,
 * and must go on where nothing can be added: whoever adds asks ese_sqlite_check_room first, which
 * keeps ESE_SQLITE_RESERVE_BYTES back for that. Where the file is larger than max_bytes already,
 * there is no room until enough of it has been deleted.
 *
 * Beside the file lies its log (FILE-wal). With max_bytes it is held at a sixteenth of them, but at
 * 4 MiB at least, and what one transaction writes on top: whoever begins a transaction takes a
 * longer one in, and while somebody's reading keeps it from that there is no room.
 */
#ifndef ESE_SQLITE_H
#define ESE_SQLITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ese-core/error.h"

enum ese_durability {
    ESE_DURABILITY_MEMORY = 1,
    ESE_DURABILITY_OS = 2,
    ESE_DURABILITY_DISK = 4,
    ESE_DURABILITY_REPLICAS = 8
};
/* "memory", "os", "disk", "replicas"; NULL for none of them / 0 for an unknown word. */
const char *ese_durability_name(enum ese_durability durability);
enum ese_durability ese_durability_parse(const char *word);
/* The highest of the promised levels (or-ed) that is not above the ceiling; 0: none. */
enum ese_durability ese_durability_within(unsigned promised, enum ese_durability ceiling);

struct ese_sqlite;
struct ese_statement;

/* Opens (creating it if writable) and applies schema (statements that may be run again: CREATE
 * TABLE IF NOT EXISTS ...; run in one transaction; may be NULL). Other processes' locks are waited
 * for up to 10 s. */
struct ese_sqlite_options {
    const char *path; /* NULL: only with memory */
    enum ese_durability durability;
    bool read_only;
    const char *schema;
    /* A table that every database of this kind has: one that has others and not this one is
     * somebody else's, and refused (NULL: not looked at). Only where there is a schema. */
    const char *own_table;
    int64_t max_bytes; /* 0: no bound; each handle that writes has to name the same */
};
/* ESE_E_USAGE when path is no database, or none of this kind, or cannot be opened. */
int ese_sqlite_open(const struct ese_sqlite_options *options, struct ese_sqlite **sqlite,
                    struct ese_error *error);
void ese_sqlite_close(struct ese_sqlite **sqlite); /* finalizes its statements */

int ese_sqlite_run(struct ese_sqlite *sqlite, const char *sql, struct ese_error *error);

/* Transactions take the write lock at once (BEGIN IMMEDIATE). None begins on a handle that was opened read_only. */
int ese_sqlite_begin(struct ese_sqlite *sqlite, struct ese_error *error);
int ese_sqlite_commit(struct ese_sqlite *sqlite, struct ese_error *error);
void ese_sqlite_rollback(struct ese_sqlite *sqlite); /* no-op outside a transaction */

int64_t ese_sqlite_changes(struct ese_sqlite *sqlite);     /* rows the last statement changed */
int64_t ese_sqlite_last_row(struct ese_sqlite *sqlite);    /* rowid of the last insert */

/* Of this handle: it changes with what others commit (PRAGMA data_version). */
int64_t ese_sqlite_version(struct ese_sqlite *sqlite);

#define ESE_SQLITE_RESERVE_BYTES (INT64_C(256) * 1024)

/* ESE_E_FULL, saying what is full, unless `bytes` more can be added. Without max_bytes there is
 * always room. */
int ese_sqlite_check_room(struct ese_sqlite *sqlite, int64_t bytes, struct ese_error *error);
/* Bytes of the file that hold something; 0 without max_bytes. */
int64_t ese_sqlite_used_bytes(struct ese_sqlite *sqlite);

/* A prepared statement, owned by its database. The text must stay valid SQL; failing to compile it
 * is a programmer's error and asserts. */
struct ese_statement *ese_statement_new(struct ese_sqlite *sqlite, const char *sql);

/* Parameters count from 1. Text and bytes are not copied: they must live until the next reset. A
 * text that is NULL binds NULL. */
void ese_statement_number(struct ese_statement *statement, int index, int64_t value);
void ese_statement_text(struct ese_statement *statement, int index, const char *text);
void ese_statement_bytes(struct ese_statement *statement, int index, const void *bytes,
                         size_t length);

/* 1: a row is there; 0: done; -1: error (the statement is reset). After 0 it is reset, ready for
 * the next. */
int ese_statement_step(struct ese_statement *statement, struct ese_error *error);
void ese_statement_reset(struct ese_statement *statement); /* after a row that was enough */
/* Steps a statement that returns no rows, to its end. */
int ese_statement_run(struct ese_statement *statement, struct ese_error *error);

/* Columns count from 0; valid until the next step or reset. text is never NULL ("" for NULL). */
int64_t ese_statement_column_number(struct ese_statement *statement, int index);
const char *ese_statement_column_text(struct ese_statement *statement, int index);
const void *ese_statement_column_bytes(struct ese_statement *statement, int index, size_t *length);
bool ese_statement_column_null(struct ese_statement *statement, int index);

/* Of SQLite, as it runs: "3.40.1". Any thread. */
const char *ese_sqlite_library_version(void);

#endif
