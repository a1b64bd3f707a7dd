/*
 * platter.h - a disk in memory: takes what a journal (record.h) tells, and shows what a power cut could leave of it.
 *
 * What is synced is there: what was written before the sync began, not what came while it lasted. Of all else:
 *   - each block of 4 KiB is there as it was at its last sync, or after any of the writes since, whatever the others
 *     are; in half of the cuts one block of all is torn: some of its sectors of 512 bytes are of one of these, the rest
 *     of the next;
 *   - a file's size is any of those it has had since its last sync; what is there and no block tells of is zeros;
 *   - of what happened to a directory since its last sync (made, linked, renamed, unlinked) the first so many are
 *     there, in half of the cuts none. A rename within a directory is there as a whole.
 * A file without a name is not there. The blocks that a failed sync was about will not get there by another one: the
 * system takes them for written (https://wiki.postgresql.org/wiki/Fsync_Errors); where they are written anew they do.
 * Names and sizes get there by another sync: a file system that could not write those to its own journal takes no more
 * writes, and no sync succeeds that comes after. Data that was written before the name was synced is there with the
 * name only.
 */
#ifndef ESE_DISK_PLATTER_H
#define ESE_DISK_PLATTER_H

#include "ese-core/error.h"
#include "ese-core/random.h"
#include "orchestration/disk/record.h"

struct ese_disk_platter;

struct ese_disk_platter *ese_disk_platter_new(void);
void ese_disk_platter_free(struct ese_disk_platter **platter);

/* name and other_name end in NUL. ESE_E_INVALID: it does not fit what came before. */
int ese_disk_platter_take(struct ese_disk_platter *platter, const struct ese_disk_record *record, const char *name,
                          const char *other_name, const void *data, struct ese_error *error);

/* How many blocks and names the next cut decides about. */
int64_t ese_disk_platter_open_blocks(const struct ese_disk_platter *platter);
int64_t ese_disk_platter_open_names(const struct ese_disk_platter *platter);

/* Writes what a cut leaves into the directory, which is there and empty. The platter is as before: it can be cut
 * anew. */
int ese_disk_platter_cut(const struct ese_disk_platter *platter, struct ese_random *random, const char *directory,
                         struct ese_error *error);

#endif
