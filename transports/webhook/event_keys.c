#include "transports/webhook/event_keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ese-core/buffer.h"
#include "ese-core/digest.h"
#include "ese-core/memory.h"
#include "transports/webhook/created.h"
#include "transports/webhook/key_memtable.h"

#define MOST_NEW ESE_WEBHOOK_MEMTABLE_MOST /* events among which there may be keys that have no place yet */
#define PLACED_AT_ONCE 64                  /* by one statement */

/* Where a uuid's text has its version (RFC 9562), and which there are: those of keys are the other two. */
#define VERSION_AT 14
#define AT_RANDOM '4'
#define BY_TIME '7'
#define OF_OUR_OWN '8'

struct ese_webhook_keys {
    struct ese_sqlite *sqlite;
    struct ese_statement *find_place, *find_event, *find_gone, *newest, *last_place;
    struct ese_statement *newest_position, *find_placed, *put_placed;
    struct ese_statement *put_place, *put_places, *keep_place, *put_gone, *oldest_gone, *delete_place, *delete_gone;
    struct ese_webhook_memtable fresh; /* those without a place */
    int64_t placed;                    /* they are behind that position */
    char last[ESE_ID_TEXT_SIZE];       /* none that has a place is greater */
    bool is_read;                      /* from the file, since it was opened or a transaction was rolled back */
};

/* ---- life ------------------------------------------------------------------------------------ */

/* The places of so many at once. Where one has a place, that is of an event that is none of its any more. */
static struct ese_statement *new_put_places(struct ese_sqlite *sqlite, int count)
{
    struct ese_buffer sql = ESE_BUFFER_INIT(SIZE_MAX);

    ese_buffer_text(&sql, "INSERT OR REPLACE INTO event_places VALUES (?, ?)");
    for (int i = 1; i < count; i++)
        ese_buffer_text(&sql, ", (?, ?)");
    struct ese_statement *statement = ese_statement_new(sqlite, sql.text);
    ese_buffer_free(&sql);
    return statement;
}

struct ese_webhook_keys *ese_webhook_keys_new(struct ese_sqlite *sqlite)
{
    struct ese_webhook_keys *keys = ese_alloc(sizeof(*keys));

    keys->sqlite = sqlite;
    keys->find_place = ese_statement_new(sqlite, "SELECT position FROM event_places WHERE uuid = ?1");
    keys->find_event = ese_statement_new(sqlite, "SELECT uuid, created, type, body FROM events WHERE rowid = ?1");
    keys->find_gone = ese_statement_new(sqlite, "SELECT uuid, at, content FROM event_gone WHERE position = ?1");
    keys->newest = ese_statement_new(
        sqlite, "SELECT rowid, uuid FROM events WHERE rowid > ?1 ORDER BY rowid LIMIT ?2");
    keys->last_place = ese_statement_new(sqlite, "SELECT max(uuid) FROM event_places");
    keys->newest_position = ese_statement_new(sqlite, "SELECT max(rowid) FROM events");
    keys->find_placed = ese_statement_new(sqlite, "SELECT position FROM event_placed");
    keys->put_placed = ese_statement_new(sqlite, "INSERT OR REPLACE INTO event_placed VALUES (1, ?1)");
    keys->put_place = new_put_places(sqlite, 1);
    keys->put_places = new_put_places(sqlite, PLACED_AT_ONCE);
    keys->keep_place = ese_statement_new(
        sqlite, "INSERT INTO event_places VALUES (?1, ?2)"
                " ON CONFLICT (uuid) DO UPDATE SET position = max(position, excluded.position)");
    keys->put_gone = ese_statement_new(sqlite, "INSERT OR REPLACE INTO event_gone VALUES (?1, ?2, ?3, ?4)");
    keys->oldest_gone = ese_statement_new(
        sqlite, "SELECT position, uuid, at FROM event_gone ORDER BY position LIMIT ?1");
    keys->delete_place = ese_statement_new(sqlite, "DELETE FROM event_places WHERE uuid = ?1 AND position = ?2");
    keys->delete_gone = ese_statement_new(sqlite, "DELETE FROM event_gone WHERE position <= ?1");
    return keys;
}

void ese_webhook_keys_free(struct ese_webhook_keys **keys)
{
    free(*keys);
    *keys = NULL;
}

/* ---- names ----------------------------------------------------------------------------------- */

static void write_uuid(struct ese_id *id, char version, char uuid[ESE_ID_TEXT_SIZE])
{
    id->bytes[6] = (uint8_t)((id->bytes[6] & 0x0f) | (version - '0') << 4);
    id->bytes[8] = (uint8_t)((id->bytes[8] & 0x3f) | 0x80);
    ese_id_text(id, uuid);
}

