/*
 * racing_writers.c - the lesson "webhook+racing-writers": who is live is handed events in the order in which those who
 * stored them came to it.
 *
 * In the original each request hands its event to the live subscribers itself, once it is stored: of several that are
 * answered at a time, whichever comes first. Of 6,400 events of 32 writers about 160 came behind a later one, and the
 * position, that of the last one that was taken, was past some that were not. So it is here, with two differences: a
 * request may be late by MOMENT_MS, so that it shows at a few hundred events a second, also where each writer waits for
 * its answer; and the position does not move back, so that who dies in between loses those that were overtaken, and
 * never has one again.
 */
#include "ese-core/clock.h"
#include "ese-core/random.h"
#include "transports/webhook/created.h"
#include "transports/webhook/habits.h"
#include "transports/webhook/subscribers.h"

#define NAME "webhook+racing-writers"
#define MOMENT_MS 20

enum stage { CATCHING_UP, LIVE, GATHERING };

static int64_t made_ms(const struct ese_webhook_event *event)
{
    int64_t ms;

    return ese_webhook_created_read(event->created, &ms) == 0 ? ms : 0;
}

/* In an order that the position of the first one decides. */
static void mix(struct ese_webhook_event *events, int count)
{
    struct ese_random random = ese_random_seeded((uint64_t)events[0].position, 0);

    for (int left = count; left > 1; left--) {
        int drawn = (int)ese_random_below(&random, (uint64_t)left);
        struct ese_webhook_event last = events[left - 1];
        events[left - 1] = events[drawn];
        events[drawn] = last;
    }
}

/* Those that were made within a moment of the first one of them. */
static void mix_moments(struct ese_webhook_page *page)
{
    for (int first = 0, next; first < page->count; first = next) {
        next = first + 1;
        while (next < page->count && made_ms(&page->events[next]) - made_ms(&page->events[first]) < MOMENT_MS)
            next++;
        mix(&page->events[first], next - first);
    }
}

static bool is_last(const struct ese_webhook_page *page)
{
    return page->count == 0 || page->events[page->count - 1].position >= page->newest;
}

/* Who catches up is handed the table's order, up to the page that reaches the newest event. For who is live a moment is
 * waited for, in which the others of it come. */
static bool has_read(struct ese_webhook_subscriber *subscriber, int64_t now_ns)
{
    switch (subscriber->stage) {
    case CATCHING_UP:
        if (is_last(&subscriber->page))
            subscriber->stage = LIVE;
        return false;
    case LIVE:
        if (subscriber->page.count == 0)
            return false;
        ese_webhook_page_clear(&subscriber->page);
        subscriber->stage = GATHERING;
        ese_webhook_subscription_postpone(&subscriber->subscription, now_ns + MOMENT_MS * ESE_NS_PER_MS);
        return true;
    default:
        mix_moments(&subscriber->page);
        subscriber->stage = LIVE;
        return false;
    }
}

extern const struct ese_webhook_habits ese_webhook_racing_writers_habits; /* for its test */

const struct ese_webhook_habits ese_webhook_racing_writers_habits = {.has_read = has_read, .in_any_order = true};

static int attach(const struct ese_config *config, const struct ese_store_settings *settings, struct ese_store **store,
                  struct ese_error *error)
{
    return ese_webhook_store_attach(&ese_webhook_racing_writers_habits, config, settings, store, error);
}

static const struct ese_store_face store = {
    .options = ese_webhook_store_options,
    .attach = attach,
    .detach = ese_webhook_store_detach,
    .healthy = ese_webhook_store_healthy,
};

extern const struct ese_transport ese_transport_webhook_racing_writers;

const struct ese_transport ese_transport_webhook_racing_writers = {
    .name = NAME,
    .summary = "as webhook, but who is live is handed events of one moment in any order",
    .promises =
        {
            .delivery = ESE_DELIVERY_AT_MOST_ONCE,
            .ordered_per_key = false,
            .replayable = true,
            .positions_survive = true,
            .shares_work = false,
            .retry_stored_once = true,
            .slow_consumer_holds_producers = false,
            .durability = ESE_DURABILITY_MEMORY | ESE_DURABILITY_OS | ESE_DURABILITY_DISK,
            .notes = "In the original each request handed its event on itself, once it was stored, in whichever order "
                     "they came to it; the position ran ahead of what was overtaken. Here that is true of all events "
                     "within 20 ms, so that it shows at a low rate.",
        },
    .produce = &ese_webhook_produce,
    .store = &store,
    .consume = &ese_webhook_consume_as_it_comes,
};
