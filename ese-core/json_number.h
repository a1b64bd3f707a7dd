/*
 * json_number.h - numbers in JSON text, between jansson and Go's encoding/json, the original's.
 *
 * To the original every number in an event's data is a double. jansson keeps integers of up to 64
 * bits as they are, which is truer, and refuses larger ones; and it writes doubles in its own way.
 * Both functions take JSON text and change nothing but numbers outside of strings. What is no JSON
 * comes out as some other text that is none.
 */
#ifndef ESE_JSON_NUMBER_H
#define ESE_JSON_NUMBER_H

#include "ese-core/buffer.h"

/* Appends json with ".0" behind every integer that needs more than 64 bits, so that jansson reads
 * it as the double nearest to it, and refuses it where there is none; and behind "-0", which of
 * integers only a double can be. At most twice as long. */
void ese_json_write_widened(struct ese_buffer *buffer, const char *json, size_t length);

/* Appends json with every number that has a fraction or an exponent in the fewest digits that read
 * back the same, laid out as Go does (and ECMAScript): 0.1, 5, 18446744073709552000, 1e+21. */
void ese_json_write_shortened(struct ese_buffer *buffer, const char *json);

#endif
