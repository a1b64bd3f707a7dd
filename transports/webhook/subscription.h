/*
 * subscription.h - one subscription: what was asked for, how far it has come, and when what is due.
 *
 * A machine without clock, network and file: whoever drives it (pusher.h) says what the time is, reads, sends, and
 * tells what came of it. So a retry schedule of two minutes is a test of a millisecond.
 *
 *                      begin                       taken, or set aside: the position moves
 *     +-------- due ----------> under way -----------------------------+
 *     |          ^                  | failed          failed too often |
 *     |          |   until due_ns   v                        |         |
 *     |          +------------- waiting                      v         |
 *     |  grown                                            paused       |
 *     +<-------- idle <---- nothing behind the position <--------------+
 *
 * One request is under way at a time, also beyond a pause, a resume, a position that is set meanwhile, and a successor
 * of the same name: its answer is heard (or void, where it was asked for otherwise) before the next begins. The
 * position only moves forward, but where somebody sets it.
 *
 * Times are nanoseconds of CLOCK_MONOTONIC. One thread.
 */
#ifndef ESE_WEBHOOK_SUBSCRIPTION_H
#define ESE_WEBHOOK_SUBSCRIPTION_H

#include <stdbool.h>
#include <stdint.h>

#include "transports/webhook/stream_name.h"

#define ESE_WEBHOOK_NAME_SIZE 201
#define ESE_WEBHOOK_REASON_SIZE 2560 /* a URL and words */
#define ESE_WEBHOOK_MOST_BATCH 1000
#define ESE_WEBHOOK_MOST_TRIES 1000
#define ESE_WEBHOOK_MOST_WAIT_MS INT64_C(3600000) /* between two attempts, also where a receiver asks for more */

/* How often an event is tried, and how long is waited in between: first_ms after the first failure, doubling, most_ms
 * at most. */
struct ese_webhook_retry {
    int tries; /* 0: for as long as it takes */
    int64_t first_ms;
    int64_t most_ms;
};
/* The original's: five attempts, 8, 16, 32 and 64 seconds apart. */
#define ESE_WEBHOOK_RETRY_DEFAULT {.tries = 5, .first_ms = 8000, .most_ms = 64000}

/* What becomes of an event that was tried so often in vain. */
enum ese_webhook_poison {
    ESE_WEBHOOK_STOP, /* the subscription is paused in front of it */
    ESE_WEBHOOK_ASIDE /* it goes to the dead letters, and the line moves on */
};

/* What somebody asked for; texts are its own. */
struct ese_webhook_wish {
    char name[ESE_WEBHOOK_NAME_SIZE];
    char stream[ESE_WEBHOOK_STREAM_SIZE];
    char *url;
    char *headers;    /* JSON as it came: an object of texts, "null", or "" for none */
    char *signed_by;  /* the name of a secret (signature.h); "" for none */
    int batch;        /* events a push holds at most; 1: each by itself, its body as it is */
    struct ese_webhook_retry retry;
    enum ese_webhook_poison poison;
};

enum ese_webhook_state { ESE_WEBHOOK_IDLE, ESE_WEBHOOK_UNDER_WAY, ESE_WEBHOOK_WAITING, ESE_WEBHOOK_PAUSED };

struct ese_webhook_subscription {
    struct ese_webhook_wish wish;
    int64_t position;    /* of the newest event that it has taken, or that was set aside */
    bool active;         /* not paused */
    char *pause_reason;  /* "" where there is none */
    char created[96];    /* as Go's time.String() writes it */
    char updated[96];    /* "" until something was changed */
    /* Not stored: a new life begins with an attempt at once. */
    bool under_way;      /* a request is */
    bool is_void;        /* its answer changes nothing */
    bool at_once;        /* should it fail, it is tried again without waiting */
    bool idle;           /* nothing was behind the position when it was looked at last */
    int attempts;        /* that failed, of what is tried now */
    int64_t due_ns;      /* when the next attempt is due */
    int64_t alone_until; /* up to that position each event goes by itself */
};

