#include "ese-core/buffer.h"

#include <stdarg.h>

#include "ese-core/memory.h"

bool ese_buffer_grow(struct ese_buffer *buffer, size_t more)
{
    if (buffer->overflowed || more > buffer->limit || buffer->length > buffer->limit - more) {
        buffer->overflowed = true;
        return false;
    }
    size_t needed = buffer->length + more + 1;
    if (needed > buffer->size) {
        size_t size = buffer->size == 0 ? 512 : buffer->size;
        while (size < needed)
            size *= 2;
        buffer->text = ese_realloc_array(buffer->text, size, 1);
        buffer->size = size;
        buffer->text[buffer->length] = '\0';
    }
    return true;
}

void ese_buffer_number(struct ese_buffer *buffer, int64_t number)
{
    char text[20]; /* "-9223372036854775808", from its end */
    char *begin = text + sizeof text;
    uint64_t rest = number < 0 ? -(uint64_t)number : (uint64_t)number;
    do {
        *--begin = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (number < 0)
        *--begin = '-';
    ese_buffer_append(buffer, begin, (size_t)(text + sizeof text - begin));
}

void ese_buffer_printf(struct ese_buffer *buffer, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length >= 0 && ese_buffer_grow(buffer, (size_t)length)) {
        vsnprintf(buffer->text + buffer->length, (size_t)length + 1, format, again);
        buffer->length += (size_t)length;
    }
    va_end(again);
}

void ese_buffer_clear(struct ese_buffer *buffer)
{
    buffer->length = 0;
    buffer->overflowed = false;
    if (buffer->text != NULL)
        buffer->text[0] = '\0';
}

void ese_buffer_free(struct ese_buffer *buffer)
{
    free(buffer->text);
    buffer->text = NULL;
    buffer->size = 0;
    buffer->length = 0;
    buffer->overflowed = false;
}

char *ese_buffer_detach(struct ese_buffer *buffer)
{
    char *text = buffer->text != NULL ? buffer->text : ese_copy_text("");
    buffer->text = NULL;
    ese_buffer_free(buffer);
    return text;
}
