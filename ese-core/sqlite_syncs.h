/*
 * sqlite_syncs.h - how often this process has had SQLite sync something to the disk: database, log, directory.
 *
 * Only what came back successful counts, and where it came back: of a process that says it stores to disk and has
 * not synced, this says so. It counts in the VFS, below everything that could believe a sync done that was not.
 */
#ifndef ESE_SQLITE_SYNCS_H
#define ESE_SQLITE_SYNCS_H

#include <stdint.h>

/* The name of the VFS that counts, for sqlite3_open_v2; made with the first call. NULL: there is none to count in,
 * and SQLite's own is to be taken. Any thread. */
const char *ese_sqlite_syncs_vfs(void);

/* Since the process began. Any thread. */
int64_t ese_sqlite_syncs(void);

#endif
