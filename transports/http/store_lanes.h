/*
 * store_lanes.h - where in the log an event may be, by the place its id has in a lane: so that a repeat is
 * recognised, and nothing new has to be looked up in an index of all ids.
 *
 * A lane is sent in order (ese-core/id.h), so an event beyond all that its lane has had is new, and that is nearly
 * every one. Of what is not beyond, marks (of some events their sequence and offset, and how far those that follow
 * reach) say between which offsets it has to be if it is there; these rows have to be looked at. What is there
 * in spite of that is a stray, as it came out of its lane's order, or has no lane, or the lane had no room here: the
 * log has an index of those alone.
 *
 * An id is more than its place: the time in it may be another, and then it is another event. So what is found at a
 * place has to be compared, and where it is another, the one that is wanted may be a stray.
 *
 * Memory is bounded: there are at most so many lanes, of which those leave whose events have all left the log, and
 * so many marks, which become sparser when there would be more; only what one transaction notes comes on top.
 *
 * What is noted counts at once; a rollback takes it back. One thread.
 */
#ifndef ESE_TRANSPORT_HTTP_STORE_LANES_H
#define ESE_TRANSPORT_HTTP_STORE_LANES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ese-core/id.h"

struct ese_store_lanes;

/* What is zero is as it usually is. */
struct ese_store_bounds {
    size_t lanes;     /* 65,536 */
    size_t marks;     /* 131,072, of 16 bytes; beside two a lane, its first and its last */
    int64_t distance; /* 256: offsets between two marks of a lane, as long as marks are few */
    int64_t rows;     /* 512, or fewer: of a place with more, store_known.c looks at a part only */
};

enum ese_store_where {
    ESE_STORE_NOWHERE, /* it is new */
    ESE_STORE_BETWEEN, /* from `first` to `last`, or a stray, or new */
    ESE_STORE_ASTRAY   /* a stray, or new */
};

struct ese_store_place {
    int64_t first, last; /* offsets; the same: it is there if it is no stray */
};

struct ese_store_lanes *ese_store_lanes_new(const struct ese_store_bounds *bounds);
void ese_store_lanes_free(struct ese_store_lanes **lanes);

enum ese_store_where ese_store_lanes_find(struct ese_store_lanes *lanes, const struct ese_id *id,
                                          struct ese_store_place *place);

/* An event that is new is at that offset, beyond all before. False where its lane does not say so: a stray. */
bool ese_store_lanes_note(struct ese_store_lanes *lanes, const struct ese_id *id, int64_t offset);
/* Likewise of one that is known to be a stray, in a log that is read. */
void ese_store_lanes_note_stray(struct ese_store_lanes *lanes, const struct ese_id *id, int64_t offset);

/* Of what was noted since the last commit: how much, all but the first `count` of it not, and all of it for good.
 * From then on what is in front of first has left the log. */
size_t ese_store_lanes_noted(const struct ese_store_lanes *lanes);
void ese_store_lanes_rollback(struct ese_store_lanes *lanes, size_t count);
void ese_store_lanes_commit(struct ese_store_lanes *lanes, int64_t first);

#endif
