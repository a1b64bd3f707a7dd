#include "transports/webhook/stream_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "ese-core/sqlite_grant.h"
#include "transports/webhook/created.h"
#include "transports/webhook/event_keys.h"
#include "transports/webhook/stream_file.h"

#define RETRY_WINDOW_MS INT64_C(600000)

/* A row has texts of half a kilobyte at most, and its key a place in another tree; a body that goes over several pages
 * leaves the last of them partly empty. */
#define ROW_BYTES 2048
#define BODY_TIMES 2
#define PROBE_BYTES (64 * 1024)

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS events (uuid, body text, type text, created);" ESE_WEBHOOK_KEYS_SCHEMA;

/* A file of somebody else's may end anywhere. */
static const char no_position[] = "the stream's last event is at the highest position there is";

/* What a transaction that fails gives back. */
struct ends {
    int64_t first; /* no row before it */
    int64_t next;  /* the position of the event to come */
};

struct ese_webhook_table {
    struct ese_webhook_table_options options;
    char *path, *stream;
    struct ese_sqlite *sqlite;
    struct ese_webhook_keys *keys;
    struct ends ends;
    struct ends committed;
    int64_t repeats;
    int64_t used_bytes; /* as of the last commit */
    struct ese_sqlite_grant room;
    int64_t created_ms; /* of the text below */
    char created[ESE_WEBHOOK_CREATED_WRITTEN_SIZE];
    struct ese_statement *insert;
    struct ese_statement *oldest;
    struct ese_statement *delete_events;
};

/* ---- opening --------------------------------------------------------------------------------- */

static void prepare(struct ese_webhook_table *table)
{
    struct ese_sqlite *sqlite = table->sqlite;

    table->insert = ese_statement_new(
        sqlite, "INSERT INTO events (rowid, uuid, body, type, created) VALUES (?1, ?2, ?3, ?4, ?5)");
    table->keys = ese_webhook_keys_new(sqlite);
    table->oldest = ese_statement_new(
        sqlite, "SELECT rowid, created, uuid, type, body FROM events"
                " WHERE rowid >= ?1 AND rowid < ?2 ORDER BY rowid LIMIT ?3");
    table->delete_events = ese_statement_new(sqlite, "DELETE FROM events WHERE rowid < ?1");
}

static int find_ends(struct ese_webhook_table *table, struct ese_error *error)
{
    struct ese_statement *ends = ese_statement_new(
        table->sqlite, ESE_WEBHOOK_ENDS_SQL);
    int got = ese_statement_step(ends, error);
    int64_t newest = got == 1 ? ese_statement_column_number(ends, 1) : table->options.first - 1;

    table->ends.first = got == 1 ? ese_statement_column_number(ends, 0) : table->options.first;
    ese_statement_reset(ends);
    if (newest == INT64_MAX)
        return ese_fail(error, ESE_E_CLOSED, "%s", no_position);
    table->ends.next = newest + 1;
    return got < 0 ? -1 : 0;
}

/* What is committed, for all to see. Whoever reads the one and then the other may see a stream shorter than it is. */
static void tell_ends(struct ese_webhook_table *table)
{
    table->committed = table->ends;
    atomic_store(&table->options.ends->newest, table->ends.next - 1);
    atomic_store(&table->options.ends->oldest, table->ends.first);
}

static void close_table(void *context)
{
    struct ese_webhook_table *table = context;

    ese_webhook_keys_free(&table->keys);
    ese_sqlite_close(&table->sqlite);
    free(table->path);
    free(table->stream);
    free(table);
}

int ese_webhook_table_open(const struct ese_webhook_table_options *options, struct ese_webhook_table **table,
                           struct ese_error *error)
{
    const struct ese_sqlite_options sqlite = {.path = options->path,
                                              .durability = options->durability,
                                              .read_only = false,
                                              .schema = schema,
                                              .own_table = "events",
                                              .max_bytes = options->max_bytes};
    struct ese_webhook_table *opened = ese_alloc(sizeof(*opened));

    *table = NULL;
    opened->options = *options;
    opened->path = ese_copy_text(options->path);
    opened->stream = ese_copy_text(options->stream);
    if (ese_sqlite_open(&sqlite, &opened->sqlite, error) != 0 || find_ends(opened, error) != 0) {
        close_table(opened);
        return -1;
    }
    prepare(opened);
    opened->room.sqlite = opened->sqlite;
    opened->used_bytes = ese_sqlite_used_bytes(opened->sqlite);
    if (atomic_load(&options->ends->found) < 0)
        atomic_store(&options->ends->found, opened->ends.next - 1);
    tell_ends(opened);
    *table = opened;
    return 0;
}

