/*
 * poison.h - the lesson: an event on which the consumer's rule `stumble` fails, where it is applied
 * (docs/dead-letters.md). For everybody else it is the event that it was.
 */
#ifndef ESE_POISON_H
#define ESE_POISON_H

#include "ese-core/event.h"

/* Adds {"stumble":"fail"} to its data. */
void ese_poison_add(struct ese_event *event);

#endif
