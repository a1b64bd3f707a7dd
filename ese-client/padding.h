/*
 * padding.h - makes an event's data as long as wanted, by a member "padding" of x's.
 */
#ifndef ESE_PADDING_H
#define ESE_PADDING_H

#include <stddef.h>

#include "ese-core/event.h"

#define ESE_PADDING_LEAST 14 /* {"padding":""} */

/* Afterwards data has `bytes` bytes. Data that is too long for that already, by itself or with an
 * empty padding, is left as it is; 0 leaves everything. */
void ese_padding_add(struct ese_event *event, size_t bytes);

#endif
