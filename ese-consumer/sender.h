/*
 * sender.h - brings decisions to the mailer, until it has answered for each.
 *
 * A thread of its own, with its own connection to the state file: reading events never waits for
 * mail. It asks for the open decisions of the partitions this member holds, also those a
 * predecessor left, and has a courier (courier.h) bring each:
 *
 *   taken    answered: the mailer has it, or had it before; or its topic has it
 *   refused  for good: the row keeps the reason, it is counted and logged, and not asked again
 *   again    asked again, after a back-off (or as long as the mailer named)
 *
 * At most ESE_SENDER_INFLIGHT are under way. Asking twice for one decision is harmless by the
 * mailer's contract: it answers a known id as before.
 */
#ifndef ESE_SENDER_H
#define ESE_SENDER_H

#include <stdbool.h>
#include <stdint.h>

#include "ese-consumer/courier.h"
#include "ese-consumer/state.h"
#include "ese-core/contact.h"
#include "ese-core/error.h"
#include "ese-core/history.h"

#define ESE_SENDER_INFLIGHT ESE_COURIER_INFLIGHT

struct ese_sender;

struct ese_sender_options {
    struct ese_state_options state; /* texts are kept, not copied */
    const char *mailer;             /* these three as a courier has them */
    const char *requests;
    const char *token;
    struct ese_history *history;    /* takes MAIL_ASKED; the counters are kept in the state file */
    struct ese_contact *contact;    /* is told whether the mailer can be reached */
};

/* What it has done; counts since it was opened. */
struct ese_sender_figures {
    int64_t asked;    /* taken */
    int64_t refused;  /* for good */
    int64_t attempts; /* requests that ended, however */
    int64_t open;     /* decisions in hand: under way or waiting to be asked again */
};

/* Starts the thread. */
int ese_sender_open(const struct ese_sender_options *options, struct ese_sender **sender,
                    struct ese_error *error);

/* The rest is for any thread. */
void ese_sender_give(struct ese_sender *sender, int32_t partition); /* this member's from now on */
void ese_sender_take(struct ese_sender *sender, int32_t partition); /* no longer */
void ese_sender_wake(struct ese_sender *sender);                    /* there are new decisions */

/* True when every decision committed before the last wake has an answer. */
bool ese_sender_idle(struct ese_sender *sender);
struct ese_sender_figures ese_sender_figures(struct ese_sender *sender);

/* True when it ended by itself; error says why (the state file could not be read or written). */
bool ese_sender_failed(struct ese_sender *sender, struct ese_error *error);

/* Lets what is under way finish, at most linger_ms, then lets go: what has no answer stays open in
 * the state file. */
void ese_sender_close(struct ese_sender **sender, int linger_ms);

#endif
