/*
 * webhook.c - the transport "webhook": an event is posted to a stream, and the server pushes it to who subscribed.
 * Promises and faces.
 */
#include "transports/webhook/webhook.h"

extern const struct ese_transport ese_transport_webhook;

const struct ese_transport ese_transport_webhook = {
    .name = "webhook",
    .summary = "POST an event to its stream, and the server pushes it to each subscriber, in order",
    .promises =
        {
            .delivery = ESE_DELIVERY_AT_LEAST_ONCE,
            .ordered_per_key = true,
            .replayable = true,
            .positions_survive = true,
            .shares_work = false,
            .retry_stored_once = true,
            .slow_consumer_holds_producers = false,
            .durability = ESE_DURABILITY_MEMORY | ESE_DURABILITY_OS | ESE_DURABILITY_DISK,
            .notes = "The server pushes, one request a subscriber at a time: a slow receiver stops its own line, and "
                     "one event it will not take stands before all behind it.",
        },
    .produce = &ese_webhook_produce,
    .store = &ese_webhook_store,
    .consume = &ese_webhook_consume,
};
