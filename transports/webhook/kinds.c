#include "transports/webhook/kinds.h"

#include <stdlib.h>

#include "ese-core/memory.h"

#define MOST 1000 /* types of a stream, its total among them, and shapes */
#define MAX_BYTES (INT64_C(256) * 1024 * 1024)

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS stream_stats (stream text, event_type text, stat_value integer,"
    "  UNIQUE(stream, event_type));"
    "CREATE TABLE IF NOT EXISTS event_variants (hash text, stream text, event_type text, body text, position integer,"
    "  uuid text, created text, UNIQUE(hash));"
    "CREATE TABLE IF NOT EXISTS introspected (stream TEXT PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS event_variants_by_stream ON event_variants (stream);";

struct ese_webhook_kinds {
    struct ese_sqlite *sqlite;
    int64_t types, shapes; /* of the stream that the transaction is of; -1: not counted yet */
    struct ese_statement *find_position, *put_position, *forget_stats, *forget_variants;
    struct ese_statement *add_to_stat, *count_stats, *put_stat;
    struct ese_statement *find_variant, *count_variants, *put_variant;
    struct ese_statement *stats, *variants;
};

/* ---- life ------------------------------------------------------------------------------------ */

static void prepare(struct ese_webhook_kinds *kinds)
{
    struct ese_sqlite *sqlite = kinds->sqlite;

    kinds->find_position = ese_statement_new(sqlite, "SELECT position FROM introspected WHERE stream = ?1");
    kinds->put_position = ese_statement_new(sqlite, "INSERT OR REPLACE INTO introspected VALUES (?1, ?2)");
    kinds->forget_stats = ese_statement_new(sqlite, "DELETE FROM stream_stats WHERE stream = ?1");
    kinds->forget_variants = ese_statement_new(sqlite, "DELETE FROM event_variants WHERE stream = ?1");
    kinds->add_to_stat = ese_statement_new(
        sqlite, "UPDATE stream_stats SET stat_value = stat_value + ?3 WHERE stream = ?1 AND event_type = ?2");
    kinds->count_stats = ese_statement_new(sqlite, "SELECT count(*) FROM stream_stats WHERE stream = ?1");
    kinds->put_stat = ese_statement_new(sqlite, "INSERT INTO stream_stats VALUES (?1, ?2, ?3)");
    kinds->find_variant = ese_statement_new(sqlite, "SELECT 1 FROM event_variants WHERE hash = ?1");
    kinds->count_variants = ese_statement_new(sqlite, "SELECT count(*) FROM event_variants WHERE stream = ?1");
    kinds->put_variant = ese_statement_new(
        sqlite, "INSERT OR REPLACE INTO event_variants (hash, stream, event_type, body, position, uuid, created)"
                " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)");
    kinds->stats = ese_statement_new(
        sqlite, "SELECT stream, event_type, stat_value FROM stream_stats ORDER BY stream, event_type");
    kinds->variants = ese_statement_new(
        sqlite, "SELECT event_type, position, uuid, created, body FROM event_variants WHERE stream = ?1"
                " ORDER BY event_type, position");
}

int ese_webhook_kinds_open(const char *path, enum ese_durability durability, struct ese_webhook_kinds **kinds,
                           struct ese_error *error)
{
    const struct ese_sqlite_options options = {
        .path = path,
        .durability = durability,
        .schema = schema,
        .own_table = "stream_stats",
        .max_bytes = MAX_BYTES,
    };
    struct ese_webhook_kinds *opened = *kinds = ese_alloc(sizeof(*opened));

    if (ese_sqlite_open(&options, &opened->sqlite, error) != 0) {
        ese_webhook_kinds_close(kinds);
        return -1;
    }
    prepare(opened);
    return 0;
}

void ese_webhook_kinds_close(struct ese_webhook_kinds **kinds)
{
    if (*kinds == NULL)
        return;
    ese_sqlite_close(&(*kinds)->sqlite);
    free(*kinds);
    *kinds = NULL;
}

int ese_webhook_kinds_begin(struct ese_webhook_kinds *kinds, struct ese_error *error)
{
    kinds->types = kinds->shapes = -1;
    return ese_sqlite_begin(kinds->sqlite, error);
}

int ese_webhook_kinds_commit(struct ese_webhook_kinds *kinds, struct ese_error *error)
{
    return ese_sqlite_commit(kinds->sqlite, error);
}

void ese_webhook_kinds_rollback(struct ese_webhook_kinds *kinds)
{
    ese_sqlite_rollback(kinds->sqlite);
}

/* ---- how far --------------------------------------------------------------------------------- */

int ese_webhook_kinds_position(struct ese_webhook_kinds *kinds, const char *stream, int64_t *position,
                               struct ese_error *error)
{
    struct ese_statement *find = kinds->find_position;

    ese_statement_text(find, 1, stream);
    int got = ese_statement_step(find, error);
    if (got == 1)
        *position = ese_statement_column_number(find, 0);
    ese_statement_reset(find);
    return got;
}

int ese_webhook_kinds_put_position(struct ese_webhook_kinds *kinds, const char *stream, int64_t position,
                                   struct ese_error *error)
{
    ese_statement_text(kinds->put_position, 1, stream);
    ese_statement_number(kinds->put_position, 2, position);
    return ese_statement_run(kinds->put_position, error);
}

int ese_webhook_kinds_forget(struct ese_webhook_kinds *kinds, const char *stream, struct ese_error *error)
{
    ese_statement_text(kinds->forget_stats, 1, stream);
    ese_statement_text(kinds->forget_variants, 1, stream);
    if (ese_statement_run(kinds->forget_stats, error) != 0)
        return -1;
    return ese_statement_run(kinds->forget_variants, error);
}

/* ---- which ----------------------------------------------------------------------------------- */

/* Whether there are fewer than there may be. 1 or 0; 1 takes the place. They are counted once a transaction. */
static int take_place(struct ese_statement *count, int64_t *number, const char *stream, struct ese_error *error)
{
    if (*number < 0) {
        ese_statement_text(count, 1, stream);
        int got = ese_statement_step(count, error);
        *number = got == 1 ? ese_statement_column_number(count, 0) : -1;
        ese_statement_reset(count);
        if (got < 0)
            return -1;
    }
    if (*number >= MOST)
        return 0;
    ++*number;
    return 1;
}

int ese_webhook_kinds_count(struct ese_webhook_kinds *kinds, const char *stream, const char *type, int64_t count,
                            struct ese_error *error)
{
    struct ese_statement *add = kinds->add_to_stat, *put = kinds->put_stat;

    ese_statement_text(add, 1, stream);
    ese_statement_text(add, 2, type);
    ese_statement_number(add, 3, count);
    if (ese_statement_run(add, error) != 0)
        return -1;
    if (ese_sqlite_changes(kinds->sqlite) > 0)
        return 0;
    int place = take_place(kinds->count_stats, &kinds->types, stream, error);
    if (place != 1)
        return place;
    ese_statement_text(put, 1, stream);
    ese_statement_text(put, 2, type);
    ese_statement_number(put, 3, count);
    return ese_statement_run(put, error);
}

int ese_webhook_kinds_note(struct ese_webhook_kinds *kinds, const char *hash, const char *stream,
                           const struct ese_webhook_event *event, struct ese_error *error)
{
    struct ese_statement *find = kinds->find_variant, *put = kinds->put_variant;

    ese_statement_text(find, 1, hash);
    int found = ese_statement_step(find, error);
    ese_statement_reset(find);
    int place = found == 0 ? take_place(kinds->count_variants, &kinds->shapes, stream, error) : found;
    if (place != 1)
        return place;
    ese_statement_text(put, 1, hash);
    ese_statement_text(put, 2, stream);
    ese_statement_text(put, 3, event->type);
    ese_statement_bytes(put, 4, event->body, event->length);
    ese_statement_number(put, 5, event->position);
    ese_statement_text(put, 6, event->uuid);
    ese_statement_text(put, 7, event->created);
    return ese_statement_run(put, error);
}

/* ---- all of them ----------------------------------------------------------------------------- */

struct ese_statement *ese_webhook_kinds_stats(struct ese_webhook_kinds *kinds)
{
    return kinds->stats;
}

struct ese_statement *ese_webhook_kinds_variants(struct ese_webhook_kinds *kinds, const char *stream)
{
    ese_statement_text(kinds->variants, 1, stream);
    return kinds->variants;
}
