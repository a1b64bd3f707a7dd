/*
 * unreadable.h - how a consume face notes a record that is no event.
 */
#ifndef ESE_UNREADABLE_H
#define ESE_UNREADABLE_H

#include "transports/transport.h"

/* The batch has room for one more. */
bool ese_unreadable_fits(const struct ese_batch *batch);

/* Adds what lies there to the batch, whose unreadables are list, with room for ESE_UNREADABLE_MOST.
 * place tells partition, offset and next; bytes are not copied, and of them no more kept than that;
 * reason is copied. The type is that of clicks, unless who calls says another. */
struct ese_unreadable *ese_unreadable_add(struct ese_batch *batch, struct ese_unreadable *list,
                                          const struct ese_record *place, const void *bytes,
                                          int64_t length, const char *reason);

#endif
