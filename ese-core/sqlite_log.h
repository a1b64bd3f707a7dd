/*
 * sqlite_log.h - the log that SQLite keeps beside a database (FILE-wal), written once more.
 *
 * A process that could not sync it has ended (sqlite_syncs.h), and what it wrote may still be nowhere but in the
 * system's memory, which counts it as written. Whoever comes next reads it there, goes on behind it, and syncs what it
 * adds: a power cut would then leave the log with a gap, and all behind the gap would be lost, acknowledged or not. So
 * it is written again, byte for byte, before anything relies on it.
 */
#ifndef ESE_SQLITE_LOG_H
#define ESE_SQLITE_LOG_H

#include "ese-core/sqlite.h"

/* Of the database of that path, which is open and in no transaction. When it returns 0, the log is on the disk, and the
 * directory it lies in. */
int ese_sqlite_log_settle(struct ese_sqlite *sqlite, const char *path, struct ese_error *error);

#endif
