#include "transports/http/store_known.h"

#include <stdlib.h>
#include <string.h>

#include "ese-core/memory.h"
#include "transports/http/store_sight.h"

#define ROWS_AT_ONCE 10000 /* noted before they count for good, while the table is read */
#define ROWS_LOOKED_AT 512
#define ROWS_BESIDE 2048 /* looked through, at most, for those that are repeated next */
#define NOT_FOUND (-1)     /* no offset */

struct ese_store_known {
    struct ese_sqlite *sqlite;
    struct ese_store_lanes *lanes;
    struct ese_store_sight *sight;
    int64_t rows;    /* a place with more is narrowed down first */
    int64_t passed;  /* rows, while one was */
    bool has_strays; /* or has had some */
    struct ese_statement *find_foreign;
    struct ese_statement *find_offset;
    struct ese_statement *find_stray;
    struct ese_statement *look_through;
    struct ese_statement *put_stray;
    struct ese_statement *delete_strays;
};

#define ROW "SELECT offset, id, server_ts, content_hash FROM events"

static void prepare(struct ese_store_known *known)
{
    struct ese_sqlite *sqlite = known->sqlite;

    known->find_foreign = ese_statement_new(sqlite, ROW " WHERE source = ?1 AND foreign_id = ?2");
    known->find_offset = ese_statement_new(sqlite, ROW " WHERE offset = ?1");
    known->find_stray = ese_statement_new(sqlite, "SELECT offset FROM strays WHERE id = ?1");
    known->look_through =
        ese_statement_new(sqlite, "SELECT offset, id FROM events WHERE offset >= ?1 AND offset <= ?2");
    known->put_stray = ese_statement_new(sqlite, "INSERT OR REPLACE INTO strays VALUES (?1, ?2)");
    known->delete_strays = ese_statement_new(
        sqlite, "DELETE FROM strays WHERE offset < ?1 AND id IN (SELECT id FROM events WHERE offset < ?1)");
}

/* ---- the row of an event ---------------------------------------------------------------------- */

/* False where it has none, which only another's hand can have done. */
static bool read_id(struct ese_statement *row, struct ese_id *id)
{
    size_t length;
    const void *bytes = ese_statement_column_bytes(row, 1, &length);

    if (length != sizeof(id->bytes))
        return false;
    memcpy(id->bytes, bytes, length);
    return true;
}

/* Fills event from the row that the statement was bound to find, where that is of the id that is wanted (NULL: of
 * any). 1: found, 0: none, -1: error. */
static int find_row(struct ese_statement *find, const struct ese_id *wanted, struct ese_event *event,
                    struct ese_store_earlier *earlier, struct ese_error *error)
{
    struct ese_id id = event->id;
    int got = ese_statement_step(find, error);

    if (got != 1)
        return got;
    bool is_it = read_id(find, &id) && (wanted == NULL || ese_id_equal(&id, wanted));
    if (is_it || wanted == NULL) {
        event->id = id;
        event->server_ts = ese_statement_column_number(find, 2);
        *earlier = (struct ese_store_earlier){.offset = ese_statement_column_number(find, 0),
                                              .content_hash = (uint64_t)ese_statement_column_number(find, 3)};
    }
    ese_statement_reset(find);
    return is_it || wanted == NULL;
}

static int find_at(struct ese_store_known *known, int64_t offset, const struct ese_id *wanted, struct ese_event *event,
                   struct ese_store_earlier *earlier, struct ese_error *error)
{
    ese_statement_number(known->find_offset, 1, offset);
    return find_row(known->find_offset, wanted, event, earlier, error);
}

int ese_store_known_at(struct ese_store_known *known, int64_t offset, struct ese_event *event,
                       struct ese_store_earlier *earlier, struct ese_error *error)
{
    return find_at(known, offset, NULL, event, earlier, error);
}

/* 1: it is one, at *offset; 0: it is none; -1. */
static int is_stray(struct ese_store_known *known, const struct ese_id *id, int64_t *offset, struct ese_error *error)
{
    int got;

    if (!known->has_strays)
        return 0;
    ese_statement_bytes(known->find_stray, 1, id->bytes, sizeof(id->bytes));
    got = ese_statement_step(known->find_stray, error);
    if (got != 1)
        return got;
    *offset = ese_statement_column_number(known->find_stray, 0);
    ese_statement_reset(known->find_stray);
    return 1;
}

static int find_stray(struct ese_store_known *known, struct ese_event *event, struct ese_store_earlier *earlier,
                      struct ese_error *error)
{
    const struct ese_id wanted = event->id;
    int64_t offset;
    int got = is_stray(known, &wanted, &offset, error);

    return got != 1 ? got : find_at(known, offset, &wanted, event, earlier, error);
}

