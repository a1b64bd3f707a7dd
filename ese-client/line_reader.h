/*
 * line_reader.h - lines from a file descriptor, as they come, never waiting for one.
 *
 * A line is at most ESE_LINE_LIMIT bytes; a longer one is ESE_E_INVALID, and what comes next is
 * the line behind it. A last line without a newline is a line. Does not change the descriptor's
 * flags: a terminal is shared with the shell.
 */
#ifndef ESE_LINE_READER_H
#define ESE_LINE_READER_H

#include <stddef.h>
#include <stdint.h>

#include "ese-core/error.h"
#include "ese-core/event.h"

#define ESE_LINE_LIMIT (ESE_EVENT_DATA_LIMIT + 4096)

struct ese_line_reader;

enum ese_line_said { ESE_LINE_END, ESE_LINE_READ, ESE_LINE_LATER };

/* Owns fd from here on. limit: the bytes after which it ends, whatever else comes; -1: none. */
struct ese_line_reader *ese_line_reader_open(int fd, int64_t limit);
void ese_line_reader_close(struct ese_line_reader **reader);

/* ESE_LINE_READ: line is NUL-terminated, without its newline, valid until the next call.
 * ESE_LINE_LATER: nothing is there now. -1: the error. */
int ese_line_reader_next(struct ese_line_reader *reader, char **line, size_t *length,
                         struct ese_error *error);

/* The number of the line last read, or found too long, from 1. */
int64_t ese_line_reader_number(const struct ese_line_reader *reader);

#endif
