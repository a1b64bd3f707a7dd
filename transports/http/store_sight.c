#include "transports/http/store_sight.h"

#include <stdlib.h>
#include <string.h>

#include "ese-core/memory.h"

#define ROWS_MOST 16384
#define SLOTS 32768 /* a power of two, twice as many as rows */

struct row {
    struct ese_id id;
    int64_t offset;
};

struct ese_store_sight {
    struct row rows[ROWS_MOST];
    uint16_t slots[SLOTS]; /* one more than the number of the row; 0: none */
    uint32_t count;
    int64_t first, last;   /* offsets */
    uint64_t salt;         /* drawn, so that nobody can choose ids that share a slot */
};
_Static_assert(ROWS_MOST < UINT16_MAX, "a slot holds its number");

struct ese_store_sight *ese_store_sight_new(void)
{
    struct ese_store_sight *sight = ese_alloc(sizeof(*sight));

    sight->salt = (uint64_t)ese_id_draw_run() << 32 | ese_id_draw_run();
    sight->last = -1;
    return sight;
}

void ese_store_sight_free(struct ese_store_sight **sight)
{
    free(*sight);
    *sight = NULL;
}

/* That of the id, or the free one where it would be. */
static uint32_t slot_of(const struct ese_store_sight *sight, const struct ese_id *id)
{
    uint64_t halves[2];

    memcpy(halves, id->bytes, sizeof(halves));
    uint64_t mixed = (halves[0] ^ sight->salt) * UINT64_C(0x9e3779b97f4a7c15);
    mixed = (mixed ^ mixed >> 32 ^ halves[1]) * (sight->salt | 1);
    uint32_t slot = (uint32_t)(mixed >> 49);
    while (sight->slots[slot] != 0 && !ese_id_equal(&sight->rows[sight->slots[slot] - 1].id, id))
        slot = (slot + 1) % SLOTS;
    return slot;
}
_Static_assert(SLOTS == 1 << (64 - 49), "as many as the bits that choose one");

void ese_store_sight_begin(struct ese_store_sight *sight, int64_t first)
{
    if (sight->count > 0)
        memset(sight->slots, 0, sizeof(sight->slots));
    sight->count = 0;
    sight->first = first;
    sight->last = first - 1;
}

bool ese_store_sight_add(struct ese_store_sight *sight, const struct ese_id *id, int64_t offset)
{
    if (sight->count == ROWS_MOST)
        return false;
    sight->rows[sight->count] = (struct row){.id = *id, .offset = offset};
    sight->count++;
    sight->slots[slot_of(sight, id)] = (uint16_t)sight->count;
    sight->last = offset;
    return true;
}

bool ese_store_sight_find(const struct ese_store_sight *sight, const struct ese_id *id, int64_t *offset)
{
    uint32_t number = sight->slots[slot_of(sight, id)];

    if (number > 0)
        *offset = sight->rows[number - 1].offset;
    return number > 0;
}

bool ese_store_sight_covers(const struct ese_store_sight *sight, int64_t first, int64_t last)
{
    return first >= sight->first && last <= sight->last;
}
