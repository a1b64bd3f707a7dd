/*
 * event_keys.h - the Idempotency-Keys that a stream's file knows.
 *
 * A key makes its event's uuid, so that whoever has the event has its key: beside its row none other is written for it.
 * A key that is a UUID of version 7 (RFC 9562), as ids of events here are, is the event's uuid, too; of any other, and
 * of the stream's name, one of version 8 is made. It is found again in a table by uuid, into which they come some at a
 * time and sorted: in the order in which they come each would change a page of its own, and a commit would write them
 * all. (Those of version 7 begin with a time, and so come to the same few pages anyway; and where all are of version 7,
 * most are later than all that are there, so that nobody has to look.) Those that are not there yet are behind the
 * position up to which all have theirs, few enough to be remembered (key_memtable.h), and to be read again by whoever
 * opens the file; where the original has written more to it meanwhile, they get their place then. What has to be known
 * for longer than its event is kept has a row of its own from then on.
 *
 * The thread that writes, within its transactions. Source of the idea: the sorted runs of log-structured merge trees
 * (O'Neil and others, 1996).
 */
#ifndef ESE_WEBHOOK_EVENT_KEYS_H
#define ESE_WEBHOOK_EVENT_KEYS_H

#include "ese-core/id.h"
#include "ese-core/sqlite.h"

/* To be part of the file's schema. */
#define ESE_WEBHOOK_KEYS_SCHEMA \
    "CREATE TABLE IF NOT EXISTS event_places (" \
    "  uuid TEXT PRIMARY KEY," \
    "  position INTEGER NOT NULL) WITHOUT ROWID;" \
    "CREATE TABLE IF NOT EXISTS event_gone (" \
    "  position INTEGER PRIMARY KEY," \
    "  uuid TEXT NOT NULL," \
    "  content BLOB NOT NULL," /* a digest of type and body */ \
    "  at INTEGER NOT NULL);" \
    "CREATE TABLE IF NOT EXISTS event_placed (" \
    "  one INTEGER PRIMARY KEY CHECK (one = 1)," \
    "  position INTEGER NOT NULL);" /* each key up to there has its place */

struct ese_webhook_keys;

struct ese_webhook_content {
    const char *type;
    const void *body;
    size_t length;
};

/* Of a database that has the tables, and `events`. */
struct ese_webhook_keys *ese_webhook_keys_new(struct ese_sqlite *sqlite);
void ese_webhook_keys_free(struct ese_webhook_keys **keys);

/* That of the event that comes with that key to that stream; and of one that comes without, at random (version 4). */
void ese_webhook_keys_name(const char *stream, const char *key, char uuid[ESE_ID_TEXT_SIZE]);
void ese_webhook_keys_name_any(char uuid[ESE_ID_TEXT_SIZE]);

/* 1: its key came before, not before that time, to that position, and with that content or not; 0: it did not; -1. */
int ese_webhook_keys_find(struct ese_webhook_keys *keys, const char *uuid, const struct ese_webhook_content *content,
                          int64_t since_ms, int64_t *position, bool *is_same, struct ese_error *error);

/* An event has come, with a key or without. */
int ese_webhook_keys_add(struct ese_webhook_keys *keys, const char *uuid, int64_t position, struct ese_error *error);

/* That event is about to leave; content NULL: and its key with it. */
int ese_webhook_keys_leave(struct ese_webhook_keys *keys, const char *uuid, int64_t position,
                           const struct ese_webhook_content *content, int64_t at_ms, struct ese_error *error);

/* A row that is no key's and leaves like any other, in place of the last of its kind. */
int ese_webhook_keys_probe(struct ese_webhook_keys *keys, const void *bytes, size_t length, int64_t now_ms,
                           struct ese_error *error);

/* Those from before that time whose events have left before leave, too, from the front, so many at most. */
int ese_webhook_keys_expire(struct ese_webhook_keys *keys, int64_t since_ms, int64_t most, struct ese_error *error);

/* The transaction was rolled back. */
void ese_webhook_keys_rolled_back(struct ese_webhook_keys *keys);

#endif
