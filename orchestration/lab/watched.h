/*
 * watched.h - which of a run's transports somebody watches now: RUN/watched, a name a line, as the latest ese-lab
 * watch wrote it when it began. What was watched before and is not in it any more has books, too, but nobody goes on
 * with them.
 */
#ifndef ESE_LAB_WATCHED_H
#define ESE_LAB_WATCHED_H

#include <stdbool.h>

#include "ese-core/error.h"

#define ESE_WATCHED_SIZE 1024

struct ese_watched {
    char names[ESE_WATCHED_SIZE]; /* each with a newline behind it; "" when nobody has told */
};

/* Adds a name to a list that is "" at first. ESE_E_USAGE when it does not fit. */
int ese_watched_add(struct ese_watched *watched, const char *name, struct ese_error *error);
bool ese_watched_is(const struct ese_watched *watched, const char *name);

/* In place of what was there, at once. */
int ese_watched_write(const char *run, const struct ese_watched *watched, struct ese_error *error);
/* "" where there is no such file. -1: it cannot be read. */
int ese_watched_read(const char *run, struct ese_watched *watched, struct ese_error *error);

#endif
