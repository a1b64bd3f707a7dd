/*
 * two_lines.c - the lesson "webhook+two-lines": who registers again is pushed to by a second line beside the first.
 *
 * In the original a subscription that is deleted and made again leaves the loop behind that pushed for the first one:
 * both push, until the next start, and events come twice. Here it is one that is registered again, as a consumer does
 * whose pushes have failed while it was not there: the old line tries again, too, at its URL, under a name that nobody
 * can ask for.
 */
#include <stdio.h>

#include "ese-core/memory.h"
#include "transports/webhook/pusher_internal.h"

#define NAME "webhook+two-lines"
#define BESIDE " (beside)"

/* A gauge of its name is the new one's. */
static void has_replaced(struct ese_webhook_pusher *pusher, struct ese_webhook_subscriber *replaced)
{
    char name[ESE_WEBHOOK_NAME_SIZE];

    if (ese_webhook_subscribers_count(pusher->subscribers) == ESE_WEBHOOK_MOST_SUBSCRIPTIONS) {
        ese_webhook_pusher_drop(pusher, replaced);
        return;
    }
    ese_webhook_pusher_unnote(pusher, replaced);
    ese_webhook_subscribers_remove(pusher->subscribers, replaced);
    int room = (int)(sizeof(name) - sizeof(BESIDE));
    snprintf(name, sizeof(name), "%.*s" BESIDE, room, replaced->subscription.wish.name);
    ese_fit_text(replaced->subscription.wish.name, sizeof(replaced->subscription.wish.name), name);
    ese_webhook_subscription_figures_make(&pusher->names, pusher->options.metrics, name, &replaced->figures);
    ese_webhook_subscribers_add(pusher->subscribers, replaced);
}

extern const struct ese_webhook_habits ese_webhook_two_lines_habits; /* for its test */

const struct ese_webhook_habits ese_webhook_two_lines_habits = {.has_replaced = has_replaced};

static int attach(const struct ese_config *config, const struct ese_store_settings *settings, struct ese_store **store,
                  struct ese_error *error)
{
    return ese_webhook_store_attach(&ese_webhook_two_lines_habits, config, settings, store, error);
}

static const struct ese_store_face store = {
    .options = ese_webhook_store_options,
    .attach = attach,
    .detach = ese_webhook_store_detach,
    .healthy = ese_webhook_store_healthy,
};

extern const struct ese_transport ese_transport_webhook_two_lines;

const struct ese_transport ese_transport_webhook_two_lines = {
    .name = NAME,
    .summary = "as webhook, but who registers again is pushed to twice",
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
            .notes = "In the original a subscription that was deleted and made again was pushed to by two loops, until "
                     "the next start; here it is one that is registered again.",
        },
    .produce = &ese_webhook_produce,
    .store = &store,
    .consume = &ese_webhook_consume_as_it_comes,
};
