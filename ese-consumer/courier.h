/*
 * courier.h - how a decision gets to the mailer: posted to it, or put on the topic `mail-requests`,
 * which it reads (mail_request.h in ese-core).
 *
 *   posted    POST MAILER/mail with the headers traceparent and X-ESE-Transport: 2xx is taken; 400,
 *             403, 409, 413 and 422 are refused for good; anything else, or no answer, is again
 *   on a topic  by the produce face of a transport: acknowledged is taken, anything else again. What
 *             the mailer thinks of it is not heard here
 *
 * One thread, but for wake.
 */
#ifndef ESE_COURIER_H
#define ESE_COURIER_H

#include <stdint.h>

#include "ese-consumer/decision.h"
#include "ese-core/error.h"

#define ESE_COURIER_INFLIGHT 32 /* decisions under way at most */

enum ese_courier_word { ESE_COURIER_TAKEN, ESE_COURIER_REFUSED, ESE_COURIER_AGAIN };

struct ese_courier_answer {
    enum ese_courier_word word;
    const char *reason; /* in words, unless it was taken; valid during the call */
    const char *hint;   /* what to do about it, to be put behind the reason; or "" */
    int64_t wait_ms;    /* ask again not before; -1: not said */
};
typedef void ese_courier_answered(void *asked, const struct ese_courier_answer *answer);

struct ese_courier_options {
    const char *mailer;   /* "http://127.0.0.1:2525"; or NULL, and */
    const char *requests; /* TRANSPORT[:OPTION=VALUE...] whose topic it is */
    const char *token;    /* the mailer asks for; NULL: none; copied */
    const char *transport; /* by which events come; kept, not copied */
    ese_courier_answered *answered;
};

struct ese_courier;

/* ESE_E_USAGE when an address is none, or a transport. Does not wait for the other side. */
int ese_courier_open(const struct ese_courier_options *options, struct ese_courier **courier,
                     struct ese_error *error);
void ese_courier_close(struct ese_courier **courier); /* what is under way is let go */

/* Takes a copy; `asked` is handed back with the one answer, from inside poll or this. */
void ese_courier_ask(struct ese_courier *courier, const struct ese_decision *decision,
                     void *asked);

/* Returns when an answer came, a wake, or timeout_ms passed; how many are still under way. */
int ese_courier_poll(struct ese_courier *courier, int timeout_ms);
void ese_courier_wake(struct ese_courier *courier); /* any thread */

/* ---- kinds of them --------------------------------------------------------------------------- */

struct ese_courier_kind {
    int (*open)(const struct ese_courier_options *options, struct ese_courier **courier,
                struct ese_error *error);
    void (*close)(struct ese_courier *courier);
    void (*ask)(struct ese_courier *courier, const struct ese_decision *decision, void *asked);
    int (*poll)(struct ese_courier *courier, int timeout_ms);
    void (*wake)(struct ese_courier *courier);
};
extern const struct ese_courier_kind ese_courier_post, ese_courier_topic;

/* Begins what each kind adds its own to. */
struct ese_courier {
    const struct ese_courier_kind *kind;
    const char *transport;
    ese_courier_answered *answered;
};

#endif
