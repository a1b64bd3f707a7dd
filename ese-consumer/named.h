/*
 * named.h - which of the events that have a name of their own a partition has had.
 *
 * An event that came with a foreign id, or without one under an Idempotency-Key, may have an id
 * made from that name (ese_event_id_of_name). Such an id says nothing of a lane, so no number can
 * stand for those before it (repeats.h): each is remembered by itself, and recognised exactly.
 *
 * The memory is bounded twice. An id leaves an hour of event time after it was noted; and beyond
 * `limit` of them the oldest leaves first (`evicted` counts these). What has left counts as new
 * when it comes again. Even then it has the id it had: three events that come again make the
 * decision they made, which is known for longer (decisions.h).
 *
 * Ids leave in the order in which they came, so they are numbered: what is remembered is always all
 * from one number to another. Pure logic, one thread; saved by whoever owns a transaction.
 */
#ifndef ESE_NAMED_H
#define ESE_NAMED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ese-core/error.h"
#include "ese-core/id.h"

#define ESE_NAMED_KEPT_MS INT64_C(3600000)
/* Ids a partition, 32 bytes each: an hour at 36 events a second, half a minute at 4,000. */
#define ESE_NAMED_LIMIT 131072

/* One as it is saved. */
struct ese_named_event {
    int64_t number;
    struct ese_id id;
    int64_t event_time_ms; /* the partition's, when it was noted */
};

struct ese_named;

struct ese_named *ese_named_new(size_t limit);
void ese_named_free(struct ese_named **named);

/* Notes that the event was had; true when it was before. event_time_ms is the partition's and never
 * goes back. */
bool ese_named_note(struct ese_named *named, const struct ese_id *id, int64_t event_time_ms);

/* Takes what was saved, in the order of its numbers, before anything is noted. ESE_E_INVALID when a
 * number is missing. */
int ese_named_restore(struct ese_named *named, const struct ese_named_event *event,
                      struct ese_error *error);

/* Where it is saved. */
struct ese_named_shelf {
    void *context;
    int (*put)(void *context, const struct ese_named_event *event, struct ese_error *error);
    /* All with lower numbers have left. */
    int (*clear)(void *context, int64_t number, struct ese_error *error);
};

/* Hands over what has changed since the last save. After a failure the rest is still unsaved. */
int ese_named_save(struct ese_named *named, const struct ese_named_shelf *shelf,
                   struct ese_error *error);

/* As it was at the last save, for whoever has rolled back what he did since. False where so much has
 * been noted since that it has written over what had left: it is to be read anew. */
bool ese_named_undo(struct ese_named *named);

size_t ese_named_count(const struct ese_named *named);
int64_t ese_named_evicted(const struct ese_named *named);

#endif
