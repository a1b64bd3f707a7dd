/*
 * base64.h - bytes as text, in the alphabet of RFC 4648 4, by libcrypto.
 */
#ifndef ESE_BASE64_H
#define ESE_BASE64_H

#include <stddef.h>
#include <stdint.h>

#include "ese-core/buffer.h"

/* Behind what the buffer has. At most INT_MAX / 2 bytes. */
void ese_base64_write(const void *bytes, size_t length, struct ese_buffer *text);

/* most: at most INT_MAX / 2. Strictly: no blanks, padded to whole fours, no bits behind the last byte, so that any
 * bytes have one text only. -1: it is no such text, or of more than `most` bytes; bytes are then zeros. Else how
 * many there are. */
int ese_base64_read(const char *text, size_t length, uint8_t *bytes, size_t most);

#endif
