/*
 * buffer.h - text that grows up to a bound.
 *
 * Always NUL-terminated; `length` does not count the NUL. A buffer that met its
 * bound keeps what it had, drops what came later and sets `overflowed`: check it
 * once at the end instead of after every append. Not thread-safe.
 */
#ifndef ESE_BUFFER_H
#define ESE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct ese_buffer {
    char *text; /* never NULL once something was appended; "" via ese_buffer_text before */
    size_t length;
    size_t size;
    size_t limit;
    bool overflowed;
};

#define ESE_BUFFER_INIT(max) {.text = NULL, .length = 0, .size = 0, .limit = (max), .overflowed = false}

void ese_buffer_number(struct ese_buffer *buffer, int64_t number); /* in decimal; far faster than printf */
void ese_buffer_printf(struct ese_buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Makes room for `more` bytes and the NUL. False when that would pass the bound. */
bool ese_buffer_grow(struct ese_buffer *buffer, size_t more);

/* Here, so that a few bytes are copied where they are needed, and a literal's length is known when it is compiled. */
static inline void ese_buffer_append(struct ese_buffer *buffer, const char *bytes, size_t length)
{
    bool has_room = !buffer->overflowed && length < buffer->size - buffer->length &&
                    length <= buffer->limit - buffer->length;
    if (!has_room && !ese_buffer_grow(buffer, length))
        return;
    if (length > 0)
        memcpy(buffer->text + buffer->length, bytes, length);
    buffer->length += length;
    buffer->text[buffer->length] = '\0';
}

static inline void ese_buffer_text(struct ese_buffer *buffer, const char *text)
{
    ese_buffer_append(buffer, text, strlen(text));
}

void ese_buffer_clear(struct ese_buffer *buffer);   /* keeps the memory */
void ese_buffer_free(struct ese_buffer *buffer);
char *ese_buffer_detach(struct ese_buffer *buffer); /* the caller frees; never NULL */

#endif
