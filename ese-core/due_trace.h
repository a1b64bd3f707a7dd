/*
 * due_trace.h - a recorded trace of when events were due: a line an event, seconds since the beginning, ascending,
 * as decimal numbers of at most 64 bytes.
 *
 * All of it is looked at when it is opened, so that a line that is wrong is named before anything has begun: so it
 * has to be a regular file, which can be read more than once. One thread.
 */
#ifndef ESE_DUE_TRACE_H
#define ESE_DUE_TRACE_H

#include <stdint.h>

#include "ese-core/error.h"

struct ese_due_trace;

/* ESE_E_USAGE: there is no such file, or it is a pipe, or a directory.
 * ESE_E_INVALID names it and the line: no number of seconds, or less than the one
 * before. *trace is NULL then. The path is copied. */
int ese_due_trace_open(const char *path, struct ese_due_trace **trace, struct ese_error *error);
/* Nanoseconds since the beginning, of the next line. 1: there was one; 0: the end; -1. */
int ese_due_trace_next(struct ese_due_trace *trace, int64_t *due_ns, struct ese_error *error);
/* NULL behind the pointer is allowed; nulls it. */
void ese_due_trace_close(struct ese_due_trace **trace);

#endif
