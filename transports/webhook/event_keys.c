#include "transports/webhook/event_keys.h"

#include <stdlib.h>
#include <string.h>

#include "ese-core/memory.h"

#define MOST_NEW 1024 /* keys that have no place yet */
#define SLOTS 4096    /* a power of two */

struct slot {
    uint64_t hash;
    int64_t position; /* 0: free */
};

struct ese_webhook_keys {
    struct ese_sqlite *sqlite;
    struct ese_statement *find_place, *find_row, *put, *place_all, *newest, *oldest, *delete_place, *delete_rows;
    struct slot slots[SLOTS]; /* of those without a place */
    int count;
    int64_t first; /* the lowest position of them */
    bool is_read;  /* from the file, since it was opened or a transaction was rolled back */
};

/* ---- life ------------------------------------------------------------------------------------ */

struct ese_webhook_keys *ese_webhook_keys_new(struct ese_sqlite *sqlite)
{
    struct ese_webhook_keys *keys = ese_alloc(sizeof(*keys));

    keys->sqlite = sqlite;
    keys->find_place = ese_statement_new(sqlite, "SELECT position FROM event_key_places WHERE idempotency_key = ?1");
    keys->find_row = ese_statement_new(
        sqlite, "SELECT idempotency_key, at, content, uuid FROM event_keys WHERE position = ?1");
    keys->put = ese_statement_new(sqlite, "INSERT OR REPLACE INTO event_keys VALUES (?1, ?2, ?3, ?4, ?5)");
    keys->place_all = ese_statement_new(
        sqlite, "INSERT OR REPLACE INTO event_key_places SELECT idempotency_key, position FROM event_keys"
                " WHERE position >= ?1 ORDER BY idempotency_key, position");
    keys->newest = ese_statement_new(
        sqlite, "SELECT position, idempotency_key FROM event_keys WHERE position > 0 ORDER BY position DESC LIMIT ?1");
    keys->oldest = ese_statement_new(
        sqlite, "SELECT position, idempotency_key, at FROM event_keys ORDER BY position LIMIT ?1");
    keys->delete_place = ese_statement_new(
        sqlite, "DELETE FROM event_key_places WHERE idempotency_key = ?1 AND position = ?2");
    keys->delete_rows = ese_statement_new(sqlite, "DELETE FROM event_keys WHERE position <= ?1");
    return keys;
}

void ese_webhook_keys_free(struct ese_webhook_keys **keys)
{
    free(*keys);
    *keys = NULL;
}

/* ---- what has no place yet ------------------------------------------------------------------- */

/* FNV-1a, 64 bits. */
static uint64_t hash_of(const char *key)
{
    uint64_t hash = UINT64_C(14695981039346656037);

    for (const unsigned char *c = (const unsigned char *)key; *c != '\0'; c++)
        hash = (hash ^ *c) * UINT64_C(1099511628211);
    return hash;
}

static void note(struct ese_webhook_keys *keys, const char *key, int64_t position)
{
    uint64_t hash = hash_of(key), i = hash % SLOTS;

    while (keys->slots[i].position != 0)
        i = (i + 1) % SLOTS;
    keys->slots[i] = (struct slot){hash, position};
    if (keys->count++ == 0 || position < keys->first)
        keys->first = position;
}

static void forget_all(struct ese_webhook_keys *keys)
{
    memset(keys->slots, 0, sizeof(keys->slots));
    keys->count = 0;
}

/* That some of them may have a place does no harm. */
static int read_newest(struct ese_webhook_keys *keys, struct ese_error *error)
{
    struct ese_statement *newest = keys->newest;
    int got;

    if (keys->is_read)
        return 0;
    forget_all(keys);
    ese_statement_number(newest, 1, MOST_NEW - 1);
    while ((got = ese_statement_step(newest, error)) == 1)
        note(keys, ese_statement_column_text(newest, 1), ese_statement_column_number(newest, 0));
    keys->is_read = got == 0;
    return got;
}

static int place_all(struct ese_webhook_keys *keys, struct ese_error *error)
{
    ese_statement_number(keys->place_all, 1, keys->first);
    if (ese_statement_run(keys->place_all, error) != 0)
        return -1;
    forget_all(keys);
    return 0;
}

void ese_webhook_keys_rolled_back(struct ese_webhook_keys *keys)
{
    keys->is_read = false;
}

/* ---- finding --------------------------------------------------------------------------------- */

