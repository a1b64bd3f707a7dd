#include "transports/webhook/key_memtable.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "ese-core/hash.h"

void ese_webhook_memtable_clear(struct ese_webhook_memtable *table)
{
    table->count = 0;
    memset(table->slots, 0, sizeof(table->slots));
}

/* The slot it has, or would have. */
static uint16_t slot_of(const struct ese_webhook_memtable *table, const char *uuid)
{
    uint64_t i = ese_hash64(uuid) % ESE_WEBHOOK_MEMTABLE_SLOTS;

    while (table->slots[i] != 0 && strcmp(table->keys[table->slots[i] - 1].uuid, uuid) != 0)
        i = (i + 1) % ESE_WEBHOOK_MEMTABLE_SLOTS;
    return (uint16_t)i;
}

void ese_webhook_memtable_put(struct ese_webhook_memtable *table, const char *uuid, int64_t position)
{
    uint16_t *slot = &table->slots[slot_of(table, uuid)];

    if (*slot == 0) {
        assert(table->count < ESE_WEBHOOK_MEMTABLE_MOST);
        *slot = (uint16_t)++table->count;
        memcpy(table->keys[*slot - 1].uuid, uuid, ESE_ID_TEXT_SIZE);
    }
    table->keys[*slot - 1].position = position;
}

int64_t ese_webhook_memtable_find(const struct ese_webhook_memtable *table, const char *uuid)
{
    uint16_t slot = table->slots[slot_of(table, uuid)];

    return slot == 0 ? 0 : table->keys[slot - 1].position;
}

void ese_webhook_memtable_drop(struct ese_webhook_memtable *table, const char *uuid, int64_t position)
{
    uint16_t slot = table->slots[slot_of(table, uuid)];

    if (slot != 0 && table->keys[slot - 1].position == position)
        table->keys[slot - 1].position = 0;
}

static int compare(const void *a, const void *b)
{
    const struct ese_webhook_memtable_key *x = a, *y = b;

    return strcmp(x->uuid, y->uuid);
}

void ese_webhook_memtable_sort(struct ese_webhook_memtable *table)
{
    int kept = 0;

    for (int i = 0; i < table->count; i++) {
        if (table->keys[i].position != 0)
            table->keys[kept++] = table->keys[i];
    }
    table->count = kept;
    qsort(table->keys, (size_t)table->count, sizeof(table->keys[0]), compare);
}
