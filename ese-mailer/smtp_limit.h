/*
 * smtp_limit.h - how long an SMTP session may take, its connect and all of it.
 *
 * libesmtp has no limit for its connect, and none for a session: a server that sends a byte now and then, or a reply
 * without an end, is in time at every single wait. So a timer's signal, aimed at the session's thread alone, breaks the
 * connect off; and once connected it shuts the connection down when the session has taken ESE_SMTP_STEPS times as long
 * as one wait may. libesmtp then sees the connection end, as if the server had cut it.
 *
 * It tells nobody which connection is its own. It is seen here, where connect(2) is taken over: what a thread connects
 * while it has a limit is its session's. All other threads' calls pass through.
 *
 * One session a thread. All functions are called on the session's thread.
 */
#ifndef ESE_SMTP_LIMIT_H
#define ESE_SMTP_LIMIT_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "ese-core/error.h"

/* As many as a mail may take until its end is known: the connect, the greeting, EHLO, STARTTLS, the handshake, EHLO
 * again, AUTH, MAIL, RCPT, DATA, the message, and the final dot. */
#define ESE_SMTP_STEPS 12

struct ese_smtp_limit {
    timer_t timer;
    int timeout_ms;
    int64_t until_ns;            /* for all of the session */
    int taken;                   /* what connect(2) made last, under a number of our own: libesmtp closes its own before
                                    it tells; -1: nothing */
    volatile sig_atomic_t line;  /* what the signal shuts down; -1: nothing */
    volatile sig_atomic_t broken; /* it did */
};

/* The session begins, and with it its first connect. -1: there is no timer, and nothing has begun. */
int ese_smtp_limit_begin(struct ese_smtp_limit *limit, int timeout_ms, struct ese_error *error);
void ese_smtp_limit_end(struct ese_smtp_limit *limit);

/* A connect has succeeded. */
void ese_smtp_limit_connected(struct ese_smtp_limit *limit);
/* The connection is over, and another connect may follow: to the host's next address. */
void ese_smtp_limit_disconnected(struct ese_smtp_limit *limit);

/* The session has taken too long: ESE_E_TIMEOUT. */
int ese_smtp_limit_check(const struct ese_smtp_limit *limit, struct ese_error *error);

#endif
