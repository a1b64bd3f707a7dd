#include "orchestration/lab/number_table.h"

#include "ese-core/memory.h"

uint64_t ese_number_mix(uint64_t number)
{
    number = (number ^ number >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    number = (number ^ number >> 27) * UINT64_C(0x94D049BB133111EB);
    return number ^ number >> 31;
}

uint32_t ese_number_table_find(const struct ese_number_table *table, const void *things,
                               uint64_t hash, const void *wanted)
{
    if (table->size == 0)
        return ESE_NUMBER_NONE;
    size_t at = hash & (table->size - 1);
    while (table->slots[at] != ESE_NUMBER_NONE && !table->same(things, table->slots[at], wanted))
        at = (at + 1) & (table->size - 1);
    return table->slots[at];
}

static void put(struct ese_number_table *table, const void *things, uint32_t number)
{
    size_t at = table->hash(things, number) & (table->size - 1);
    while (table->slots[at] != ESE_NUMBER_NONE)
        at = (at + 1) & (table->size - 1);
    table->slots[at] = number;
}

static void grow(struct ese_number_table *table, const void *things)
{
    uint32_t *old = table->slots;
    size_t old_size = table->size;
    table->size = old_size == 0 ? 1024 : old_size * 2;
    table->slots = ese_alloc_array(table->size, sizeof *table->slots);
    memset(table->slots, 0xFF, table->size * sizeof *table->slots);
    for (size_t i = 0; i < old_size; i++) {
        if (old[i] != ESE_NUMBER_NONE)
            put(table, things, old[i]);
    }
    free(old);
}

void ese_number_table_add(struct ese_number_table *table, const void *things, uint32_t number)
{
    if (2 * (table->count + 1) > table->size)
        grow(table, things);
    put(table, things, number);
    table->count++;
}

void ese_number_table_free(struct ese_number_table *table)
{
    free(table->slots);
    table->slots = NULL;
    table->size = table->count = 0;
}
