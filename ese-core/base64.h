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

/* How many bytes the text stands for, written to bytes, which has room for 3 / 4 of length and 3 more; -1: it is no
 * base64, or has more than INT_MAX / 2 characters. */
int64_t ese_base64_read(const char *text, size_t length, void *bytes);

#endif
