/*
 * kept_trace.h - the recorded trace that a run was sent by: which it was, and, unless it is large, itself, so that the
 * run can be repeated though the file has changed since, or is gone.
 *
 * One thread.
 */
#ifndef ESE_LAB_KEPT_TRACE_H
#define ESE_LAB_KEPT_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "ese-core/digest.h"
#include "ese-core/error.h"

#define ESE_KEPT_TRACE_MOST (16 * 1024 * 1024) /* bytes: what is larger is not copied */

struct ese_kept_trace {
    char sha256[2 * ESE_DIGEST_SIZE + 1]; /* of the file, in hexadecimal digits; "": there is no trace */
    int64_t lines, bytes;
    bool is_kept; /* a copy of it lies in the run's directory (ESE_ARTIFACT_TRACE) */
};

/* Reads all of the file at path, and copies it into the directory. -1 with error: it cannot be read, or a copy of it
 * cannot be written. */
int ese_kept_trace_make(const char *path, const char *directory, struct ese_kept_trace *trace, struct ese_error *error);

#endif