/* As text the way it is written here. */
static bool is_by_time(const char *key)
{
    struct ese_id id;

    return strnlen(key, ESE_ID_TEXT_SIZE) == ESE_ID_TEXT_SIZE - 1 && key[VERSION_AT] == BY_TIME &&
           ese_id_parse(key, &id, NULL) == 0 && ese_id_is_ours(&id) && strpbrk(key, "ABCDEF") == NULL;
}

void ese_webhook_keys_name(const char *stream, const char *key, char uuid[ESE_ID_TEXT_SIZE])
{
    const struct ese_digest_part parts[] = {{stream, strlen(stream) + 1}, {key, strlen(key)}};
    uint8_t digest[ESE_DIGEST_SIZE];
    struct ese_id id;

    if (is_by_time(key)) {
        memcpy(uuid, key, ESE_ID_TEXT_SIZE);
        return;
    }
    ese_digest(parts, ESE_COUNT_OF(parts), digest);
    memcpy(id.bytes, digest, sizeof(id.bytes));
    write_uuid(&id, OF_OUR_OWN, uuid);
}

void ese_webhook_keys_name_any(char uuid[ESE_ID_TEXT_SIZE])
{
    struct ese_id id;

    arc4random_buf(id.bytes, sizeof(id.bytes));
    write_uuid(&id, AT_RANDOM, uuid);
}

/* Of an event that came without a key, too, in a file of the original's also of one that has no uuid. */
static bool has_key(const char *uuid)
{
    return strnlen(uuid, ESE_ID_TEXT_SIZE) == ESE_ID_TEXT_SIZE - 1 &&
           (uuid[VERSION_AT] == BY_TIME || uuid[VERSION_AT] == OF_OUR_OWN);
}

/* ---- what has no place yet ------------------------------------------------------------------- */

static int put_placed(struct ese_webhook_keys *keys, int64_t position, struct ese_error *error)
{
    keys->placed = position;
    ese_statement_number(keys->put_placed, 1, position);
    return ese_statement_run(keys->put_placed, error);
}

static int put_places(struct ese_statement *put, const struct ese_webhook_memtable_key *keys, int count,
                      struct ese_error *error)
{
    for (int i = 0; i < count; i++) {
        ese_statement_text(put, 2 * i + 1, keys[i].uuid);
        ese_statement_number(put, 2 * i + 2, keys[i].position);
    }
    return ese_statement_run(put, error);
}

static void note_last(struct ese_webhook_keys *keys, const char *uuid)
{
    if (strcmp(uuid, keys->last) > 0)
        snprintf(keys->last, sizeof(keys->last), "%s", uuid);
}

/* Of all that have none: those up to that position, which are all that were read or have come. */
static int place_all(struct ese_webhook_keys *keys, int64_t position, struct ese_error *error)
{
    struct ese_webhook_memtable *fresh = &keys->fresh;
    int i = 0, failed = 0;

    ese_webhook_memtable_sort(fresh);
    for (; fresh->count - i >= PLACED_AT_ONCE && failed == 0; i += PLACED_AT_ONCE)
        failed = put_places(keys->put_places, &fresh->keys[i], PLACED_AT_ONCE, error);
    for (; i < fresh->count && failed == 0; i++)
        failed = put_places(keys->put_place, &fresh->keys[i], 1, error);
    if (failed != 0)
        return -1;
    if (fresh->count > 0)
        note_last(keys, fresh->keys[fresh->count - 1].uuid);
    ese_webhook_memtable_clear(fresh);
    return put_placed(keys, position, error);
}

/* The number in the only row there may be. 1, 0 or -1. */
static int read_number(struct ese_statement *statement, int64_t *number, struct ese_error *error)
{
    int got = ese_statement_step(statement, error);

    if (got == 1)
        *number = ese_statement_column_number(statement, 0);
    ese_statement_reset(statement);
    return got;
}

/* Where nobody has noted it the file is new, or the original's, whose events have no keys. */
static int read_placed(struct ese_webhook_keys *keys, int64_t newest, struct ese_error *error)
{
    int got = read_number(keys->find_placed, &keys->placed, error);

    if (got == 1 && keys->placed <= newest)
        return 0;
    return got < 0 ? -1 : put_placed(keys, newest, error);
}

static int read_last(struct ese_webhook_keys *keys, struct ese_error *error)
{
    struct ese_statement *last = keys->last_place;
    int got = ese_statement_step(last, error);

    keys->last[0] = '\0';
    if (got == 1)
        note_last(keys, ese_statement_column_text(last, 0));
    ese_statement_reset(last);
    return got < 0 ? -1 : 0;
}

