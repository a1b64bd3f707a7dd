/*
 * memory.h - allocation that either succeeds or does not return.
 *
 * When memory runs out the process ends with a message on stderr and status 1:
 * every store in this house survives that by design, and half-built state does not.
 * Free with free().
 */
#ifndef ESE_MEMORY_H
#define ESE_MEMORY_H

#include <stddef.h>

void *ese_alloc(size_t size);                       /* zeroed */
void *ese_alloc_array(size_t count, size_t size);   /* zeroed, overflow checked */
void *ese_realloc_array(void *block, size_t count, size_t size); /* new part not zeroed */
char *ese_copy_text(const char *text);              /* NULL gives NULL */
char *ese_copy_bytes(const char *bytes, size_t length); /* adds a NUL behind */

/* Copies text into a fixed array, always terminated. Returns -1 when it did not fit (target is ""). */
int ese_fit_text(char *target, size_t size, const char *text);

#define ESE_COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#endif
