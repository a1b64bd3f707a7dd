/*
 * sqlite_checkpointer.h - a thread that takes a database's log into its file, while somebody else goes on writing.
 *
 * A checkpoint syncs twice. Where commits sync nothing (`os`), whoever writes would wait for the disk only there, and
 * so would everything that waits for him. https://www.sqlite.org/wal.html#ckpt
 *
 * What is written meanwhile it does not come to: the log begins anew only where all of it has been taken in, which
 * whoever writes has to see to now and then (sqlite.c). A sync that fails is one of sqlite_syncs.h.
 */
#ifndef ESE_SQLITE_CHECKPOINTER_H
#define ESE_SQLITE_CHECKPOINTER_H

#include <stdbool.h>

#include "ese-core/error.h"

struct ese_sqlite_checkpointer;

/* Of the database at path, with a handle of its own. It is to be open already, with WAL. */
int ese_sqlite_checkpointer_open(const char *path, struct ese_sqlite_checkpointer **checkpointer,
                                 struct ese_error *error);
/* Waits for a checkpoint that is under way. */
void ese_sqlite_checkpointer_close(struct ese_sqlite_checkpointer **checkpointer);

/* These three by one thread. Asks for a checkpoint; where one is under way, for none. */
void ese_sqlite_checkpointer_ask(struct ese_sqlite_checkpointer *checkpointer);
/* Whether none is under way. *frames: of the log, from its beginning, that the last one has seen taken in. */
bool ese_sqlite_checkpointer_rests(struct ese_sqlite_checkpointer *checkpointer, int *frames);
/* Waits until none is under way: as long as the disk takes for its two syncs. */
void ese_sqlite_checkpointer_settle(struct ese_sqlite_checkpointer *checkpointer);

#endif
