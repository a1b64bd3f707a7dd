/*
 * number_table.h - finds things that are numbered (places in an array) by their content.
 *
 * A hash table of numbers only: what a number stands for, its hash and its likeness are the
 * caller's, who passes them as two functions. Grows as it fills; never forgets.
 */
#ifndef ESE_LAB_NUMBER_TABLE_H
#define ESE_LAB_NUMBER_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ESE_NUMBER_NONE UINT32_MAX

struct ese_number_table {
    uint64_t (*hash)(const void *things, uint32_t number);
    bool (*same)(const void *things, uint32_t number, const void *wanted);
    uint32_t *slots;
    size_t size; /* a power of two, or 0 */
    size_t count;
};

/* The number of what is the same as wanted (whose hash is given), or ESE_NUMBER_NONE. */
uint32_t ese_number_table_find(const struct ese_number_table *table, const void *things,
                               uint64_t hash, const void *wanted);

/* number must not be there yet, and things must already hold it. */
void ese_number_table_add(struct ese_number_table *table, const void *things, uint32_t number);

void ese_number_table_free(struct ese_number_table *table);

/* Spreads a number over all 64 bits (the finalizer of SplitMix64), for use as a hash. */
uint64_t ese_number_mix(uint64_t number);

#endif
