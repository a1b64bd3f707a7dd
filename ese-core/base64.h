/*
 * base64.h - bytes as text, in the alphabet of RFC 4648 4, by libcrypto.
 */
#ifndef ESE_BASE64_H
#define ESE_BASE64_H

#include <stddef.h>

#include "ese-core/buffer.h"

/* Behind what the buffer has. At most INT_MAX / 2 bytes. */
void ese_base64_write(const void *bytes, size_t length, struct ese_buffer *text);

#endif
