/*
 * cursor.h - a position in the log as GET /events hands it out: text that only the server
 * understands.
 *
 * A version, the offset to read next, and a check over both, in hexadecimal: so that a cursor that
 * was cut short, mistyped or made up is refused and not taken for some other place, and so that
 * what a cursor holds may change without anybody who stored one being misread.
 */
#ifndef ESE_TRANSPORT_HTTP_CURSOR_H
#define ESE_TRANSPORT_HTTP_CURSOR_H

#include <stdint.h>

#include "ese-core/error.h"

#define ESE_HTTP_CURSOR_SIZE 27 /* 26 characters and the NUL */

void ese_http_cursor_text(int64_t offset, char text[ESE_HTTP_CURSOR_SIZE]);

/* ESE_E_INVALID says what is wrong with it. */
int ese_http_cursor_parse(const char *text, int64_t *offset, struct ese_error *error);

#endif
