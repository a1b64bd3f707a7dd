/*
 * file_directory.h - the directory in which a file is to be.
 *
 * Containers share a volume, and each writes below it. Were its directories those of their image, the engine would
 * copy them there for each container at once, and fail where two do (https://github.com/moby/moby/issues/43068). So
 * who writes a file makes its directory.
 */
#ifndef ESE_FILE_DIRECTORY_H
#define ESE_FILE_DIRECTORY_H

#include "ese-core/error.h"

/* Makes the directory that path lies in, unless it is there; those above it must be. what: which path this is, for the
 * error, ESE_E_USAGE or ESE_E_IO. Any thread, and several processes at once. */
int ese_file_directory_make(const char *path, const char *what, struct ese_error *error);

/* Likewise, of a file that is to be there after a loss of power: it syncs the directory's name, whoever has made it
 * (sqlite_syncs.h says what a failure of that is). Of one that lies where this process may not read that is left to
 * whoever made it. */
int ese_file_directory_make_durable(const char *path, const char *what, struct ese_error *error);

#endif
