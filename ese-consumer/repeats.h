/*
 * repeats.h - which events of a partition were had before, by their places in their lanes.
 *
 * An id says where its event stood: (run, lane, sequence), and a lane is ordered (see id.h). So one
 * number for each (run, lane) is enough, the highest sequence had, and beside it a window of the
 * 1,024 sequences up to it, which says of those below whether they were had: a lane's events spread
 * over several partitions, and each partition sees gaps. What lies below the window cannot be told
 * and counts as new (BEYOND). Ids that were made from a name have no such place: named.h.
 *
 * The memory is bounded twice. A (run, lane) that was not seen for an hour of event time is
 * forgotten; and beyond `limit` of them the one that was not seen for longest leaves first
 * (`evicted` counts these), so that ids made by strangers, each of which looks like a run of its
 * own, can neither grow it nor push out a lane that is in use.
 *
 * Pure logic, one thread. It is saved by whoever owns a transaction: `save` hands over what changed
 * since the last save, in an order in which it may be replayed.
 */
#ifndef ESE_REPEATS_H
#define ESE_REPEATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ese-core/error.h"
#include "ese-core/id.h"

#define ESE_REPEATS_WINDOW 1024 /* sequences */
#define ESE_REPEATS_KEPT_MS INT64_C(3600000)
#define ESE_REPEATS_LIMIT 65536 /* (run, lane) pairs a partition */

/* One (run, lane) as it is saved. Bit `s % 1024` of the window (byte s % 1024 / 8, its bit s % 8)
 * says whether sequence s was had, for s in highest - 1,023 .. highest. */
struct ese_repeat {
    uint32_t run;
    uint16_t lane;
    uint32_t highest;
    uint8_t window[ESE_REPEATS_WINDOW / 8];
    int64_t event_time_ms; /* the partition's, when it was last seen */
};

enum ese_repeats_verdict {
    ESE_REPEATS_NEW,
    ESE_REPEATS_SEEN,
    ESE_REPEATS_BEYOND /* older than the window reaches: treat it as new, and count it */
};

struct ese_repeats;

struct ese_repeats *ese_repeats_new(size_t limit);
void ese_repeats_free(struct ese_repeats **repeats);

/* Notes that the event was had, and says whether it was before. event_time_ms is the partition's
 * and never goes back. The id must be one of ours (ese_id_is_ours). */
enum ese_repeats_verdict ese_repeats_note(struct ese_repeats *repeats, const struct ese_id *id,
                                          int64_t event_time_ms);

/* Takes what was saved, oldest event time first, before anything is noted. */
void ese_repeats_restore(struct ese_repeats *repeats, const struct ese_repeat *repeat);

/* Calls keep for every (run, lane) that changed since the last save; `forgotten` ones are to be
 * deleted. After a failure the rest is still unsaved. */
typedef int ese_repeats_keep(void *context, const struct ese_repeat *repeat, bool forgotten,
                             struct ese_error *error);
int ese_repeats_save(struct ese_repeats *repeats, ese_repeats_keep *keep, void *context,
                     struct ese_error *error);

/* As it was at the last save, for whoever has rolled back what he did since. recall fills in the
 * rest of a (run, lane) as it was saved: 1; 0: it was not; -1. It is asked for such as have changed,
 * and for no others. */
typedef int ese_repeats_recall(void *context, struct ese_repeat *repeat, struct ese_error *error);
int ese_repeats_undo(struct ese_repeats *repeats, ese_repeats_recall *recall, void *context,
                     struct ese_error *error);

size_t ese_repeats_count(const struct ese_repeats *repeats);
int64_t ese_repeats_evicted(const struct ese_repeats *repeats);

#endif
