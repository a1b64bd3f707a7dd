/*
 * habits.h - where a lesson may do otherwise than the transport whose lesson it is.
 *
 * The faults of the original are switched on again one by one, each a lesson (docs/adding-a-transport.md): a transport
 * of its own, in a file of its own, whose server is this one with one habit. What is not set is done with care; the
 * careful server has none, and what a lesson is made of goes with its file.
 *
 * A lesson's consumer takes what comes as it comes, as the original's subscribers do: what is missing, comes again, or
 * comes late in its stream is nothing that it would notice.
 */
#ifndef ESE_WEBHOOK_HABITS_H
#define ESE_WEBHOOK_HABITS_H

#include <stdbool.h>
#include <stdint.h>

#include "transports/webhook/webhook.h"

struct ese_webhook_pusher;
struct ese_webhook_subscriber;
struct ese_webhook_subscription;

/* Functions are called on the pusher's thread (pusher.h), and must not block. */
struct ese_webhook_habits {
    /* The subscriber's page was read behind its position, and holds what is there, perhaps nothing: it may be changed,
     * and so may the subscription. True where it has nothing to send now, and has its time to be looked at again
     * (ese_webhook_subscription_postpone); else what is in the page is sent, and for an empty one it rests. */
    bool (*has_read)(struct ese_webhook_subscriber *subscriber, int64_t now_ns);
    /* A page may be in any order: its events are pushed one by one, and what was pushed of it is known by its place in
     * the page. The position is the newest one's of all that were taken. */
    bool in_any_order;
    /* A subscription was made, and is not stored yet; in the place of another of its name, or NULL. May change it. */
    void (*has_made)(struct ese_webhook_subscription *made, const struct ese_webhook_subscription *replaced);
    /* Another has taken its name, and is there: it is dropped, or what this does with it. Where it is set, the same
     * again takes its name, too, rather than wakes it. */
    void (*has_replaced)(struct ese_webhook_pusher *pusher, struct ese_webhook_subscriber *replaced);
};

/* The store's functions, for a face of a lesson's own. habits: NULL: none; they are copied. */
extern const struct ese_option ese_webhook_store_options[];
int ese_webhook_store_attach(const struct ese_webhook_habits *habits, const struct ese_config *config,
                             const struct ese_store_settings *settings, struct ese_store **store,
                             struct ese_error *error);
void ese_webhook_store_detach(struct ese_store **store, int timeout_ms);
bool ese_webhook_store_healthy(struct ese_store *store, char *text, size_t size);

/* The consumer that takes what comes as it comes: no event is a repeat, none is missed, and the position behind each is
 * behind the newest one of all that were handed. The end is where the server has nothing further for it. */
extern const struct ese_consume_face ese_webhook_consume_as_it_comes;

#endif