/* ---- transactions ---------------------------------------------------------------------------- */

static int begin(void *context, struct ese_error *error)
{
    struct ese_webhook_table *table = context;

    ese_sqlite_grant_begin(&table->room);
    return ese_sqlite_begin(table->sqlite, error);
}

static void rollback(void *context)
{
    struct ese_webhook_table *table = context;

    ese_sqlite_rollback(table->sqlite);
    ese_webhook_keys_rolled_back(table->keys);
    table->ends = table->committed;
}

static int commit(void *context, struct ese_error *error)
{
    struct ese_webhook_table *table = context;
    int64_t used_bytes = ese_sqlite_used_bytes(table->sqlite); /* sooner told within the transaction than after it */

    if (ese_sqlite_commit(table->sqlite, error) != 0) {
        rollback(table);
        return -1;
    }
    table->used_bytes = used_bytes;
    tell_ends(table);
    return 0;
}

/* ---- one event ------------------------------------------------------------------------------- */

static int64_t key_window_ms(const struct ese_webhook_table *table)
{
    return table->options.retention_ms > RETRY_WINDOW_MS ? table->options.retention_ms : RETRY_WINDOW_MS;
}

static int64_t window_start(const struct ese_webhook_table *table, int64_t now_ms, int64_t keep_ms)
{
    return now_ms - ese_row_age_set_ms(table->options.age, key_window_ms(table)) - keep_ms;
}

/* A key from before that time is none any more. */
static int64_t keys_since(const struct ese_webhook_table *table, int64_t now_ms)
{
    return table->options.retention_ms > 0 ? window_start(table, now_ms, key_window_ms(table)) : INT64_MIN;
}

/* 1: it was answered before, and *result says what of it; 0: it was not. */
static int recall(struct ese_webhook_table *table, struct ese_webhook_row *row, int64_t now_ms,
                  enum ese_append_result *result, struct ese_error *error)
{
    const struct ese_webhook_content content = {row->type, row->body, row->length};
    int64_t position;
    bool is_same;
    int found = ese_webhook_keys_find(table->keys, row->uuid, &content, keys_since(table, now_ms), &position, &is_same,
                                      error);

    if (found != 1)
        return found;
    *result = is_same ? ESE_APPEND_STORED : ESE_APPEND_CONFLICT;
    row->position = position;
    table->repeats++;
    return 1;
}

static int insert(struct ese_webhook_table *table, struct ese_webhook_row *row, int64_t now_ms,
                  struct ese_error *error)
{
    struct ese_statement *insert = table->insert;

    if (table->created_ms != now_ms) {
        ese_webhook_created_write(now_ms, table->created);
        table->created_ms = now_ms;
    }
    ese_statement_number(insert, 1, table->ends.next);
    ese_statement_text(insert, 2, row->uuid);
    if (row->length > 0)
        ese_statement_bytes(insert, 3, row->body, row->length);
    else
        ese_statement_text(insert, 3, NULL);
    ese_statement_text(insert, 4, row->type);
    ese_statement_text(insert, 5, table->created);
    if (ese_statement_run(insert, error) != 0)
        return -1;
    row->position = table->ends.next++;
    return ese_webhook_keys_add(table->keys, row->uuid, row->position, error);
}

/* NULL: it can be stored. */
static const char *why_refused(struct ese_webhook_table *table, const struct ese_webhook_row *row)
{
    if (table->ends.next == INT64_MAX)
        return no_position;
    bool has_room = ese_sqlite_grant_take(&table->room, ROW_BYTES + BODY_TIMES * (int64_t)row->length);
    return has_room ? NULL : table->room.full;
}

static int append(void *context, struct ese_group_item *item, int64_t now_ms, enum ese_append_result *result,
                  struct ese_error *error)
{
    struct ese_webhook_table *table = context;
    struct ese_webhook_row *row = (struct ese_webhook_row *)item;
    int recalled = 0;

