/*
 * handover_hole.c - the lesson "webhook+handover-hole": between catching up and being live an event goes to nobody.
 *
 * The original reads pages until there is none further, and then has its subscriber join those to whom each new event
 * is handed. An event that is stored between these two was in no page, and is handed to nobody. That took microseconds:
 * of 600 subscriptions that were made under load one or two had missed an event. Here it takes HOLE_NS, so that one
 * run shows it, and the page that reaches the newest event is the last, so that it shows under any load. It happens
 * whenever a subscription begins anew: when it is made, resumed or woken, and when the server starts.
 */
#include "ese-core/clock.h"
#include "transports/webhook/habits.h"
#include "transports/webhook/subscribers.h"

#define NAME "webhook+handover-hole"
#define HOLE_NS (80 * ESE_NS_PER_MS)

enum stage { CATCHING_UP, CAUGHT_UP, JOINING, LIVE };

/* Nothing was stored behind its last event when it was read. */
static bool is_last(const struct ese_webhook_page *page)
{
    return page->count == 0 || page->events[page->count - 1].position >= page->newest;
}

/* It is live from behind the newest event there is; those in the page are the ones that nobody gets. */
static void join(struct ese_webhook_subscriber *subscriber)
{
    ese_webhook_subscription_pass(&subscriber->subscription, subscriber->page.newest);
    ese_webhook_page_clear(&subscriber->page);
    subscriber->stage = LIVE;
}

static void begin_to_join(struct ese_webhook_subscriber *subscriber, int64_t now_ns)
{
    ese_webhook_page_clear(&subscriber->page);
    subscriber->stage = JOINING;
    ese_webhook_subscription_postpone(&subscriber->subscription, now_ns + HOLE_NS);
}

static bool has_read(struct ese_webhook_subscriber *subscriber, int64_t now_ns)
{
    bool is_same_again = subscriber->subscription.attempts > 0; /* what was sent has failed */

    if (subscriber->stage == JOINING)
        join(subscriber);
    if (subscriber->stage == LIVE)
        return false;
    if (subscriber->page.count > 0 && (subscriber->stage == CATCHING_UP || is_same_again)) {
        subscriber->stage = is_last(&subscriber->page) ? CAUGHT_UP : CATCHING_UP;
        return false;
    }
    begin_to_join(subscriber, now_ns);
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
            .notes = "The original read pages until there was none further, then had its subscriber join the live "
                     "ones: what came in between went to nobody. That took microseconds; here it takes 80 ms, at "
                     "each beginning of a subscription, so that one run shows it.",
        },
    .produce = &ese_webhook_produce,
    .store = &store,
    .consume = &ese_webhook_consume_as_it_comes,
};
