/* A hash table with linear probing (Knuth, volume 3, 6.4), at most half full. */
#include "ese-client/pending.h"

#include <assert.h>
#include <stddef.h>

#include "ese-core/memory.h"

#define SIDE_BY_SIDE 4

struct slot {
    struct ese_id id; /* none: free */
    int64_t due_ns;
};

struct ese_pending {
    size_t size; /* a power of two */
    size_t count;
    size_t any; /* where take_any goes on looking */
    struct slot *slots;
};

struct ese_pending *ese_pending_new(int most)
{
    struct ese_pending *pending = ese_alloc(sizeof *pending);
    pending->size = 2;
    while (pending->size < 2 * (size_t)most)
        pending->size *= 2;
    pending->slots = ese_alloc_array(pending->size, sizeof *pending->slots);
    return pending;
}

void ese_pending_free(struct ese_pending **pending)
{
    if (*pending != NULL)
        free((*pending)->slots);
    free(*pending);
    *pending = NULL;
}

int ese_pending_count(const struct ese_pending *pending)
{
    return (int)pending->count;
}

/* Lanes and sequence numbers are dense: multiplying by an odd number spreads them well enough. A few that follow each
 * other in a lane stand side by side, as they mostly come and go together. */
static size_t home(const struct ese_pending *pending, const struct ese_id *id)
{
    struct ese_id_parts parts = ese_id_read(id);
    uint64_t place = (uint64_t)parts.lane << 32 | parts.sequence / SIDE_BY_SIDE;
    size_t spread = (size_t)(place * UINT64_C(0x9E3779B97F4A7C15) >> 32) * SIDE_BY_SIDE;
    return (spread + parts.sequence % SIDE_BY_SIDE) & (pending->size - 1);
}

/* The slot that holds id, or the free one where it would go. */
static size_t look(const struct ese_pending *pending, const struct ese_id *id)
{
    size_t at = home(pending, id);
    while (!ese_id_is_none(&pending->slots[at].id) && !ese_id_equal(&pending->slots[at].id, id))
        at = (at + 1) & (pending->size - 1);
    return at;
}

void ese_pending_add(struct ese_pending *pending, const struct ese_id *id, int64_t due_ns)
{
    assert(2 * pending->count < pending->size);
    size_t at = look(pending, id);
    assert(ese_id_is_none(&pending->slots[at].id));
    pending->slots[at] = (struct slot){.id = *id, .due_ns = due_ns};
    pending->count++;
}

/* Frees the slot and moves those behind it forward that would no longer be found. */
static void release(struct ese_pending *pending, size_t hole)
{
    size_t mask = pending->size - 1;
    for (size_t at = (hole + 1) & mask; !ese_id_is_none(&pending->slots[at].id);
         at = (at + 1) & mask) {
        size_t wanted = home(pending, &pending->slots[at].id);
        if (((at - wanted) & mask) >= ((at - hole) & mask)) {
            pending->slots[hole] = pending->slots[at];
            hole = at;
        }
    }
    pending->slots[hole] = (struct slot){.due_ns = 0};
    pending->count--;
}

bool ese_pending_take(struct ese_pending *pending, const struct ese_id *id, int64_t *due_ns)
{
    size_t at = look(pending, id);
    if (ese_id_is_none(&pending->slots[at].id))
        return false;
    *due_ns = pending->slots[at].due_ns;
    release(pending, at);
    return true;
}

bool ese_pending_take_any(struct ese_pending *pending, struct ese_id *id)
{
    if (pending->count == 0)
        return false;
    while (ese_id_is_none(&pending->slots[pending->any].id))
        pending->any = (pending->any + 1) & (pending->size - 1);
    *id = pending->slots[pending->any].id;
    release(pending, pending->any);
    return true;
}
