/*
 * positions.h - how far topics were read into the outbox, in the outbox's own file: a position moves in
 * the transaction that takes what stood before it.
 *
 *   position   transport, partition   whose
 *              name                   in words ("mail-requests-0")
 *              next                   where to go on: all before it is in the outbox, or was passed over
 *
 * Who moves one says first where it stood: from anywhere else it does not move. One process at a time owns the
 * file (outbox.h), so that no owner of a partition need be told from an older one; but a batch that was
 * committed once, though nobody heard of it, is not taken a second time.
 *
 * One handle belongs to one thread, that of its database.
 */
#ifndef ESE_POSITIONS_H
#define ESE_POSITIONS_H

#include "ese-core/sqlite.h"

#define ESE_POSITIONS_NONE INT64_MIN

#define ESE_POSITIONS_SCHEMA                                                                      \
    "CREATE TABLE IF NOT EXISTS position("                                                        \
    "  transport TEXT NOT NULL, partition INTEGER NOT NULL, name TEXT NOT NULL,"                  \
    "  next INTEGER NOT NULL, PRIMARY KEY(transport, partition)) WITHOUT ROWID;"

struct ese_position_of {
    const char *transport;
    int32_t partition;
    const char *name;
};

struct ese_positions;

struct ese_positions *ese_positions_new(struct ese_sqlite *database);
void ese_positions_free(struct ese_positions **positions); /* before the database is closed */

/* ESE_POSITIONS_NONE where nothing was committed yet. */
int ese_positions_get(struct ese_positions *positions, const struct ese_position_of *of,
                      int64_t *next, struct ese_error *error);

/* Within a transaction. ESE_E_FENCED when it does not stand at `from`. */
int ese_positions_check(struct ese_positions *positions, const struct ese_position_of *of,
                        int64_t from, struct ese_error *error);
int ese_positions_move(struct ese_positions *positions, const struct ese_position_of *of,
                       int64_t next, struct ese_error *error);

#endif
