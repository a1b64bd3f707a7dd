/*
 * store_table.h - the tables behind the log, as the one who writes sees them.
 *
 * An event is stored once: its id, or where it came with a foreign one (source, foreign id), is
 * unique (store_known.h), and what is found there already is answered as it was the first time. A request with an
 * Idempotency-Key leaves a row with the offsets of its events. Rows stay for the retention, and at
 * least ten minutes, which is how long a retry is recognised, across restarts too.
 *
 * The database grows up to log->max_bytes. What would need more is refused, request by request,
 * with enough kept back for old rows to leave; a repeat needs nothing and is answered all the same.
 *
 * One thread: the writer's. Every function that writes belongs between begin and commit or
 * rollback.
 */
#ifndef ESE_TRANSPORT_HTTP_STORE_TABLE_H
#define ESE_TRANSPORT_HTTP_STORE_TABLE_H

#include "ese-core/event_intake.h"
#include "transports/http/store_log.h"

struct ese_store_table;

/* Creates what is missing and sets log->next. */
int ese_store_table_open(struct ese_store_log *log, struct ese_store_table **table,
                         struct ese_error *error);
void ese_store_table_close(struct ese_store_table **table);

int ese_store_table_begin(struct ese_store_table *table, struct ese_error *error);
int ese_store_table_commit(struct ese_store_table *table, struct ese_error *error);
void ese_store_table_rollback(struct ese_store_table *table);

/* Stores a request as a whole or not at all, with now_ms as its server_ts, or finds what was
 * stored for it before and fills that in. *result is ESE_APPEND_STORED, ESE_APPEND_CONFLICT,
 * ESE_APPEND_AT_BOUND with append->why, or ESE_APPEND_FAILED, where the id an event was given here beside its foreign
 * one is there already: another try is given another. */
int ese_store_table_append(struct ese_store_table *table, struct ese_append *append, int64_t now_ms,
                           enum ese_append_result *result, struct ese_error *error);

/* Why there was no room, the last time; the table's. */
const char *ese_store_table_full(const struct ese_store_table *table);

/* Deletes rows that are too old, at most `most` of each kind; *deleted says how many events it
 * were. */
int ese_store_table_expire(struct ese_store_table *table, int64_t now_ms, int64_t most,
                           int64_t *deleted, struct ese_error *error);

/* Writes as much as the largest event, where no reader sees it: fails when that could not be
 * stored either. *why becomes NULL, or, where only the bound keeps it from that, the table's words. */
int ese_store_table_probe(struct ese_store_table *table, int64_t now_ms, const char **why,
                          struct ese_error *error);

const struct ese_store_log *ese_store_table_log(const struct ese_store_table *table);

/* Bytes of the database that hold something, as of the last commit. */
int64_t ese_store_table_used_bytes(const struct ese_store_table *table);

/* Events found stored before, since the table was opened. */
int64_t ese_store_table_repeats(const struct ese_store_table *table);

#endif
