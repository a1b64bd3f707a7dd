/*
 * headers.h - what stands before a text: lines of a name and a value, "ce-id: 7", until one that has no colon, or is
 * empty. A value may hold anything but the end of a line.
 */
#ifndef ESE_FUZZ_HEADERS_H
#define ESE_FUZZ_HEADERS_H

#include <stddef.h>
#include <stdint.h>

#define ESE_FUZZ_HEADERS 32

struct ese_fuzz_headers {
    struct {
        const char *name, *value; /* end with a NUL, too */
        size_t length;
    } list[ESE_FUZZ_HEADERS];
    int count;
    const char *rest; /* behind them */
    size_t rest_length;
    char *text; /* which they are in */
};

void ese_fuzz_headers_read(const uint8_t *bytes, size_t length, struct ese_fuzz_headers *headers);
void ese_fuzz_headers_clear(struct ese_fuzz_headers *headers);

#endif
