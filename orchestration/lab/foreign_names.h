/*
 * foreign_names.h - ids of ours for events that somebody else has named, so that they can be judged: in a lane by their
 * key, and numbered there as they were offered.
 *
 * An id of ours stays what it is. A name that is asked for and was never offered gets one that nobody has offered
 * either.
 */
#ifndef ESE_LAB_FOREIGN_NAMES_H
#define ESE_LAB_FOREIGN_NAMES_H

#include <stddef.h>
#include <stdint.h>

#include "ese-core/id.h"

struct ese_foreign_names;

struct ese_foreign_names *ese_foreign_names_new(void);
void ese_foreign_names_free(struct ese_foreign_names **names);

/* Of an offer; the same name again is the same id. */
struct ese_id ese_foreign_names_offer(struct ese_foreign_names *names, const char *name, const char *key,
                                      int64_t client_ts);
struct ese_id ese_foreign_names_find(struct ese_foreign_names *names, const char *name);

/* The name it was made of, as much as fits; of an id of ours that itself. */
void ese_foreign_names_text(const struct ese_foreign_names *names, const struct ese_id *id, char *text, size_t size);

#endif