/* Of those from `first` to `last`, the first row that tells on which side of it the wanted one is, if that came in
 * order: one of the same lane. It is behind those that come later in the lane, strays too; of those that come earlier,
 * strays tell nothing. 1, 0: there is none; -1. */
static int probe(struct ese_store_known *known, const struct ese_id *wanted, int64_t first, int64_t last,
                 struct ese_id *id, int64_t *offset, struct ese_error *error)
{
    struct ese_id_parts sought = ese_id_read(wanted);
    struct ese_statement *rows = known->look_through;
    int got;

    ese_statement_number(rows, 1, first);
    ese_statement_number(rows, 2, last);
    while ((got = ese_statement_step(rows, error)) == 1) {
        int64_t where;
        known->passed++;
        if (!read_id(rows, id) || ese_id_lane(id) != sought.lane || !ese_id_is_ours(id))
            continue;
        struct ese_id_parts parts = ese_id_read(id);
        if (parts.run != sought.run)
            continue;
        int stray = parts.sequence < sought.sequence ? is_stray(known, id, &where, error) : 0;
        if (stray == 1)
            continue;
        got = stray == 0 ? 1 : -1;
        *offset = ese_statement_column_number(rows, 0);
        ese_statement_reset(rows);
        break;
    }
    return got;
}

/* A lane is in order: so where its rows are many, or lie among many others', the place is halved until few are left, or
 * none. As much as that took is looked through then: who repeats events in the log's order pays for it once. */
static int narrow(struct ese_store_known *known, const struct ese_id *wanted, struct ese_store_place *place,
                  struct ese_error *error)
{
    const uint32_t sequence = ese_id_read(wanted).sequence;

    known->passed = 0;
    while (place->last - place->first >= known->rows) {
        int64_t middle = place->first + (place->last - place->first) / 2, offset = NOT_FOUND;
        struct ese_id id;
        int got = probe(known, wanted, middle, place->last, &id, &offset, error);
        if (got < 0)
            return -1;
        if (got == 1 && ese_id_equal(&id, wanted))
            place->first = place->last = offset;
        else if (got == 1 && ese_id_read(&id).sequence < sequence)
            place->first = offset + 1;
        else
            place->last = middle - 1; /* what would be behind has been passed */
    }
    int64_t last = place->first + (known->passed < ROWS_BESIDE ? known->passed : ROWS_BESIDE) - 1;
    place->last = place->last > last ? place->last : last;
    return 0;
}

/* *offset is that of the wanted id, or stays. All of them are kept in sight: who repeats one repeats those behind it,
 * too. */
static int look_through(struct ese_store_known *known, const struct ese_id *wanted,
                        const struct ese_store_place *place, int64_t *offset, struct ese_error *error)
{
    struct ese_statement *rows = known->look_through;
    struct ese_id id;
    int got;

    ese_store_sight_begin(known->sight, place->first);
    ese_statement_number(rows, 1, place->first);
    ese_statement_number(rows, 2, place->last);
    while ((got = ese_statement_step(rows, error)) == 1) {
        int64_t at = ese_statement_column_number(rows, 0);
        if (!read_id(rows, &id))
            continue;
        ese_store_sight_add(known->sight, &id, at);
        if (ese_id_equal(&id, wanted))
            *offset = at;
    }
    return got;
}

static int find_between(struct ese_store_known *known, const struct ese_store_place *place, struct ese_event *event,
                        struct ese_store_earlier *earlier, struct ese_error *error)
{
    const struct ese_id wanted = event->id;
    int64_t offset = place->first == place->last ? place->first : NOT_FOUND;

    if (offset == NOT_FOUND && !ese_store_sight_find(known->sight, &wanted, &offset) &&
        !ese_store_sight_covers(known->sight, place->first, place->last)) {
        struct ese_store_place few = *place;
        if (narrow(known, &wanted, &few, error) != 0 || look_through(known, &wanted, &few, &offset, error) != 0)
            return -1;
    }
    return offset == NOT_FOUND ? 0 : find_at(known, offset, &wanted, event, earlier, error);
}

/* What has left the log may have come again, and is a stray then. */
int ese_store_known_find_id(struct ese_store_known *known, struct ese_event *event,
                            struct ese_store_earlier *earlier, struct ese_error *error)
{
    struct ese_store_place place;
    enum ese_store_where where = ese_store_lanes_find(known->lanes, &event->id, &place);
    int got = 0;

    if (where == ESE_STORE_NOWHERE)
        return 0;
    if (where == ESE_STORE_BETWEEN)
        got = find_between(known, &place, event, earlier, error);
    return got == 0 ? find_stray(known, event, earlier, error) : got;
}

