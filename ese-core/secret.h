/*
 * secret.h - a line that nobody else may know, a token or a password: out of a file, or out of the
 * environment; never from a command line, which everybody on the machine can read.
 *
 * A file that is everybody's to read, or a group's to write, is refused. Who holds a secret leaves
 * no core dump, and its memory and environment cannot be read by others of the same user
 * (prctl(2), PR_SET_DUMPABLE): from the first secret that is read on.
 */
#ifndef ESE_SECRET_H
#define ESE_SECRET_H

#include <stdbool.h>

#include "ese-core/error.h"

#define ESE_SECRET_SIZE 1024 /* a line at most, and the NUL */

struct ese_secret_place {
    const char *path;     /* the file, or NULL: then */
    const char *variable; /* of the environment */
    const char *what;     /* how an error names the file: "the token file", */
    const char *shown;    /* and what it calls it, where whoever reads it need not know the path; NULL: by its path */
    bool takes_all;       /* of the file's lines, with what ends them, for who takes several: they count as one here */
};

/* The file's first line, or the variable's value, without the end of the line. 1; or 0 where there
 * is neither; or -1 with ESE_E_USAGE: the file cannot be read, is too open, its line is too long, or
 * either holds a NUL, or is empty. No error says a word of it. */
int ese_secret_read(const struct ese_secret_place *place, char line[ESE_SECRET_SIZE],
                    struct ese_error *error);

#endif
