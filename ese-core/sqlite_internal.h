/*
 * sqlite_internal.h - a database, for its own parts: sqlite.c opens it and runs statements, sqlite_room.c bounds the
 * file and its log.
 */
#ifndef ESE_SQLITE_INTERNAL_H
#define ESE_SQLITE_INTERNAL_H

#include <stdbool.h>

#include <sqlite3.h>

#include "ese-core/sqlite.h"
#include "ese-core/sqlite_checkpointer.h"

#define ESE_SQLITE_BUSY_MS 10000

struct ese_statement {
    sqlite3_stmt *handle;
    struct ese_sqlite *sqlite;
    struct ese_statement *next;
};

/* How far a log has got that somebody else takes in. In frames from its beginning. */
struct ese_sqlite_log_progress {
    struct ese_sqlite_checkpointer *checkpointer; /* from the first time on that there was something to do; or NULL */
    bool is_impossible;                           /* and so it is done by whoever commits, as elsewhere */
    int asked;                                    /* when it was asked last */
};

struct ese_sqlite {
    sqlite3 *handle;
    char *path;
    struct ese_statement *statements;
    struct ese_statement *begin, *commit; /* of who may write */
    int no_room; /* the errno of the last failure, where that was for want of room; 0: it was not */
    int64_t max_bytes; /* 0: none; the rest is only there with them */
    int64_t page_bytes;
    int64_t log_most_bytes;
    int64_t log_bytes; /* as of our last commit */
    bool syncs_beside; /* what its log needs is synced by a thread of its own */
    struct ese_sqlite_log_progress progress;
    struct ese_statement *count_pages;
    struct ese_statement *count_free_pages;
};

/* The one number a statement without parameters gives; -1 where it cannot be had. */
int64_t ese_sqlite_ask_number(struct ese_statement *statement);

/* Once, when it is opened. */
int ese_sqlite_set_bound(struct ese_sqlite *sqlite, const struct ese_sqlite_options *options, struct ese_error *error);
void ese_sqlite_end_bound(struct ese_sqlite *sqlite); /* before its handle is closed */
/* Before a transaction. */
void ese_sqlite_keep_log_short(struct ese_sqlite *sqlite);

#endif
