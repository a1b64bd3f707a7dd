/*
 * ese_store_hashes.h - what the original kept in its Redis, with its faults: one hash an ip, whose
 * fields are client times in ms and whose values are events.
 *
 * An event of the same ip and millisecond takes the place of the one that was there. A hash expires
 * as a whole, a while after its last write; one that is written to again and again never does.
 * Whoever listens is told of each event that goes either way.
 *
 * It holds at most max_bytes, what a picture of it still needs included. Any thread; times are the
 * caller's, and only compared with each other.
 */
#ifndef ESE_TRANSPORT_HTTP_ESE_STORE_HASHES_H
#define ESE_TRANSPORT_HTTP_ESE_STORE_HASHES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ese-core/event.h"

struct ese_hashes;

/* Called while the hashes are locked: must not call them. */
struct ese_hashes_listener {
    void *context;
    void (*overwritten)(void *context, const struct ese_id *id, const struct ese_id *by);
    void (*expired)(void *context, const struct ese_id *id, int64_t written_ms);
};

struct ese_hashes *ese_hashes_new(int64_t expiry_ms, int64_t max_bytes,
                                  const struct ese_hashes_listener *listener);
/* Pictures that were taken stay. NULL behind the pointer is allowed; nulls it. */
void ese_hashes_free(struct ese_hashes **hashes);

/* What the event would need. */
int64_t ese_hashes_bytes_of(const struct ese_event *event);
bool ese_hashes_has_room(struct ese_hashes *hashes, int64_t bytes);
/* A copy of the event is kept, whether there is room or not. The same id again is no loss. */
void ese_hashes_put(struct ese_hashes *hashes, const struct ese_event *event, int64_t now_ms);
/* Lets go of the hashes whose time is over. */
void ese_hashes_expire(struct ese_hashes *hashes, int64_t now_ms);

int64_t ese_hashes_used_bytes(struct ese_hashes *hashes);

/* All of it as at one moment, ip by ip, each by client time. */
struct ese_hashes_picture;
struct ese_hashes_picture *ese_hashes_picture_take(struct ese_hashes *hashes);
/* The next event; NULL: that was all. Its texts are the picture's, and what the original has no
 * member for is not in it. Valid until the next call. */
const struct ese_event *ese_hashes_picture_next(struct ese_hashes_picture *picture);
void ese_hashes_picture_free(struct ese_hashes_picture **picture);

#endif