/* Those behind *position, as many as may be; it becomes the last one's. How many events there were, or -1. */
static int read_some(struct ese_webhook_keys *keys, int64_t *position, struct ese_error *error)
{
    struct ese_statement *newest = keys->newest;
    int got, count = 0;

    ese_statement_number(newest, 1, *position);
    ese_statement_number(newest, 2, MOST_NEW);
    while ((got = ese_statement_step(newest, error)) == 1) {
        const char *uuid = ese_statement_column_text(newest, 1);
        *position = ese_statement_column_number(newest, 0);
        if (has_key(uuid))
            ese_webhook_memtable_put(&keys->fresh, uuid, *position);
        count++;
    }
    return got < 0 ? -1 : count;
}

static int read_newest(struct ese_webhook_keys *keys, struct ese_error *error)
{
    int64_t end = 0;
    int count;

    if (keys->is_read)
        return 0;
    ese_webhook_memtable_clear(&keys->fresh);
    if (read_number(keys->newest_position, &end, error) < 0 || read_placed(keys, end, error) != 0 ||
        read_last(keys, error) != 0)
        return -1;
    int64_t position = keys->placed;
    while ((count = read_some(keys, &position, error)) == MOST_NEW) {
        if (place_all(keys, position, error) != 0)
            return -1;
    }
    keys->is_read = count >= 0;
    return count < 0 ? -1 : 0;
}

void ese_webhook_keys_rolled_back(struct ese_webhook_keys *keys)
{
    keys->is_read = false;
}

/* ---- finding --------------------------------------------------------------------------------- */

/* What is looked for, and what is found. */
struct search {
    const char *uuid;
    const struct ese_webhook_content *content;
    int64_t since_ms;
    int64_t position;
    bool is_same;
};

static void digest_content(const struct ese_webhook_content *content, uint8_t digest[ESE_DIGEST_SIZE])
{
    const struct ese_digest_part parts[] = {{content->type, strlen(content->type) + 1},
                                            {content->body, content->length}};

    ese_digest(parts, ESE_COUNT_OF(parts), digest);
}

static bool has_bytes(struct ese_statement *found, int column, const void *bytes, size_t length)
{
    size_t its_length;
    const void *its = ese_statement_column_bytes(found, column, &its_length);

    return its_length == length && (length == 0 || memcmp(its, bytes, length) == 0);
}

static bool is_event(struct ese_statement *found, struct search *search)
{
    int64_t created_ms;

    if (strcmp(ese_statement_column_text(found, 0), search->uuid) != 0 ||
        ese_webhook_created_read(ese_statement_column_text(found, 1), &created_ms) != 0 ||
        created_ms < search->since_ms)
        return false;
    search->is_same = strcmp(ese_statement_column_text(found, 2), search->content->type) == 0 &&
                      has_bytes(found, 3, search->content->body, search->content->length);
    return true;
}

static bool is_gone(struct ese_statement *found, struct search *search)
{
    uint8_t digest[ESE_DIGEST_SIZE];

    if (strcmp(ese_statement_column_text(found, 0), search->uuid) != 0 ||
        ese_statement_column_number(found, 1) < search->since_ms)
        return false;
    digest_content(search->content, digest);
    search->is_same = has_bytes(found, 2, digest, sizeof(digest));
    return true;
}

static int look_in(struct ese_statement *find, int64_t position, bool (*is_it)(struct ese_statement *, struct search *),
                   struct search *search, struct ese_error *error)
{
    ese_statement_number(find, 1, position);
    int got = ese_statement_step(find, error);
    if (got != 1)
        return got;
    got = is_it(find, search);
    search->position = position;
    ese_statement_reset(find);
    return got;
}

/* Whether what is, or was, at that position is it, and young enough. 1, 0 or -1. */
static int look_at(struct ese_webhook_keys *keys, int64_t position, struct search *search, struct ese_error *error)
{
    int got = look_in(keys->find_event, position, is_event, search, error);

    return got != 0 ? got : look_in(keys->find_gone, position, is_gone, search, error);
}

/* Where it has its place; 0: it has none. */
static int find_place(struct ese_webhook_keys *keys, const char *uuid, int64_t *position, struct ese_error *error)
{
    struct ese_statement *find = keys->find_place;

    *position = 0;
    ese_statement_text(find, 1, uuid);
    int got = ese_statement_step(find, error);
    if (got == 1)
        *position = ese_statement_column_number(find, 0);
    ese_statement_reset(find);
    return got < 0 ? -1 : 0;
}

