#include "ese-core/sqlite_internal.h"

#include <stdio.h>

#define FRAME_HEAD_BYTES 24    /* of each page in the log: https://sqlite.org/fileformat2.html */
#define CHECKPOINT_FRAMES 1000 /* as SQLite itself does without us */
#define TURN_FRAMES 4000       /* where somebody else does that, the log is to begin anew from so many on, */
#define LITTLE_FRAMES 250      /* with so few, at most, left to whoever commits */
#define LOG_PART 16            /* the log may have this part of max_bytes, */
#define LOG_LEAST_BYTES (INT64_C(4) * 1024 * 1024) /* and so much in any case */
#define LOG_PATIENCE_MS 100    /* readers of ours are through by then */

/* ---- the log ----------------------------------------------------------------------------------- */

static struct ese_sqlite_checkpointer *checkpointer_of(struct ese_sqlite *sqlite)
{
    struct ese_sqlite_log_progress *progress = &sqlite->progress;
    struct ese_error error;
    if (sqlite->syncs_beside && progress->checkpointer == NULL && !progress->is_impossible)
        progress->is_impossible = ese_sqlite_checkpointer_open(sqlite->path, &progress->checkpointer, &error) != 0;
    return progress->checkpointer;
}

/* False where whoever has committed is to take the log in himself: nobody else does, or it is long enough to begin
 * anew, and little is left of it. */
static bool leave_log(struct ese_sqlite *sqlite, int frames)
{
    struct ese_sqlite_log_progress *progress = &sqlite->progress;
    struct ese_sqlite_checkpointer *checkpointer = checkpointer_of(sqlite);
    int taken_in;
    if (checkpointer == NULL || 2 * frames * sqlite->page_bytes > sqlite->log_most_bytes)
        return false;
    if (frames < progress->asked)
        progress->asked = 0; /* it has begun anew */
    if (!ese_sqlite_checkpointer_rests(checkpointer, &taken_in))
        return true;
    bool turns = frames >= TURN_FRAMES;
    if (turns && progress->asked >= TURN_FRAMES && frames - taken_in <= LITTLE_FRAMES)
        return false;
    if (turns || frames - progress->asked >= CHECKPOINT_FRAMES) {
        progress->asked = frames;
        ese_sqlite_checkpointer_ask(checkpointer);
    }
    return true;
}

/* Passive: what readers are still in need of stays. False where it is not all, or somebody else is at it. */
static bool take_in(sqlite3 *handle, const char *name)
{
    int logged = 0, taken_in = 0;
    int result = sqlite3_wal_checkpoint_v2(handle, name, SQLITE_CHECKPOINT_PASSIVE, &logged, &taken_in);
    return result == SQLITE_OK && taken_in == logged;
}

/* After each commit. */
static int note_log(void *context, sqlite3 *handle, const char *name, int frames)
{
    struct ese_sqlite *sqlite = context;
    bool begins_anew = frames >= CHECKPOINT_FRAMES && !leave_log(sqlite, frames) && take_in(handle, name);

    sqlite->log_bytes = begins_anew ? 0 : frames * (sqlite->page_bytes + FRAME_HEAD_BYTES);
    return SQLITE_OK;
}

/* Readers that follow one another closely can keep a passive checkpoint from ever coming to the
 * log's end. This one waits for them, and sends those that come meanwhile to the file. While another one is under way
 * it would be turned away. */
void ese_sqlite_keep_log_short(struct ese_sqlite *sqlite)
{
    if (sqlite->log_bytes <= sqlite->log_most_bytes || !sqlite3_get_autocommit(sqlite->handle))
        return;
    if (sqlite->progress.checkpointer != NULL)
        ese_sqlite_checkpointer_settle(sqlite->progress.checkpointer);
    sqlite3_busy_timeout(sqlite->handle, LOG_PATIENCE_MS);
    if (sqlite3_wal_checkpoint_v2(sqlite->handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) ==
        SQLITE_OK)
        sqlite->log_bytes = 0;
    sqlite3_busy_timeout(sqlite->handle, ESE_SQLITE_BUSY_MS);
}

/* ---- the file ---------------------------------------------------------------------------------- */

/* A file that is larger already may still grow by the reserve: else nothing could be deleted. */
int ese_sqlite_set_bound(struct ese_sqlite *sqlite, const struct ese_sqlite_options *options, struct ese_error *error)
{
    const int64_t max_bytes = options->max_bytes;
    char sql[120];

    sqlite->max_bytes = max_bytes;
    sqlite->syncs_beside = options->durability == ESE_DURABILITY_OS;
    sqlite->log_most_bytes = max_bytes / LOG_PART;
    if (sqlite->log_most_bytes < LOG_LEAST_BYTES)
        sqlite->log_most_bytes = LOG_LEAST_BYTES;
    sqlite->count_pages = ese_statement_new(sqlite, "PRAGMA page_count");
    sqlite->count_free_pages = ese_statement_new(sqlite, "PRAGMA freelist_count");
    sqlite->page_bytes = ese_sqlite_ask_number(ese_statement_new(sqlite, "PRAGMA page_size"));
    int64_t present = ese_sqlite_ask_number(sqlite->count_pages);
    if (sqlite->page_bytes <= 0 || present < 0)
        return ese_fail(error, ESE_E_IO, "database %s: its size cannot be read", sqlite->path);
    int64_t most = max_bytes / sqlite->page_bytes;
    int64_t with_reserve = present + ESE_SQLITE_RESERVE_BYTES / sqlite->page_bytes;
    snprintf(sql, sizeof sql, "PRAGMA max_page_count = %lld; PRAGMA journal_size_limit = %lld",
             (long long)(most > with_reserve ? most : with_reserve),
             (long long)sqlite->log_most_bytes);
    sqlite3_wal_hook(sqlite->handle, note_log, sqlite);
    return ese_sqlite_run(sqlite, sql, error);
}

void ese_sqlite_end_bound(struct ese_sqlite *sqlite)
{
    ese_sqlite_checkpointer_close(&sqlite->progress.checkpointer);
}

int64_t ese_sqlite_used_bytes(struct ese_sqlite *sqlite)
{
    if (sqlite->max_bytes == 0)
        return 0;
    return (ese_sqlite_ask_number(sqlite->count_pages) - ese_sqlite_ask_number(sqlite->count_free_pages)) *
           sqlite->page_bytes;
}

int ese_sqlite_check_room(struct ese_sqlite *sqlite, int64_t bytes, struct ese_error *error)
{
    if (sqlite->max_bytes == 0)
        return 0;
    ese_sqlite_keep_log_short(sqlite);
    if (sqlite->log_bytes > sqlite->log_most_bytes)
        return ese_fail(error, ESE_E_FULL,
                        "%lld bytes of its log (-wal) cannot be taken in, at most %lld may wait: "
                        "somebody reads the database and does not come to an end",
                        (long long)sqlite->log_bytes, (long long)sqlite->log_most_bytes);
    int64_t used = ese_sqlite_used_bytes(sqlite);
    if (bytes <= sqlite->max_bytes - ESE_SQLITE_RESERVE_BYTES - used)
        return 0;
    return ese_fail(error, ESE_E_FULL,
                    "%lld of at most %lld bytes hold something, and %lld are kept back for "
                    "deleting",
                    (long long)used, (long long)sqlite->max_bytes,
                    (long long)ESE_SQLITE_RESERVE_BYTES);
}
