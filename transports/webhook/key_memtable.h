/*
 * key_memtable.h - the newest Idempotency-Keys of a stream, in memory until they get their places in its file together.
 *
 * The uuids that were made of them (event_keys.h), each once, with the position of the event that came with it last.
 * Bounded, and found by hash; sorted before they are written. One thread. Source of the idea: the memtable of
 * log-structured merge trees (O'Neil and others, 1996).
 */
#ifndef ESE_WEBHOOK_KEY_MEMTABLE_H
#define ESE_WEBHOOK_KEY_MEMTABLE_H

#include <stdint.h>

#include "ese-core/id.h"

#define ESE_WEBHOOK_MEMTABLE_MOST 1024
#define ESE_WEBHOOK_MEMTABLE_SLOTS 4096 /* a power of two */

struct ese_webhook_memtable_key {
    char uuid[ESE_ID_TEXT_SIZE];
    int64_t position; /* 0: it was dropped */
};

struct ese_webhook_memtable {
    struct ese_webhook_memtable_key keys[ESE_WEBHOOK_MEMTABLE_MOST];
    int count;
    uint16_t slots[ESE_WEBHOOK_MEMTABLE_SLOTS]; /* one more than the place among the keys; 0: free */
};

void ese_webhook_memtable_clear(struct ese_webhook_memtable *table);

/* There has to be room: what is dropped makes none. */
void ese_webhook_memtable_put(struct ese_webhook_memtable *table, const char *uuid, int64_t position);

/* 0: it is not there. */
int64_t ese_webhook_memtable_find(const struct ese_webhook_memtable *table, const char *uuid);

/* That event's, where it is the last one's. */
void ese_webhook_memtable_drop(struct ese_webhook_memtable *table, const char *uuid, int64_t position);

/* By uuid, and without what was dropped. From then on its keys can be read one after the other, until it is cleared. */
void ese_webhook_memtable_sort(struct ese_webhook_memtable *table);

#endif
