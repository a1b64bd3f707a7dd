/*
 * text_lines.h - the lines of a file, numbered: those that are empty are passed over. One thread.
 *
 * Lines are bounded: one that is longer is refused, and not read to its end; so is one with a NUL inside.
 */
#ifndef ESE_LAB_TEXT_LINES_H
#define ESE_LAB_TEXT_LINES_H

#include <stdint.h>
#include <stdio.h>

#include "ese-core/error.h"

#define ESE_TEXT_LINE_MOST 65536 /* bytes, with its end: the longest line that a history can have is a tenth of that */

struct ese_text_lines {
    FILE *file;
    char *text;      /* the line last read, without its end and blanks before that */
    size_t length;
    int64_t number;  /* 1 is the first */
};

int ese_text_lines_open(const char *path, struct ese_text_lines *lines, struct ese_error *error);
void ese_text_lines_close(struct ese_text_lines *lines);

/* 1: a line; 0: the end; -1: it cannot be read, or (ESE_E_INVALID) is no line of text; `number` is its, then. */
int ese_text_lines_next(struct ese_text_lines *lines, struct ese_error *error);

#endif
