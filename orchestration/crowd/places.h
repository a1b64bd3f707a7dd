/*
 * places.h - how far a destination has come in each partition that it was ever given.
 *
 * What it has acknowledged stands in the crowd's history (COMMITTED, before the transport is told): a crowd that was
 * killed reads there where each of its destinations stood. One thread a destination.
 */
#ifndef ESE_CROWD_PLACES_H
#define ESE_CROWD_PLACES_H

#include <stdbool.h>

#include "ese-core/error.h"
#include "transports/transport.h"

struct ese_crowd_place {
    int32_t partition;
    int64_t next;   /* behind what was acknowledged */
    bool has_moved; /* with the batch in hand */
};

struct ese_crowd_places {
    struct ese_crowd_place *list; /* NULL: none yet */
    int count;
};

/* Where to begin; the earliest where it never acknowledged anything. */
int64_t ese_crowd_places_from(const struct ese_crowd_places *places, int32_t partition);
/* Behind all that the batch holds; marks those that have moved, until the next call. */
void ese_crowd_places_pass(struct ese_crowd_places *places, const struct ese_batch *batch);
void ese_crowd_places_free(struct ese_crowd_places *places);

/* Of `count` destinations, from the history at path. One that is not there has nothing to say. */
int ese_crowd_places_read(const char *path, struct ese_crowd_places places[], int count, struct ese_error *error);

#endif
