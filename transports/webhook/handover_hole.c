/*
 * handover_hole.c - the lesson "webhook+handover-hole": who has caught up joins the live ones, and what comes in between
 * goes to nobody.
 *
 * The original reads pages until one is empty, and then has its subscriber join those to whom each new event is
 * handed. An event that is stored between these two was in no page, and is handed to nobody. That took microseconds: of
 * 600 subscriptions that were made under load one or two had missed an event. Here it takes HOLE_NS, so that one run
 * shows it. It happens whenever a subscription begins anew: when it is made, resumed, woken, and when the server starts.
 */
#include "ese-core/clock.h"
#include "transports/webhook/habits.h"
#include "transports/webhook/subscribers.h"

#define NAME "webhook+handover-hole"
#define HOLE_NS (80 * ESE_NS_PER_MS)

enum stage { CATCHING_UP, JOINING, LIVE };

/* It is live from behind the newest event there is; those in the page are the ones that nobody gets. */
static void join(struct ese_webhook_subscriber *subscriber)
{
    ese_webhook_subscription_pass(&subscriber->subscription, subscriber->page.newest);
    ese_webhook_page_clear(&subscriber->page);
    subscriber->stage = LIVE;
}

static bool has_read(struct ese_webhook_subscriber *subscriber, int64_t now_ns)
{
    if (subscriber->stage == JOINING)
        join(subscriber);
    if (subscriber->stage == LIVE || subscriber->page.count > 0)
        return false;
    subscriber->stage = JOINING;
    ese_webhook_subscription_postpone(&subscriber->subscription, now_ns + HOLE_NS);
    return true;
}

extern const struct ese_webhook_habits ese_webhook_handover_hole_habits; /* for its test */

const struct ese_webhook_habits ese_webhook_handover_hole_habits = {.has_read = has_read};

static int attach(const struct ese_config *config, const struct ese_store_settings *settings, struct ese_store **store,
                  struct ese_error *error)
{
    return ese_webhook_store_attach(&ese_webhook_handover_hole_habits, config, settings, store, error);
}

static const struct ese_store_face store = {
    .options = ese_webhook_store_options,
    .attach = attach,
    .detach = ese_webhook_store_detach,
    .healthy = ese_webhook_store_healthy,
};

extern const struct ese_transport ese_transport_webhook_handover_hole;

const struct ese_transport ese_transport_webhook_handover_hole = {
    .name = NAME,
    .summary = "as webhook, but between catching up and being live an event goes to nobody",
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
            .notes = "The original read pages until one was empty, then had its subscriber join the live ones: what "
                     "came in between went to nobody. That took microseconds; here it takes 80 ms, at each beginning "
                     "of a subscription, so that one run shows it.",
        },
    .produce = &ese_webhook_produce,
    .store = &store,
    .consume = &ese_webhook_consume_as_it_comes,
};
