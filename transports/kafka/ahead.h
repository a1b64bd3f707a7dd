/*
 * ahead.h - a thread that works ahead, so that two go on at once: it does one piece of work each time it is told to,
 * beside its owner, who waits for it before they touch what they share.
 *
 * Between begin and settle what the work needs is the thread's, else its owner's. What must not be done on another
 * thread than the owner's (a listener is told on one) the work asks for, and waits until the owner settles.
 */
#ifndef ESE_KAFKA_AHEAD_H
#define ESE_KAFKA_AHEAD_H

#include "ese-core/error.h"

struct ese_ahead;

/* The thread does `work` with `context`, which outlive it. */
int ese_ahead_open(void (*work)(void *context), void *context, struct ese_ahead **ahead, struct ese_error *error);

/* Settles first. NULL behind the pointer is allowed; nulls it. */
void ese_ahead_close(struct ese_ahead **ahead);

/* The owner's: the work is begun, of which none may be under way. */
void ese_ahead_begin(struct ese_ahead *ahead);

/* The owner's: waits until no work is under way, and does meanwhile what it asks for. */
void ese_ahead_settle(struct ese_ahead *ahead);

/* Whoever's: `what` is done on the owner's thread before this returns, at once where that is the caller's. */
void ese_ahead_ask(struct ese_ahead *ahead, void (*what)(void *argument), void *argument);

#endif
