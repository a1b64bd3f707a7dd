/*
 * no_time_limit.c - the lesson "webhook+no-time-limit": an answer is waited for, however long it takes.
 *
 * The original has one request under way for each subscriber, and asks for no answer in time. A receiver that hangs, or
 * is gone without a word, is neither tried again nor paused: its line stands, nobody is told of it, and who registers
 * again waits behind it. It ends when the connection does, or the server.
 */
#include "transports/webhook/habits.h"

#define NAME "webhook+no-time-limit"

static const struct ese_webhook_habits habits = {.waits_for_ever = true};

static int attach(const struct ese_config *config, const struct ese_store_settings *settings, struct ese_store **store,
                  struct ese_error *error)
{
    return ese_webhook_store_attach(&habits, config, settings, store, error);
}

static const struct ese_store_face store = {
    .options = ese_webhook_store_options,
    .attach = attach,
    .detach = ese_webhook_store_detach,
    .healthy = ese_webhook_store_healthy,
};

extern const struct ese_transport ese_transport_webhook_no_time_limit;

const struct ese_transport ese_transport_webhook_no_time_limit = {
    .name = NAME,
    .summary = "as webhook, but an answer is waited for, however long it takes",
    .promises =
        {
            .delivery = ESE_DELIVERY_AT_MOST_ONCE,
            .ordered_per_key = true,
            .replayable = true,
            .positions_survive = true,
            .shares_work = false,
            .retry_stored_once = true,
            .slow_consumer_holds_producers = false,
            .durability = ESE_DURABILITY_MEMORY | ESE_DURABILITY_OS | ESE_DURABILITY_DISK,
            .notes = "The original knows no time limit: of a receiver that never answers nothing is noticed, and its "
                     "line stands until the server, or the connection, ends.",
        },
    .produce = &ese_webhook_produce,
    .store = &store,
    .consume = &ese_webhook_consume_as_it_comes,
};
