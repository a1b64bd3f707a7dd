/*
 * file_lock.h - a file, or what is kept under its name, is one process's at a time.
 *
 * The lock is flock(2)'s on PATH.lock, which stays when the process has ended; the lock does not,
 * however it ends.
 */
#ifndef ESE_FILE_LOCK_H
#define ESE_FILE_LOCK_H

#include "ese-core/error.h"

/* Fills fd, which holds the lock until it is closed. option: by which path was given. ESE_E_USAGE
 * when another process has it, or path cannot be made. */
int ese_file_lock(const char *path, const char *option, int *fd, struct ese_error *error);

#endif
