#include "tests/fuzz/headers.h"

#include <string.h>

#include "ese-core/memory.h"

/* The end of a line that is one, with its header taken; NULL: it is none. */
static char *take_line(char *line, char *end, struct ese_fuzz_headers *headers)
{
    char *line_end = memchr(line, '\n', (size_t)(end - line));
    char *colon = line_end == NULL ? NULL : memchr(line, ':', (size_t)(line_end - line));
    if (colon == NULL || headers->count == ESE_FUZZ_HEADERS)
        return NULL;
    char *value = colon + 1 + (colon + 1 < line_end && colon[1] == ' ');
    *colon = *line_end = '\0';
    headers->list[headers->count].name = line;
    headers->list[headers->count].value = value;
    headers->list[headers->count++].length = (size_t)(line_end - value);
    return line_end + 1;
}

void ese_fuzz_headers_read(const uint8_t *bytes, size_t length, struct ese_fuzz_headers *headers)
{
    *headers = (struct ese_fuzz_headers){.text = ese_alloc(length + 1)};
    if (length > 0)
        memcpy(headers->text, bytes, length);
    char *line = headers->text, *end = headers->text + length;
    for (char *next = line; next != NULL; next = take_line(line, end, headers))
        line = next;
    if (line < end && *line == '\n')
        line++;
    headers->rest = line;
    headers->rest_length = (size_t)(end - line);
}

void ese_fuzz_headers_clear(struct ese_fuzz_headers *headers)
{
    free(headers->text);
}
