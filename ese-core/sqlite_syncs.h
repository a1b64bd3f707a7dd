/*
 * sqlite_syncs.h - how often this process has had SQLite sync something to the disk: database, log, directory; and
 * whether one of these failed.
 *
 * Only what came back successful counts, and where it came back: of a process that says it stores to disk and has
 * not synced, this says so. It counts in the VFS, below everything that could believe a sync done that was not.
 *
 * Of a file whose sync has failed nobody knows what is on the disk, and asking again would be answered with yes: what
 * was not written counts as written from then on (https://wiki.postgresql.org/wiki/Fsync_Errors). So there is no second
 * time: after the first failure nothing is synced any more, no transaction begins (sqlite.h), and the process has to
 * end. SQLite itself would go on: it passes over a directory that cannot be synced, and over a checkpoint.
 *
 * For want of a descriptor or of memory (EMFILE, ENFILE, ENOMEM) a directory is not opened, and so not synced: then
 * nothing was tried, what needed it is not done, fails as anything else does, and may be tried again.
 */
#ifndef ESE_SQLITE_SYNCS_H
#define ESE_SQLITE_SYNCS_H

#include <stdbool.h>
#include <stdint.h>

#include "ese-core/error.h"

/* The name of the VFS that counts, for sqlite3_open_v2; made with the first call. NULL: there is none to count in,
 * and SQLite's own is to be taken. Any thread. */
const char *ese_sqlite_syncs_vfs(void);

/* Since the process began. Any thread. */
int64_t ese_sqlite_syncs(void);

/* Whether one has failed / that as an error, ESE_E_IO, which says what to do. Any thread. */
bool ese_sqlite_syncs_failed(void);
int ese_sqlite_syncs_check(struct ese_error *error);

/* Syncs the directory in which the file of that path lies: for its name, and those of what lies beside it. A failure is
 * one of those above, but for want of a descriptor or of memory: ESE_E_IO, and nothing has failed. */
int ese_sqlite_sync_directory(const char *path, struct ese_error *error);
int ese_sqlite_sync_open(int fd, struct ese_error *error); /* an open file, likewise */

#endif
