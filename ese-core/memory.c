#include "ese-core/memory.h"

static void *or_die(void *block, size_t count, size_t size)
{
    if (block == NULL && count != 0 && size != 0) {
        fprintf(stderr, "out of memory: %zu times %zu bytes\n", count, size);
        exit(1);
    }
    return block;
}

void *ese_alloc(size_t size)
{
    return or_die(calloc(1, size), 1, size);
}

void *ese_alloc_array(size_t count, size_t size)
{
    return or_die(calloc(count, size), count, size);
}

void *ese_realloc_array(void *block, size_t count, size_t size)
{
    return or_die(reallocarray(block, count, size), count, size);
}

char *ese_copy_text(const char *text)
{
    return text == NULL ? NULL : ese_copy_bytes(text, strlen(text));
}

char *ese_copy_bytes(const char *bytes, size_t length)
{
    char *copy = ese_alloc(length + 1);
    memcpy(copy, bytes, length);
    return copy;
}

int ese_fit_text(char *target, size_t size, const char *text)
{
    size_t length = strlen(text);
    if (length >= size) {
        target[0] = '\0';
        return -1;
    }
    memcpy(target, text, length + 1);
    return 0;
}
