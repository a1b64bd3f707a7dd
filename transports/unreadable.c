#include "transports/unreadable.h"

#include <assert.h>

bool ese_unreadable_fits(const struct ese_batch *batch)
{
    return batch->unreadable < ESE_UNREADABLE_MOST;
}

struct ese_unreadable *ese_unreadable_add(struct ese_batch *batch, struct ese_unreadable *list,
                                          const struct ese_record *place, const void *bytes,
                                          int64_t length, const char *reason)
{
    assert(ese_unreadable_fits(batch));
    size_t kept = length < ESE_UNREADABLE_BYTES ? (size_t)length : ESE_UNREADABLE_BYTES;
    struct ese_unreadable *added = &list[batch->unreadable++];
    *added = (struct ese_unreadable){.partition = place->partition,
                                     .offset = place->offset,
                                     .next = place->next,
                                     .type = ESE_TYPE_CLICK,
                                     .bytes = bytes,
                                     .length = kept,
                                     .whole = length};
    snprintf(added->reason, sizeof added->reason, "%.150s", reason);
    batch->unreadables = list;
    return added;
}
