/*
 * shape.h - what events of one kind have in common: the top-level keys of their bodies.
 */
#ifndef ESE_WEBHOOK_SHAPE_H
#define ESE_WEBHOOK_SHAPE_H

#include <stdbool.h>
#include <stddef.h>

#include "ese-core/buffer.h"

/* The hash of a body that is a JSON object, or null, behind what the buffer has: the bytes of its sorted keys, of the
 * stream and of the type in hexadecimal digits, and then the MD5 of nothing (so the original has it). False: it is
 * neither, and has no shape. */
bool ese_webhook_shape_hash(const char *body, size_t length, const char *stream, const char *type,
                            struct ese_buffer *hash);

#endif
