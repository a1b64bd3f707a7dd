/*
 * store_sight.h - the rows of the log that were looked through last, by their ids.
 *
 * What repeats a long stretch of the log does so in the log's order as a rule: what one looks through for its first
 * event the next ones are found in. One thread.
 */
#ifndef ESE_TRANSPORT_HTTP_STORE_SIGHT_H
#define ESE_TRANSPORT_HTTP_STORE_SIGHT_H

#include <stdbool.h>
#include <stdint.h>

#include "ese-core/id.h"

struct ese_store_sight;

struct ese_store_sight *ese_store_sight_new(void);
void ese_store_sight_free(struct ese_store_sight **sight);

/* Forgets what there is: what is added from now on begins at that offset. */
void ese_store_sight_begin(struct ese_store_sight *sight, int64_t first);
/* The next row. False: it is full (16,384), and the row is not among them. */
bool ese_store_sight_add(struct ese_store_sight *sight, const struct ese_id *id, int64_t offset);

bool ese_store_sight_find(const struct ese_store_sight *sight, const struct ese_id *id, int64_t *offset);
/* All rows from `first` to `last` are in it. */
bool ese_store_sight_covers(const struct ese_store_sight *sight, int64_t first, int64_t last);

#endif