/* What came of a push. */
struct ese_webhook_outcome {
    int status;             /* 0: no answer */
    bool unsent;            /* and nothing went out, for want of a socket here: the receiver is not to blame */
    int64_t retry_after_ms; /* -1: none was asked for */
    const char *problem;    /* for status 0, in words */
    int count;              /* events that were pushed, */
    int64_t last;           /* and the last one's position */
};

enum ese_webhook_verdict {
    ESE_WEBHOOK_TAKEN,     /* the position has moved to the last one's */
    ESE_WEBHOOK_AGAIN,     /* it failed, and waits until due_ns (or was paused meanwhile by somebody) */
    ESE_WEBHOOK_UNSENT,    /* it was no attempt, and waits until due_ns */
    ESE_WEBHOOK_GIVEN_UP,  /* it failed for the last time: paused, with the reason in pause_reason */
    ESE_WEBHOOK_SET_ASIDE, /* it failed for the last time: the one event is to be kept, then passed over */
    ESE_WEBHOOK_NOTHING    /* the answer was void */
};

void ese_webhook_wish_clear(struct ese_webhook_wish *wish);
/* Which number is out of range, or what does not go together: ESE_E_INVALID names the value. */
int ese_webhook_wish_check(const struct ese_webhook_wish *wish, struct ese_error *error);

/* Takes over what the wish owns, and zeroes it. It is active and due at once. */
void ese_webhook_subscription_init(struct ese_webhook_subscription *subscription, struct ese_webhook_wish *wish,
                                   int64_t position);
/* Of one that was just made: a request of what had the name before is under way, whose answer is heard, and void. */
void ese_webhook_subscription_follow(struct ese_webhook_subscription *subscription);
void ese_webhook_subscription_clear(struct ese_webhook_subscription *subscription);

enum ese_webhook_state ese_webhook_subscription_state(const struct ese_webhook_subscription *subscription);

/* Whether it is to be read for and sent to now. One that waits is due at due_ns. */
bool ese_webhook_subscription_due(const struct ese_webhook_subscription *subscription, int64_t now_ns);

/* How many events the next push may hold. */
int ese_webhook_subscription_batch(const struct ese_webhook_subscription *subscription);

/* Of one that is due: a request goes out. */
void ese_webhook_subscription_begin(struct ese_webhook_subscription *subscription);

/* Its answer, or that none came. SET_ASIDE: call ese_webhook_subscription_pass next, or, where the event could not be
 * kept, ese_webhook_subscription_pause with the reason. */
enum ese_webhook_verdict ese_webhook_subscription_answer(struct ese_webhook_subscription *subscription,
                                                         const struct ese_webhook_outcome *outcome, int64_t now_ns);
/* Why the last attempt failed, in the original's words: "HTTP call to URL failed with error code 500". */
void ese_webhook_outcome_reason(const struct ese_webhook_outcome *outcome, const char *url,
                                char text[ESE_WEBHOOK_REASON_SIZE]);

/* The line moves on behind that position, though nobody has taken it; no sooner than the last answer has it wait. */
void ese_webhook_subscription_pass(struct ese_webhook_subscription *subscription, int64_t position);

/* Of one that is due: nothing was behind its position / the stream could not be read, which is no attempt. */
void ese_webhook_subscription_rest(struct ese_webhook_subscription *subscription);
void ese_webhook_subscription_postpone(struct ese_webhook_subscription *subscription, int64_t until_ns);

/* There may be more behind its position: true where it was idle for want of that. */
bool ese_webhook_subscription_grown(struct ese_webhook_subscription *subscription);

/* False: it was paused already. */
bool ese_webhook_subscription_pause(struct ese_webhook_subscription *subscription, const char *reason);

/* Of a paused one; false: it was not paused, and nothing has changed. */
bool ese_webhook_subscription_resume(struct ese_webhook_subscription *subscription);

/* Who waits for it is there again: it is tried at once, with all its tries, also where it was paused. */
void ese_webhook_subscription_wake(struct ese_webhook_subscription *subscription);

/* From there on, backwards too. The answer of what is under way changes nothing any more. */
void ese_webhook_subscription_seek(struct ese_webhook_subscription *subscription, int64_t position);

#endif
