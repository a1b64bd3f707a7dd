/*
 * pending.h - the events that have no outcome yet: by id, with the moment each was due.
 *
 * Bounded by the number given to new (the transport's own bound). One thread.
 */
#ifndef ESE_PENDING_H
#define ESE_PENDING_H

#include <stdbool.h>
#include <stdint.h>

#include "ese-core/id.h"

struct ese_pending;

struct ese_pending *ese_pending_new(int most);
void ese_pending_free(struct ese_pending **pending);

int ese_pending_count(const struct ese_pending *pending);
/* Must not be there yet, and there must be room (assert). */
void ese_pending_add(struct ese_pending *pending, const struct ese_id *id, int64_t due_ns);
/* False when it is not there. */
bool ese_pending_take(struct ese_pending *pending, const struct ese_id *id, int64_t *due_ns);
/* Any of them; false when there is none. */
bool ese_pending_take_any(struct ese_pending *pending, struct ese_id *id);

#endif
