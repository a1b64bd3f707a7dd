/*
 * event_keys.h - the Idempotency-Keys that a stream's file knows, each with what was answered to it.
 *
 * A key's row stands by its event's position, so that a new one goes behind the last. By itself a key is found in a
 * second table, into which keys come some at a time and sorted: in the order in which they come each would change a
 * page of its own, and a commit would write them all. Those that are not there yet are the last ones by position, few
 * enough to be remembered, and to be read again by whoever opens the file.
 *
 * The thread that writes, within its transactions. Source of the idea: the sorted runs of log-structured merge trees
 * (O'Neil and others, 1996).
 */
#ifndef ESE_WEBHOOK_EVENT_KEYS_H
#define ESE_WEBHOOK_EVENT_KEYS_H

#include "ese-core/digest.h"
#include "ese-core/id.h"
#include "ese-core/sqlite.h"

/* To be part of the file's schema. */
#define ESE_WEBHOOK_KEYS_SCHEMA \
    "CREATE TABLE IF NOT EXISTS event_keys (" \
    "  position INTEGER PRIMARY KEY," \
    "  idempotency_key TEXT NOT NULL," \
    "  content BLOB NOT NULL," /* a digest of type and body */ \
    "  uuid TEXT NOT NULL," \
    "  at INTEGER NOT NULL);" \
    "CREATE TABLE IF NOT EXISTS event_key_places (" \
    "  idempotency_key TEXT PRIMARY KEY," \
    "  position INTEGER NOT NULL) WITHOUT ROWID;"

struct ese_webhook_keys;

struct ese_webhook_known {
    int64_t position;
    char uuid[ESE_ID_TEXT_SIZE];
    bool is_same; /* content, too */
};

/* Of a database that has the tables. */
struct ese_webhook_keys *ese_webhook_keys_new(struct ese_sqlite *sqlite);
void ese_webhook_keys_free(struct ese_webhook_keys **keys);

/* 1: it came before, not before that time; 0: it did not; -1. */
int ese_webhook_keys_find(struct ese_webhook_keys *keys, const char *key, const uint8_t *content, int64_t since_ms,
                          struct ese_webhook_known *known, struct ese_error *error);
/* Of one that is not known: known says what is answered to it. */
int ese_webhook_keys_add(struct ese_webhook_keys *keys, const char *key, const uint8_t *content, int64_t now_ms,
                         const struct ese_webhook_known *known, struct ese_error *error);

/* A row that is no key's and leaves like any other, in place of the last of its kind. */
int ese_webhook_keys_probe(struct ese_webhook_keys *keys, const void *bytes, size_t length, int64_t now_ms,
                           struct ese_error *error);

/* Those from before that time leave, from the front, so many at most. */
int ese_webhook_keys_expire(struct ese_webhook_keys *keys, int64_t since_ms, int64_t most, struct ese_error *error);

/* The transaction was rolled back. */
void ese_webhook_keys_rolled_back(struct ese_webhook_keys *keys);

#endif
