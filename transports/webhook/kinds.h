/*
 * kinds.h - what has been read of the streams so far, for introspection: how many events of which type, and an example
 * of each shape.
 *
 * The tables are the original's (DIR/_itrospect.db, sic): stream_stats, where the total is the row with the type "",
 * and event_variants; and beside them how far each stream was read. A stream has at most 999 types and 1,000 shapes, of
 * which those that came first are kept, and the file 256 MiB; the original has no bound.
 *
 * One thread. What changes is within a transaction, each of one stream only.
 */
#ifndef ESE_WEBHOOK_KINDS_H
#define ESE_WEBHOOK_KINDS_H

#include <stdint.h>

#include "ese-core/sqlite.h"
#include "transports/webhook/stream_file.h"

struct ese_webhook_kinds;

int ese_webhook_kinds_open(const char *path, enum ese_durability durability, struct ese_webhook_kinds **kinds,
                           struct ese_error *error);
/* NULL behind the pointer is allowed; nulls it. */
void ese_webhook_kinds_close(struct ese_webhook_kinds **kinds);

int ese_webhook_kinds_begin(struct ese_webhook_kinds *kinds, struct ese_error *error);
int ese_webhook_kinds_commit(struct ese_webhook_kinds *kinds, struct ese_error *error);
void ese_webhook_kinds_rollback(struct ese_webhook_kinds *kinds);

/* The position of the last event that was read. 1; 0: none was, and what there is of the stream is not ours; -1. */
int ese_webhook_kinds_position(struct ese_webhook_kinds *kinds, const char *stream, int64_t *position,
                               struct ese_error *error);
int ese_webhook_kinds_put_position(struct ese_webhook_kinds *kinds, const char *stream, int64_t position,
                                   struct ese_error *error);
int ese_webhook_kinds_forget(struct ese_webhook_kinds *kinds, const char *stream, struct ese_error *error);

/* So many more of that type; "": of any. */
int ese_webhook_kinds_count(struct ese_webhook_kinds *kinds, const char *stream, const char *type, int64_t count,
                            struct ese_error *error);
/* It becomes the example of its shape, whose hash (shape.h) that is. */
int ese_webhook_kinds_note(struct ese_webhook_kinds *kinds, const char *hash, const char *stream,
                           const struct ese_webhook_event *event, struct ese_error *error);

/* To be stepped to their end: stream, type, count, by stream and type; type, position, uuid, created, body, by type and
 * position. */
struct ese_statement *ese_webhook_kinds_stats(struct ese_webhook_kinds *kinds);
struct ese_statement *ese_webhook_kinds_variants(struct ese_webhook_kinds *kinds, const char *stream);

#endif