/* Whether the row at that position is of this key, and young enough. 1, 0 or -1. */
static int look_at(struct ese_webhook_keys *keys, int64_t position, const char *key, const uint8_t *content,
                   int64_t since_ms, struct ese_webhook_known *known, struct ese_error *error)
{
    struct ese_statement *find = keys->find_row;
    size_t length;

    ese_statement_number(find, 1, position);
    int got = ese_statement_step(find, error);
    if (got != 1)
        return got;
    bool is_it = strcmp(ese_statement_column_text(find, 0), key) == 0 &&
                 ese_statement_column_number(find, 1) >= since_ms;
    if (is_it) {
        const void *earlier = ese_statement_column_bytes(find, 2, &length);
        known->is_same = length == ESE_DIGEST_SIZE && memcmp(earlier, content, length) == 0;
        known->position = position;
        ese_fit_text(known->uuid, sizeof(known->uuid), ese_statement_column_text(find, 3));
    }
    ese_statement_reset(find);
    return is_it;
}

/* Where the key has its place; 0: it has none. */
static int find_place(struct ese_webhook_keys *keys, const char *key, int64_t *position, struct ese_error *error)
{
    struct ese_statement *find = keys->find_place;

    *position = 0;
    ese_statement_text(find, 1, key);
    int got = ese_statement_step(find, error);
    if (got == 1)
        *position = ese_statement_column_number(find, 0);
    ese_statement_reset(find);
    return got < 0 ? -1 : 0;
}

int ese_webhook_keys_find(struct ese_webhook_keys *keys, const char *key, const uint8_t *content, int64_t since_ms,
                          struct ese_webhook_known *known, struct ese_error *error)
{
    uint64_t hash = hash_of(key);
    int64_t position;

    if (read_newest(keys, error) != 0)
        return -1;
    for (uint64_t i = hash % SLOTS; keys->slots[i].position != 0; i = (i + 1) % SLOTS) {
        int got = keys->slots[i].hash == hash
                      ? look_at(keys, keys->slots[i].position, key, content, since_ms, known, error)
                      : 0;
        if (got != 0)
            return got;
    }
    if (find_place(keys, key, &position, error) != 0)
        return -1;
    return position == 0 ? 0 : look_at(keys, position, key, content, since_ms, known, error);
}

/* ---- coming and leaving ---------------------------------------------------------------------- */

int ese_webhook_keys_add(struct ese_webhook_keys *keys, const char *key, const uint8_t *content, int64_t now_ms,
                         const struct ese_webhook_known *known, struct ese_error *error)
{
    struct ese_statement *put = keys->put;

    ese_statement_number(put, 1, known->position);
    ese_statement_text(put, 2, key);
    ese_statement_bytes(put, 3, content, ESE_DIGEST_SIZE);
    ese_statement_text(put, 4, known->uuid);
    ese_statement_number(put, 5, now_ms);
    if (read_newest(keys, error) != 0 || ese_statement_run(put, error) != 0)
        return -1;
    note(keys, key, known->position);
    return keys->count < MOST_NEW ? 0 : place_all(keys, error);
}

int ese_webhook_keys_probe(struct ese_webhook_keys *keys, const void *bytes, size_t length, int64_t now_ms,
                           struct ese_error *error)
{
    struct ese_statement *put = keys->put;

    ese_statement_number(put, 1, 0);
    ese_statement_text(put, 2, "");
    ese_statement_bytes(put, 3, bytes, length);
    ese_statement_text(put, 4, "");
    ese_statement_number(put, 5, now_ms);
    return ese_statement_run(put, error);
}

int ese_webhook_keys_expire(struct ese_webhook_keys *keys, int64_t since_ms, int64_t most, struct ese_error *error)
{
    struct ese_statement *oldest = keys->oldest, *drop = keys->delete_place;
    int64_t last = -1;
    int got, dropped = 0;

    ese_statement_number(oldest, 1, most);
    while ((got = ese_statement_step(oldest, error)) == 1 && ese_statement_column_number(oldest, 2) < since_ms) {
        last = ese_statement_column_number(oldest, 0);
        ese_statement_text(drop, 1, ese_statement_column_text(oldest, 1));
        ese_statement_number(drop, 2, last);
        if ((dropped = ese_statement_run(drop, error)) != 0)
            break;
    }
    ese_statement_reset(oldest);
    if (got < 0 || dropped != 0)
        return -1;
    if (last < 0)
        return 0;
    ese_statement_number(keys->delete_rows, 1, last);
    return ese_statement_run(keys->delete_rows, error);
}
