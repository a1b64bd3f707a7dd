/*
 * given.h - values somebody gave for options, in order, each with the place it came from.
 */
#ifndef ESE_GIVEN_H
#define ESE_GIVEN_H

#include <stddef.h>

#include "ese-core/error.h"

struct ese_given {
    char *name;
    char *value;
    char *place; /* what an error text begins with: "lab.conf:7: rate" */
};

struct ese_given_list {
    struct ese_given *items;
    size_t count;
};

void ese_given_add(struct ese_given_list *list, const char *name, const char *value,
                   const char *place);
void ese_given_clear(struct ese_given_list *list);

/* Adds the "name = value" lines of a file; blank lines and those that begin with '#' are passed
 * over. At most 1,000 values and 4,000 bytes a line. ESE_E_USAGE names file and line. */
int ese_given_read_file(struct ese_given_list *list, const char *path, struct ese_error *error);

#endif
