/*
 * store_known.h - whether the log has an event already, and which it is.
 *
 * One with a foreign id is found by (source, foreign id), which is an index of the table. One of ours is found by its
 * place in its lane (store_lanes.h), and nothing is looked up for a new one: that is what makes storing quick. Only
 * strays, which came out of the order of their lanes or have none, have an index.
 *
 * What is known of lanes is read from the whole table when it is opened. The writer's thread; what is added belongs
 * to the transaction.
 */
#ifndef ESE_TRANSPORT_HTTP_STORE_KNOWN_H
#define ESE_TRANSPORT_HTTP_STORE_KNOWN_H

#include "ese-core/event.h"
#include "ese-core/sqlite.h"
#include "transports/http/store_lanes.h"

/* A table of its own, for the log's schema. */
#define ESE_STORE_KNOWN_SCHEMA                                                                     \
    "DROP INDEX IF EXISTS events_by_id;" /* of all ids, as it once was */                          \
    "CREATE TABLE IF NOT EXISTS strays ("                                                          \
    "  id BLOB PRIMARY KEY,"                                                                       \
    "  offset INTEGER NOT NULL) WITHOUT ROWID;"

struct ese_store_known;

/* What is asked of the row of an event that came before. */
struct ese_store_earlier {
    int64_t offset;
    uint64_t content_hash;
};

/* first: the log's oldest row. What of a log is no stray and has to be one, as it is of an earlier version, becomes
 * one. */
int ese_store_known_open(struct ese_sqlite *sqlite, const struct ese_store_bounds *bounds, int64_t first,
                         struct ese_store_known **known, struct ese_error *error);
void ese_store_known_close(struct ese_store_known **known); /* before the database */

/* 1: there is one of the same name; its id and server_ts are filled in. 0: there is none; -1. */
int ese_store_known_find(struct ese_store_known *known, struct ese_event *event, struct ese_store_earlier *earlier,
                         struct ese_error *error);
/* The same, but of the same id, whatever its name. */
int ese_store_known_find_id(struct ese_store_known *known, struct ese_event *event,
                            struct ese_store_earlier *earlier, struct ese_error *error);
/* The same of the row at that offset. */
int ese_store_known_at(struct ese_store_known *known, int64_t offset, struct ese_event *event,
                       struct ese_store_earlier *earlier, struct ese_error *error);

/* An event, of an id that is not there, was stored at that offset, behind all others. */
int ese_store_known_add(struct ese_store_known *known, const struct ese_event *event, int64_t offset,
                        struct ese_error *error);

/* What is in front of first is about to leave. */
int ese_store_known_expire(struct ese_store_known *known, int64_t first, struct ese_error *error);

/* Of the transaction: how much was added, to take back all but that much of it; and its end, with the log's oldest
 * row. */
size_t ese_store_known_added(const struct ese_store_known *known);
void ese_store_known_rollback(struct ese_store_known *known, size_t count);
void ese_store_known_commit(struct ese_store_known *known, int64_t first);

#endif
