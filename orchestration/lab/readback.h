/*
 * readback.h - reads a whole store through its transport, without the group, into store.history: one STORED
 * record an event, and a FOUND before it where its id is none of ours. It asks for position 0, whatever the store has
 * kept, and notes that (GIVEN); what is no longer there the store has to say (SKIPPED, from 0), so that nothing else
 * passes as forgotten.
 */
#ifndef ESE_LAB_READBACK_H
#define ESE_LAB_READBACK_H

#include "ese-core/history.h"
#include "orchestration/lab/journey.h"

/* Notes one event of the store. */
void ese_readback_note(struct ese_history *history, const struct ese_record *stored);

/* The journey's server (or broker) must still serve. Gives up after a minute without the end. */
int ese_readback(const struct ese_journey *journey, int64_t *events, struct ese_error *error);

#endif