    if (row->key != NULL) {
        ese_webhook_keys_name(table->stream, row->key, row->uuid);
        recalled = recall(table, row, now_ms, result, error);
    } else {
        ese_webhook_keys_name_any(row->uuid);
    }
    if (recalled != 0)
        return recalled == 1 ? 0 : -1;
    const char *why = why_refused(table, row);
    if (why != NULL) {
        *result = ESE_APPEND_AT_BOUND;
        free(row->why);
        row->why = ese_copy_text(why);
        return 0;
    }
    *result = ESE_APPEND_STORED;
    return insert(table, row, now_ms, error);
}

/* No request has the empty key; the row leaves like any other. */
static int probe(void *context, int64_t now_ms, const char **why, struct ese_error *error)
{
    static const char bytes[PROBE_BYTES];
    struct ese_webhook_table *table = context;
    bool has_room = ese_sqlite_grant_take(&table->room, ROW_BYTES + BODY_TIMES * PROBE_BYTES);

    *why = has_room ? NULL : table->room.full;
    if (!has_room)
        return 0;
    return ese_webhook_keys_probe(table->keys, bytes, sizeof(bytes), now_ms, error);
}

/* ---- leaving --------------------------------------------------------------------------------- */

/* The key of the row that is looked at, which leaves. */
static int leave_key(struct ese_webhook_table *table, int64_t created_ms, int64_t known_since_ms,
                     struct ese_error *error)
{
    struct ese_statement *row = table->oldest;
    struct ese_webhook_content content = {.type = ese_statement_column_text(row, 3)};
    bool stays = created_ms >= known_since_ms;

    if (stays)
        content.body = ese_statement_column_bytes(row, 4, &content.length);
    return ese_webhook_keys_leave(table->keys, ese_statement_column_text(row, 2), ese_statement_column_number(row, 0),
                                  stays ? &content : NULL, created_ms, error);
}

/* *first becomes the oldest that may stay, at most `most` rows further on; the keys of those before it leave. */
static int find_first_kept(struct ese_webhook_table *table, int64_t now_ms, int64_t most, int64_t *first,
                           struct ese_error *error)
{
    int64_t since_ms = window_start(table, now_ms, table->options.retention_ms), created_ms;
    int64_t known_since_ms = keys_since(table, now_ms);
    int got, left = 0;

    ese_statement_number(table->oldest, 1, table->ends.first);
    ese_statement_number(table->oldest, 2, table->ends.next - 1);
    ese_statement_number(table->oldest, 3, most);
    while ((got = ese_statement_step(table->oldest, error)) == 1) {
        bool stays = ese_webhook_created_read(ese_statement_column_text(table->oldest, 1), &created_ms) != 0 ||
                     created_ms >= since_ms;
        if (!stays)
            left = leave_key(table, created_ms, known_since_ms, error);
        if (stays || left != 0)
            break;
        *first = ese_statement_column_number(table->oldest, 0) + 1;
    }
    ese_statement_reset(table->oldest);
    return got < 0 || left != 0 ? -1 : 0;
}

static int expire(void *context, int64_t now_ms, int64_t most, int64_t *deleted, struct ese_error *error)
{
    struct ese_webhook_table *table = context;
    int64_t first = table->ends.first;

    *deleted = 0;
    if (table->options.retention_ms > 0 && find_first_kept(table, now_ms, most, &first, error) != 0)
        return -1;
    if (first > table->ends.first) {
        ese_statement_number(table->delete_events, 1, first);
        if (ese_statement_run(table->delete_events, error) != 0)
            return -1;
        *deleted = ese_sqlite_changes(table->sqlite);
        table->ends.first = first;
    }
    return ese_webhook_keys_expire(table->keys, keys_since(table, now_ms), most, error);
}

/* ---- what the writer asks -------------------------------------------------------------------- */

static const char *full(const void *context)
{
    const struct ese_webhook_table *table = context;

    return table->room.full;
}

static int64_t used_bytes(const void *context)
{
    const struct ese_webhook_table *table = context;

    return table->used_bytes;
}

static int64_t max_bytes(const void *context)
{
    const struct ese_webhook_table *table = context;

    return table->options.max_bytes;
}

static int64_t end(const void *context)
{
    const struct ese_webhook_table *table = context;

    return table->committed.next;
}

static int64_t repeats(const void *context)
{
    const struct ese_webhook_table *table = context;

    return table->repeats;
}

const struct ese_group_table ese_webhook_table_functions = {
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .append = append,
    .expire = expire,
    .probe = probe,
    .full = full,
    .used_bytes = used_bytes,
    .max_bytes = max_bytes,
    .end = end,
    .repeats = repeats,
    .close = close_table,
};