int ese_store_known_find(struct ese_store_known *known, struct ese_event *event, struct ese_store_earlier *earlier,
                         struct ese_error *error)
{
    if (event->foreign_id[0] == '\0')
        return ese_store_known_find_id(known, event, earlier, error);
    ese_statement_text(known->find_foreign, 1, event->source);
    ese_statement_text(known->find_foreign, 2, event->foreign_id);
    return find_row(known->find_foreign, NULL, event, earlier, error);
}

/* ---- adding and leaving ------------------------------------------------------------------------ */

static int add(struct ese_store_known *known, const struct ese_id *id, int64_t offset, struct ese_error *error)
{
    if (ese_store_lanes_note(known->lanes, id, offset))
        return 0;
    known->has_strays = true;
    ese_statement_bytes(known->put_stray, 1, id->bytes, sizeof(id->bytes));
    ese_statement_number(known->put_stray, 2, offset);
    return ese_statement_run(known->put_stray, error);
}

int ese_store_known_add(struct ese_store_known *known, const struct ese_event *event, int64_t offset,
                        struct ese_error *error)
{
    return add(known, &event->id, offset, error);
}

int ese_store_known_expire(struct ese_store_known *known, int64_t first, struct ese_error *error)
{
    if (!known->has_strays)
        return 0;
    ese_statement_number(known->delete_strays, 1, first);
    return ese_statement_run(known->delete_strays, error);
}

size_t ese_store_known_added(const struct ese_store_known *known)
{
    return ese_store_lanes_noted(known->lanes);
}

/* The offsets of what is taken back are given again. */
void ese_store_known_rollback(struct ese_store_known *known, size_t count)
{
    ese_store_lanes_rollback(known->lanes, count);
    ese_store_sight_begin(known->sight, 0);
}

void ese_store_known_commit(struct ese_store_known *known, int64_t first)
{
    ese_store_lanes_commit(known->lanes, first);
}

/* ---- opening ------------------------------------------------------------------------------------ */

/* A stray stays one: so a log that was closed is opened without a row being written. */
static int read_row(struct ese_store_known *known, struct ese_statement *row, struct ese_error *error)
{
    int64_t offset = ese_statement_column_number(row, 0);
    struct ese_id id;

    if (!read_id(row, &id))
        return 0;
    if (ese_statement_column_null(row, 2) || ese_statement_column_number(row, 2) != offset)
        return add(known, &id, offset, error);
    known->has_strays = true;
    ese_store_lanes_note_stray(known->lanes, &id, offset);
    return 0;
}

static int read_rows(struct ese_store_known *known, int64_t first, struct ese_error *error)
{
    struct ese_statement *rows = ese_statement_new(
        known->sqlite, "SELECT events.offset, events.id, strays.offset FROM events"
                       " LEFT JOIN strays ON strays.id = events.id ORDER BY events.offset");
    int got;

    while ((got = ese_statement_step(rows, error)) == 1) {
        if (read_row(known, rows, error) != 0) {
            ese_statement_reset(rows);
            return -1;
        }
        if (ese_store_lanes_noted(known->lanes) >= ROWS_AT_ONCE)
            ese_store_lanes_commit(known->lanes, first);
    }
    ese_store_lanes_commit(known->lanes, first);
    return got;
}

/* An earlier version that had it meanwhile let no strays leave. */
static int drop_left_strays(struct ese_store_known *known, int64_t first, struct ese_error *error)
{
    struct ese_statement *drop = ese_statement_new(known->sqlite, "DELETE FROM strays WHERE offset < ?1");

    ese_statement_number(drop, 1, first);
    return ese_statement_run(drop, error);
}

static int read_table(struct ese_store_known *known, int64_t first, struct ese_error *error)
{
    if (ese_sqlite_begin(known->sqlite, error) != 0)
        return -1;
    if (drop_left_strays(known, first, error) == 0 && read_rows(known, first, error) == 0)
        return ese_sqlite_commit(known->sqlite, error);
    ese_sqlite_rollback(known->sqlite);
    return -1;
}

int ese_store_known_open(struct ese_sqlite *sqlite, const struct ese_store_bounds *bounds, int64_t first,
                         struct ese_store_known **known, struct ese_error *error)
{
    *known = ese_alloc(sizeof(**known));
    (*known)->sqlite = sqlite;
    (*known)->lanes = ese_store_lanes_new(bounds);
    (*known)->rows = bounds->rows != 0 ? bounds->rows : ROWS_LOOKED_AT;
    (*known)->sight = ese_store_sight_new();
    prepare(*known);
    if (read_table(*known, first, error) == 0)
        return 0;
    ese_store_known_close(known);
    return -1;
}

void ese_store_known_close(struct ese_store_known **known)
{
    if (*known == NULL)
        return;
    ese_store_lanes_free(&(*known)->lanes);
    ese_store_sight_free(&(*known)->sight);
    free(*known);
    *known = NULL;
}
