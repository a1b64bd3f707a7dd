/*
 * foreign_places.h - whether what others have recorded of places can be true: each is one event's, an event that was
 * sent once has one, and whoever hands on or commits was given the partition. Of histories in which that is not so
 * nothing can be told: what is lost for sure hangs on places.
 *
 * What the client says comes first, then one consumer after the other, then the store. Of what nobody has offered
 * nothing is held against anybody: that is a fault by itself. Memory: some 120 bytes an event and 60 a place. One
 * thread.
 */
#ifndef ESE_LAB_FOREIGN_PLACES_H
#define ESE_LAB_FOREIGN_PLACES_H

#include "ese-core/buffer.h"
#include "ese-core/history.h"
#include "orchestration/lab/foreign_names.h"

#define ESE_FOREIGN_CLIENT 0
#define ESE_FOREIGN_STORE (-1)

struct ese_foreign_places;

struct ese_foreign_places *ese_foreign_places_new(void);
void ese_foreign_places_free(struct ese_foreign_places **places);

/* file: whose it is, ESE_FOREIGN_CLIENT, the number of a consumer, or ESE_FOREIGN_STORE; line: of that file. */
void ese_foreign_places_take(struct ese_foreign_places *places, int file, int64_t line,
                             const struct ese_history_record *record);

/* When all was taken: the first two records that cannot both be true, in words; nothing where there are none. */
void ese_foreign_places_say(struct ese_foreign_places *places, const struct ese_foreign_names *names,
                            struct ese_buffer *text);

#endif
