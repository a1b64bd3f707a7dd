/*
 * directory.h - the directory in which a file is to be.
 *
 * Containers share a volume, and each writes below it. Were its directories those of their image, the engine would
 * copy them there for each container at once, and fail where two do (https://github.com/moby/moby/issues/43068). So
 * who writes a file makes its directory.
 */
#ifndef ESE_DIRECTORY_H
#define ESE_DIRECTORY_H

#include "ese-core/error.h"

/* Makes the directory that path lies in, unless it is there; those above it must be. Whoever makes it syncs its name,
 * so that what is synced in it later is found after a loss of power; one that cannot be synced is taken away again.
 * what: which path this is, for the error, ESE_E_USAGE or ESE_E_IO. Any thread, and several processes at once. */
int ese_directory_make_for(const char *path, const char *what, struct ese_error *error);

#endif
