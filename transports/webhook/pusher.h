/*
 * pusher.h - brings each subscriber its stream's events, in order, one request under way of each name, on a thread of
 * its own.
 *
 * All that there is of subscriptions is this thread's: their table (DATA/_meta.db), their states (subscription.h),
 * their requests. The routes hand over what was asked (subscription_routes.c), and are answered from here. A
 * subscription is only ever moved on by its position: what is read behind it is sent, what was taken moves it.
 * Positions are stored soon after (at most 20 ms later), never backwards, never beyond what was taken: a death
 * repeats a little.
 */
#ifndef ESE_WEBHOOK_PUSHER_H
#define ESE_WEBHOOK_PUSHER_H

#include <stdbool.h>
#include <stddef.h>

#include "ese-core/error.h"
#include "ese-core/http_server.h"
#include "ese-core/metrics.h"
#include "transports/webhook/streams.h"

struct ese_webhook_habits;
struct ese_webhook_pusher;

struct ese_webhook_pusher_options {
    const struct ese_webhook_habits *habits; /* a lesson's (habits.h); NULL: none */
    struct ese_webhook_streams *streams;
    const char *allow_targets; /* see targets.h; NULL: by default */
    const char *secrets;       /* directory of secrets, NULL: none (signature.h) */
    int connections;           /* requests under way at most, of all subscribers together */
    int push_timeout_ms;       /* for a receiver to answer */
    struct ese_http_server *server;
    struct ese_metrics *metrics;
};

int ese_webhook_pusher_open(const struct ese_webhook_pusher_options *options, struct ese_webhook_pusher **pusher,
                            struct ese_error *error);
void ese_webhook_pusher_add_routes(struct ese_webhook_pusher *pusher); /* before the server starts */

/* From then on requests go out; after open and add_routes. */
int ese_webhook_pusher_start(struct ese_webhook_pusher *pusher, struct ese_error *error);

/* There is more in that stream (ese_webhook_streams_options.grown). Any thread. */
void ese_webhook_pusher_grown(struct ese_webhook_pusher *pusher, const char *stream);

/* False, with why: a stream cannot be read for its subscriber. Looked at each second; any thread. */
bool ese_webhook_pusher_healthy(struct ese_webhook_pusher *pusher, char *text, size_t size);

/* Waits at most timeout_ms for what is under way, stores positions, ends the thread. */
void ese_webhook_pusher_stop(struct ese_webhook_pusher *pusher, int timeout_ms);
void ese_webhook_pusher_close(struct ese_webhook_pusher **pusher);

#endif
