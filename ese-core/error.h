/*
 * error.h - one error, filled where it happens and shown where it is handled.
 *
 * A function that can fail returns -1 and fills the struct ese_error its caller
 * passed (last parameter, may be NULL where nobody will read it). The text is
 * complete: it names what was being done, the offending value, and what the
 * reader can do about it. It is never parsed; decisions are made on the code.
 */
#ifndef ESE_ERROR_H
#define ESE_ERROR_H

#include <stddef.h>

enum ese_code {
    ESE_OK = 0,
    ESE_E_USAGE,    /* a wrong option or argument: exit status 64 */
    ESE_E_MISSING,  /* a part of the environment is missing: exit status 69 */
    ESE_E_INVALID,  /* what came from outside is malformed */
    ESE_E_FULL,     /* a bound was met; nothing was taken; try again later */
    ESE_E_TIMEOUT,  /* the time limit passed first */
    ESE_E_CONFLICT, /* the same key with another content */
    ESE_E_GONE,     /* no longer kept */
    ESE_E_FENCED,   /* somebody newer owns this now: exit status 3 */
    ESE_E_CLOSED,   /* the other side, or this one, is shutting down */
    ESE_E_IO        /* the system refused: disk, socket, process */
};

struct ese_error {
    enum ese_code code;
    char text[1024];
};

/* Fills error (unless NULL) and returns -1, so that failing is one statement. */
int ese_fail(struct ese_error *error, enum ese_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As ese_fail, with ": " and the text of errno behind it; code ESE_E_IO. */
int ese_fail_errno(struct ese_error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* As ese_fail_errno, for a path that somebody has given: "--history 'x': Is a directory; give
 * another file". ESE_E_USAGE, unless it is the disk or the process that is at its end. */
int ese_fail_path(struct ese_error *error, const char *what, const char *path, const char *instead);

/* Puts "text: " before what error already says (context, outermost first) and returns -1. */
int ese_fail_within(struct ese_error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The exit status a process ends with for this code: 3, 64, 69 or 1. */
int ese_error_exit_status(const struct ese_error *error);

#endif
