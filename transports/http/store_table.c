#include "transports/http/store_table.h"

#include <stdlib.h>
#include <string.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "ese-core/sqlite_grant.h"
#include "transports/http/store_known.h"
#include "transports/http/store_room.h"

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS events ("
    "  offset INTEGER PRIMARY KEY," /* given by us: dense, and never twice */
    "  id BLOB NOT NULL,"
    "  type TEXT NOT NULL,"
    "  sub_type TEXT NOT NULL,"
    "  ip TEXT NOT NULL,"
    "  key TEXT NOT NULL,"
    "  client_ts INTEGER NOT NULL,"
    "  server_ts INTEGER NOT NULL,"
    "  data TEXT NOT NULL,"
    "  traceparent TEXT,"
    "  source TEXT NOT NULL,"
    "  foreign_id TEXT,"
    "  content_hash INTEGER NOT NULL);"
    "CREATE UNIQUE INDEX IF NOT EXISTS events_by_foreign_id ON events (source, foreign_id)"
    "  WHERE foreign_id IS NOT NULL;"
    "CREATE TABLE IF NOT EXISTS requests ("
    "  idempotency_key TEXT PRIMARY KEY,"
    "  content_hash INTEGER NOT NULL,"
    "  offsets BLOB NOT NULL," /* 64 bits each, in the request's order */
    "  at INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS requests_by_at ON requests (at);"
    ESE_STORE_KNOWN_SCHEMA;

/* The two ends of the table: what a transaction that fails gives back. */
struct ends {
    int64_t first; /* no row before it */
    int64_t next;  /* the offset of the event to come */
};

struct ese_store_table {
    struct ese_store_log *log;
    struct ese_sqlite *sqlite;
    struct ese_store_known *known;
    struct ends ends;
    struct ends committed;
    int64_t repeats;
    int64_t used_bytes; /* as of the last commit */
    struct ese_sqlite_grant room;
    struct ese_statement *insert;
    struct ese_statement *mark_request; /* savepoints */
    struct ese_statement *undo_request;
    struct ese_statement *keep_request;
    struct ese_statement *find_request;
    struct ese_statement *put_request;
    struct ese_statement *oldest;
    struct ese_statement *delete_events;
    struct ese_statement *delete_requests;
};

static void prepare(struct ese_store_table *table)
{
    struct ese_sqlite *sqlite = table->sqlite;

    table->insert = ese_statement_new(
        sqlite, "INSERT INTO events (offset, id, type, sub_type, ip, key, client_ts, server_ts,"
                " data, traceparent, source, foreign_id, content_hash)"
                " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)");
    table->mark_request = ese_statement_new(sqlite, "SAVEPOINT request");
    table->undo_request = ese_statement_new(sqlite, "ROLLBACK TO request");
    table->keep_request = ese_statement_new(sqlite, "RELEASE request");
    table->find_request = ese_statement_new(
        sqlite, "SELECT content_hash, offsets FROM requests"
                " WHERE idempotency_key = ?1 AND at >= ?2");
    table->put_request =
        ese_statement_new(sqlite, "INSERT OR REPLACE INTO requests VALUES (?1, ?2, ?3, ?4)");
    table->oldest = ese_statement_new(
        sqlite, "SELECT offset, server_ts FROM events WHERE offset >= ?1 AND offset < ?2"
                " ORDER BY offset LIMIT ?3");
    table->delete_events = ese_statement_new(sqlite, "DELETE FROM events WHERE offset < ?1");
    table->delete_requests = ese_statement_new(
        sqlite, "DELETE FROM requests WHERE idempotency_key IN"
                " (SELECT idempotency_key FROM requests WHERE at < ?1 ORDER BY at LIMIT ?2)");
}

/* Where offsets go on: behind the newest row, which is never deleted for that reason. What
 * memory held is gone with the process that had it: such a log begins at the present
 * microsecond, so that a position of an earlier life is in front of it and not somewhere within. */
static int find_ends(struct ese_store_table *table, struct ese_error *error)
{
    struct ese_statement *ends = ese_statement_new(
        table->sqlite,
        "SELECT min(offset), max(offset) FROM events HAVING max(offset) IS NOT NULL");
    int got = ese_statement_step(ends, error);

    if (got == 1) {
        table->ends.first = ese_statement_column_number(ends, 0);
        table->ends.next = ese_statement_column_number(ends, 1) + 1;
    } else {
        bool in_memory = table->log->durability == ESE_DURABILITY_MEMORY;
        table->ends.first = table->ends.next = in_memory ? ese_clock_wall_us() : 0;
    }
    ese_statement_reset(ends);
    return got < 0 ? -1 : 0;
}

int ese_store_table_open(struct ese_store_log *log, struct ese_store_table **table,
                         struct ese_error *error)
{
    const struct ese_sqlite_options options = {.path = log->path,
                                               .durability = log->durability,
                                               .read_only = false,
                                               .schema = schema,
                                               .own_table = "events",
                                               .max_bytes = log->max_bytes};

    *table = ese_alloc(sizeof(**table));
    (*table)->log = log;
    if (ese_sqlite_open(&options, &(*table)->sqlite, error) != 0 || find_ends(*table, error) != 0 ||
        ese_store_known_open((*table)->sqlite, &log->bounds, (*table)->ends.first, &(*table)->known, error) != 0) {
        ese_store_table_close(table);
        return -1;
    }
    prepare(*table);
    (*table)->room.sqlite = (*table)->sqlite;
    (*table)->used_bytes = ese_sqlite_used_bytes((*table)->sqlite);
    (*table)->committed = (*table)->ends;
    atomic_store(&log->next, (*table)->ends.next);
    atomic_store(&log->start, (*table)->ends.first);
    return 0;
}

void ese_store_table_close(struct ese_store_table **table)
{
    if (*table == NULL)
        return;
    ese_store_known_close(&(*table)->known);
    ese_sqlite_close(&(*table)->sqlite);
    free(*table);
    *table = NULL;
}

int ese_store_table_begin(struct ese_store_table *table, struct ese_error *error)
{
    ese_sqlite_grant_begin(&table->room);
    return ese_sqlite_begin(table->sqlite, error);
}

int ese_store_table_commit(struct ese_store_table *table, struct ese_error *error)
{
    int64_t used_bytes = ese_sqlite_used_bytes(table->sqlite); /* sooner told within the transaction than after it */

    if (ese_sqlite_commit(table->sqlite, error) != 0) {
        ese_store_table_rollback(table);
        return -1;
    }
    ese_store_known_commit(table->known, table->ends.first);
    table->committed = table->ends;
    table->used_bytes = used_bytes;
    atomic_store(&table->log->next, table->ends.next);
    return 0;
}

void ese_store_table_rollback(struct ese_store_table *table)
{
    ese_sqlite_rollback(table->sqlite);
    ese_store_known_rollback(table->known, 0);
    table->ends = table->committed;
}

const struct ese_store_log *ese_store_table_log(const struct ese_store_table *table)
{
    return table->log;
}

int64_t ese_store_table_used_bytes(const struct ese_store_table *table)
{
    return table->used_bytes;
}

/* No request has the empty key; the row leaves like any other. */
int ese_store_table_probe(struct ese_store_table *table, int64_t now_ms, const char **why,
                          struct ese_error *error)
{
    static const char bytes[ESE_EVENT_DATA_LIMIT];
    struct ese_statement *put = table->put_request;
    bool has_room = ese_sqlite_grant_take(&table->room, ese_store_room_largest());

    *why = has_room ? NULL : table->room.full;
    if (!has_room)
        return 0;
    ese_statement_text(put, 1, "");
    ese_statement_number(put, 2, 0);
    ese_statement_bytes(put, 3, bytes, sizeof(bytes));
    ese_statement_number(put, 4, now_ms);
    return ese_statement_run(put, error);
}

int64_t ese_store_table_repeats(const struct ese_store_table *table)
{
    return table->repeats;
}

/* ---- one event ------------------------------------------------------------------------------- */

static const char *text_or_null(const char *text)
{
    return text[0] != '\0' ? text : NULL;
}

static void bind_event(struct ese_statement *insert, int64_t offset, const struct ese_event *event,
                       uint64_t content_hash)
{
    ese_statement_number(insert, 1, offset);
    ese_statement_bytes(insert, 2, event->id.bytes, sizeof(event->id.bytes));
    ese_statement_text(insert, 3, event->type);
    ese_statement_text(insert, 4, event->sub_type);
    ese_statement_text(insert, 5, event->ip);
    ese_statement_text(insert, 6, event->key);
    ese_statement_number(insert, 7, event->client_ts);
    ese_statement_number(insert, 8, event->server_ts);
    ese_statement_text(insert, 9, ese_event_data(event));
    ese_statement_text(insert, 10, text_or_null(event->traceparent));
    ese_statement_text(insert, 11, event->source);
    ese_statement_text(insert, 12, text_or_null(event->foreign_id));
    ese_statement_number(insert, 13, (int64_t)content_hash);
}

static int insert_event(struct ese_store_table *table, struct ese_event *event, uint64_t content_hash,
                        struct ese_error *error)
{
    bind_event(table->insert, table->ends.next, event, content_hash);
    if (ese_statement_run(table->insert, error) != 0)
        return -1;
    return ese_store_known_add(table->known, event, table->ends.next, error);
}

/* One with a foreign id was given one of ours, too, which somebody may have used already who guessed it. 1: so it is;
 * who tries again is given another. */
static int is_id_taken(struct ese_store_table *table, struct ese_event *event, struct ese_error *error)
{
    struct ese_store_earlier earlier;

    return event->foreign_id[0] == '\0' ? 0 : ese_store_known_find_id(table->known, event, &earlier, error);
}

static int append_event(struct ese_store_table *table, struct ese_event *event, uint64_t content_hash, int64_t now_ms,
                        int64_t *offset, enum ese_append_result *result, struct ese_error *error)
{
    struct ese_store_earlier earlier = {0};
    int got = ese_store_known_find(table->known, event, &earlier, error);
    int taken = got == 0 ? is_id_taken(table, event, error) : 0;

    if (got < 0 || taken < 0)
        return -1;
    if (got == 1) {
        *offset = earlier.offset;
        *result = earlier.content_hash == content_hash ? ESE_APPEND_STORED : ESE_APPEND_CONFLICT;
        table->repeats++;
        return 0;
    }
    *result = taken == 1 ? ESE_APPEND_FAILED : ESE_APPEND_STORED;
    if (taken == 1)
        return 0;
    event->server_ts = now_ms;
    if (insert_event(table, event, content_hash, error) != 0)
        return -1;
    *offset = table->ends.next++;
    return 0;
}

/* ---- one request ----------------------------------------------------------------------------- */

static int append_events(struct ese_store_table *table, struct ese_append *append, int64_t now_ms,
                         int64_t *offsets, enum ese_append_result *result, struct ese_error *error)
{
    *result = ESE_APPEND_STORED;
    for (size_t i = 0; i < append->list.count && *result == ESE_APPEND_STORED; i++) {
        if (append_event(table, &append->list.events[i], append->contents[i], now_ms, &offsets[i], result, error) != 0)
            return -1;
    }
    return 0;
}

/* A batch may meet a conflict when some of it is stored already: a savepoint takes that back. (A
 * single event has stored nothing when it meets one.) */
static int append_whole(struct ese_store_table *table, struct ese_append *append, int64_t now_ms,
                        int64_t *offsets, enum ese_append_result *result, struct ese_error *error)
{
    int64_t next = table->ends.next;
    size_t added = ese_store_known_added(table->known);

    if (append->list.count <= 1)
        return append_events(table, append, now_ms, offsets, result, error);
    if (ese_statement_run(table->mark_request, error) != 0 ||
        append_events(table, append, now_ms, offsets, result, error) != 0)
        return -1;
    if (*result != ESE_APPEND_STORED) {
        table->ends.next = next;
        ese_store_known_rollback(table->known, added);
        if (ese_statement_run(table->undo_request, error) != 0)
            return -1;
    }
    return ese_statement_run(table->keep_request, error);
}

static int64_t window_start(const struct ese_store_table *table, int64_t now_ms)
{
    return ese_store_log_present_ms(table->log, now_ms) - ese_store_log_keep_ms(table->log);
}

/* The events of an earlier request, in its order, into the present one. 1: all are there, 0:
 * some have left the table (and with them what could be answered). */
static int recall_events(struct ese_store_table *table, struct ese_append *append,
                         const int64_t *offsets, struct ese_error *error)
{
    for (size_t i = 0; i < append->list.count; i++) {
        struct ese_store_earlier earlier = {0};
        int got = ese_store_known_at(table->known, offsets[i], &append->list.events[i], &earlier, error);
        if (got != 1)
            return got;
    }
    table->repeats += (int64_t)append->list.count;
    return 1;
}

/* 1: the key was used before, *result says how that went together; 0: it was not. */
static int recall_request(struct ese_store_table *table, struct ese_append *append, int64_t now_ms,
                          enum ese_append_result *result, struct ese_error *error)
{
    struct ese_statement *find = table->find_request;
    const void *bytes;
    size_t length;
    int got;

    ese_statement_text(find, 1, append->idempotency_key);
    ese_statement_number(find, 2, window_start(table, now_ms));
    got = ese_statement_step(find, error);
    if (got != 1)
        return got;
    *result = ESE_APPEND_CONFLICT;
    bytes = ese_statement_column_bytes(find, 1, &length);
    if ((uint64_t)ese_statement_column_number(find, 0) == append->content_hash &&
        length == append->list.count * sizeof(int64_t)) {
        int64_t *offsets = ese_alloc_array(append->list.count + 1, sizeof(int64_t));
        if (length > 0)
            memcpy(offsets, bytes, length);
        *result = ESE_APPEND_STORED;
        got = recall_events(table, append, offsets, error);
        free(offsets);
    }
    ese_statement_reset(find);
    return got;
}

static int remember_request(struct ese_store_table *table, const struct ese_append *append,
                            const int64_t *offsets, int64_t now_ms, struct ese_error *error)
{
    struct ese_statement *put = table->put_request;

    ese_statement_text(put, 1, append->idempotency_key);
    ese_statement_number(put, 2, (int64_t)append->content_hash);
    ese_statement_bytes(put, 3, offsets, append->list.count * sizeof(int64_t));
    ese_statement_number(put, 4, now_ms);
    return ese_statement_run(put, error);
}

/* 1: nothing of it would have to be stored. */
static int is_all_known(struct ese_store_table *table, struct ese_append *append,
                        struct ese_error *error)
{
    struct ese_store_earlier earlier;
    int got = append->idempotency_key[0] == '\0'; /* a new key would be a new row */

    for (size_t i = 0; got == 1 && i < append->list.count; i++)
        got = ese_store_known_find(table->known, &append->list.events[i], &earlier, error);
    return got;
}

const char *ese_store_table_full(const struct ese_store_table *table)
{
    return table->room.full;
}

int ese_store_table_append(struct ese_store_table *table, struct ese_append *append, int64_t now_ms,
                           enum ese_append_result *result, struct ese_error *error)
{
    bool keyed = append->idempotency_key[0] != '\0';
    int64_t single;
    int64_t *offsets = &single;
    int done;

    if (keyed) {
        int recalled = recall_request(table, append, now_ms, result, error);
        if (recalled != 0)
            return recalled == 1 ? 0 : -1;
    }
    if (!ese_sqlite_grant_take(&table->room, ese_store_room_needed(&append->list))) {
        int known = is_all_known(table, append, error);
        *result = ESE_APPEND_AT_BOUND;
        ese_fit_text(append->why, sizeof append->why, table->room.full);
        if (known != 1)
            return known;
    }
    if (append->list.count > 1)
        offsets = ese_alloc_array(append->list.count, sizeof(int64_t));
    done = append_whole(table, append, now_ms, offsets, result, error);
    if (done == 0 && keyed && *result == ESE_APPEND_STORED)
        done = remember_request(table, append, offsets, now_ms, error);
    if (offsets != &single)
        free(offsets);
    return done;
}

/* ---- leaving --------------------------------------------------------------------------------- */

/* Rows leave from the front only, so that offsets stay dense, and the newest stays, so that they
 * go on behind it: *first becomes the oldest that may stay, at most `most` rows further on. */
static int find_first_kept(struct ese_store_table *table, int64_t keep_since_ms, int64_t most,
                           int64_t *first, struct ese_error *error)
{
    int got;

    ese_statement_number(table->oldest, 1, table->ends.first);
    ese_statement_number(table->oldest, 2, table->ends.next - 1);
    ese_statement_number(table->oldest, 3, most);
    while ((got = ese_statement_step(table->oldest, error)) == 1) {
        if (ese_statement_column_number(table->oldest, 1) >= keep_since_ms) {
            ese_statement_reset(table->oldest);
            break;
        }
        *first = ese_statement_column_number(table->oldest, 0) + 1;
    }
    return got < 0 ? -1 : 0;
}

int ese_store_table_expire(struct ese_store_table *table, int64_t now_ms, int64_t most,
                           int64_t *deleted, struct ese_error *error)
{
    int64_t keep_since_ms = window_start(table, now_ms);
    int64_t first = table->ends.first;

    *deleted = 0;
    if (find_first_kept(table, keep_since_ms, most, &first, error) != 0)
        return -1;
    if (first > table->ends.first) {
        ese_statement_number(table->delete_events, 1, first);
        if (ese_store_known_expire(table->known, first, error) != 0 ||
            ese_statement_run(table->delete_events, error) != 0)
            return -1;
        *deleted = first - table->ends.first;
        table->ends.first = first;
    }
    ese_statement_number(table->delete_requests, 1, keep_since_ms);
    ese_statement_number(table->delete_requests, 2, most);
    return ese_statement_run(table->delete_requests, error);
}
