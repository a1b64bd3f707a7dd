/*
 * gives_up.c - the lesson "webhook+gives-up": who has failed so often is paused, and nobody resumes it.
 *
 * The original tries an event five times, 8, 16, 32 and 64 seconds apart, and then pauses its subscription; who comes
 * back is not asked, and who registers again is told that there is one of that name. Until somebody sees it and resumes
 * it, nothing is delivered. Here the pauses are 100, 200, 400 and 800 ms, whatever was asked for, so that one run shows
 * it; and who registers again is pushed to at his new URL, once it is resumed.
 */
#include "transports/webhook/habits.h"
#include "transports/webhook/subscription.h"

#define NAME "webhook+gives-up"
#define TRIES 5
#define FIRST_MS 100
#define MOST_MS 800

static void has_made(struct ese_webhook_subscription *made, const struct ese_webhook_subscription *replaced)
{
    made->wish.retry = (struct ese_webhook_retry){.tries = TRIES, .first_ms = FIRST_MS, .most_ms = MOST_MS};
    made->wish.poison = ESE_WEBHOOK_STOP;
    made->wish.batch = 1; /* of more than one each is tried by itself again, which the original knows nothing of */
    if (replaced != NULL && !replaced->active)
        ese_webhook_subscription_pause(made, replaced->pause_reason);
}

extern const struct ese_webhook_habits ese_webhook_gives_up_habits; /* for its test */

const struct ese_webhook_habits ese_webhook_gives_up_habits = {.has_made = has_made};

static int attach(const struct ese_config *config, const struct ese_store_settings *settings, struct ese_store **store,
                  struct ese_error *error)
{
    return ese_webhook_store_attach(&ese_webhook_gives_up_habits, config, settings, store, error);
}

static const struct ese_store_face store = {
    .options = ese_webhook_store_options,
    .attach = attach,
    .detach = ese_webhook_store_detach,
    .healthy = ese_webhook_store_healthy,
};

extern const struct ese_transport ese_transport_webhook_gives_up;

const struct ese_transport ese_transport_webhook_gives_up = {
    .name = NAME,
    .summary = "as webhook, but who was away for a while is not tried again until somebody resumes it",
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
            .notes = "The original tries five times within two minutes, and then pauses a subscription until somebody "
                     "resumes it. Here that is after a second and a half, and who registers again does not change "
                     "it.",
        },
    .produce = &ese_webhook_produce,
    .store = &store,
    .consume = &ese_webhook_consume_as_it_comes,
};