/* One that is later than all that have a place has none: as those of version 7 mostly are. */
static int find(struct ese_webhook_keys *keys, struct search *search, struct ese_error *error)
{
    int64_t position = ese_webhook_memtable_find(&keys->fresh, search->uuid);
    int got = position == 0 ? 0 : look_at(keys, position, search, error);

    if (got != 0 || strcmp(search->uuid, keys->last) > 0)
        return got;
    if (find_place(keys, search->uuid, &position, error) != 0)
        return -1;
    return position == 0 ? 0 : look_at(keys, position, search, error);
}

int ese_webhook_keys_find(struct ese_webhook_keys *keys, const char *uuid, const struct ese_webhook_content *content,
                          int64_t since_ms, int64_t *position, bool *is_same, struct ese_error *error)
{
    struct search search = {.uuid = uuid, .content = content, .since_ms = since_ms};

    if (read_newest(keys, error) != 0)
        return -1;
    int found = find(keys, &search, error);
    *position = search.position;
    *is_same = search.is_same;
    return found;
}

/* ---- coming and leaving ---------------------------------------------------------------------- */

int ese_webhook_keys_add(struct ese_webhook_keys *keys, const char *uuid, int64_t position, struct ese_error *error)
{
    if (read_newest(keys, error) != 0)
        return -1;
    if (has_key(uuid))
        ese_webhook_memtable_put(&keys->fresh, uuid, position);
    return position - keys->placed < MOST_NEW ? 0 : place_all(keys, position, error);
}

static int put_gone(struct ese_webhook_keys *keys, const char *uuid, int64_t position, const void *content,
                    size_t length, int64_t at_ms, struct ese_error *error)
{
    ese_statement_number(keys->put_gone, 1, position);
    ese_statement_text(keys->put_gone, 2, uuid);
    ese_statement_bytes(keys->put_gone, 3, content, length);
    ese_statement_number(keys->put_gone, 4, at_ms);
    return ese_statement_run(keys->put_gone, error);
}

/* It gets its place at once: whoever opens the file reads those without one from their events. Where it came again, the
 * clock was set back since, and it stays where it came last. */
static int stay(struct ese_webhook_keys *keys, const char *uuid, int64_t position,
                const struct ese_webhook_content *content, int64_t at_ms, struct ese_error *error)
{
    uint8_t digest[ESE_DIGEST_SIZE];

    digest_content(content, digest);
    ese_statement_text(keys->keep_place, 1, uuid);
    ese_statement_number(keys->keep_place, 2, position);
    note_last(keys, uuid);
    return ese_statement_run(keys->keep_place, error) != 0
               ? -1
               : put_gone(keys, uuid, position, digest, sizeof(digest), at_ms, error);
}

static int drop_place(struct ese_webhook_keys *keys, const char *uuid, int64_t position, struct ese_error *error)
{
    ese_statement_text(keys->delete_place, 1, uuid);
    ese_statement_number(keys->delete_place, 2, position);
    return ese_statement_run(keys->delete_place, error);
}

int ese_webhook_keys_leave(struct ese_webhook_keys *keys, const char *uuid, int64_t position,
                           const struct ese_webhook_content *content, int64_t at_ms, struct ese_error *error)
{
    if (!has_key(uuid))
        return 0;
    ese_webhook_memtable_drop(&keys->fresh, uuid, position);
    return content != NULL ? stay(keys, uuid, position, content, at_ms, error)
                           : drop_place(keys, uuid, position, error);
}

int ese_webhook_keys_probe(struct ese_webhook_keys *keys, const void *bytes, size_t length, int64_t now_ms,
                           struct ese_error *error)
{
    return put_gone(keys, "", 0, bytes, length, now_ms, error);
}

int ese_webhook_keys_expire(struct ese_webhook_keys *keys, int64_t since_ms, int64_t most, struct ese_error *error)
{
    struct ese_statement *oldest = keys->oldest_gone;
    int64_t last = -1;
    int got, dropped = 0;

    if (since_ms == INT64_MIN)
        return 0;
    ese_statement_number(oldest, 1, most);
    while ((got = ese_statement_step(oldest, error)) == 1 && ese_statement_column_number(oldest, 2) < since_ms) {
        last = ese_statement_column_number(oldest, 0);
        dropped = drop_place(keys, ese_statement_column_text(oldest, 1), last, error);
        if (dropped != 0)
            break;
    }
    ese_statement_reset(oldest);
    if (got < 0 || dropped != 0)
        return -1;
    if (last < 0)
        return 0;
    ese_statement_number(keys->delete_gone, 1, last);
    return ese_statement_run(keys->delete_gone, error);
}
