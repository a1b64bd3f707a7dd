/*
 * json_text.h - JSON written by hand: strings escaped, and JSON text laid out anew, as Go's
 * encoding/json does both (<, >, & and U+2028, U+2029 are escaped; four spaces a level).
 *
 * The layout functions take text that is JSON already; they change only the space between its
 * tokens and what must be escaped in its strings. Nothing is allocated but the buffer's memory.
 */
#ifndef ESE_JSON_TEXT_H
#define ESE_JSON_TEXT_H

#include <stdbool.h>

#include "ese-core/buffer.h"

/* How many bytes the UTF-8 character at text has, of those available; 0 when there is none (RFC 3629: no
 * overlong forms, no surrogates, nothing beyond U+10FFFF), or a NUL. */
size_t ese_json_character_length(const char *text, size_t available);

/* Whether all of text is UTF-8. */
bool ese_json_is_utf8(const char *text);

/* Each byte of text that belongs to no UTF-8 character becomes a '?': of what was cut, or comes from a path. */
void ese_json_make_utf8(char *text);

/* text in quotes. Bytes that are no UTF-8 become U+FFFD. */
void ese_json_write_string(struct ese_buffer *buffer, const char *text);

/* json without any space between its tokens. */
void ese_json_write_compact(struct ese_buffer *buffer, const char *json);

/* json, its members on lines of their own; depth: how many levels it stands below the top. */
void ese_json_write_indented(struct ese_buffer *buffer, const char *json, int depth);

/* A new line, and four spaces for each level. */
void ese_json_write_line(struct ese_buffer *buffer, int depth);

#endif
