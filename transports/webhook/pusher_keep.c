#include "transports/webhook/pusher_internal.h"

#include <inttypes.h>
#include <stdio.h>

#include "ese-core/log.h"
#include "transports/webhook/created.h"

#define POSITION_NS (20 * ESE_NS_PER_MS) /* positions are stored so soon after */
#define REFUSED_NS ESE_NS_PER_S          /* until what could not be stored is tried again */
#define FIGURES_NS ESE_NS_PER_S

/* ---- what is stored -------------------------------------------------------------------------- */

void ese_webhook_pusher_note_position(struct ese_webhook_pusher *pusher, struct ese_webhook_subscriber *subscriber)
{
    if (subscriber->is_dirty)
        return;
    subscriber->is_dirty = true;
    TAILQ_INSERT_TAIL(&pusher->dirty, subscriber, in_dirty);
}

void ese_webhook_pusher_unnote(struct ese_webhook_pusher *pusher, struct ese_webhook_subscriber *subscriber)
{
    subscriber->is_row_dirty = false;
    if (!subscriber->is_dirty)
        return;
    subscriber->is_dirty = false;
    TAILQ_REMOVE(&pusher->dirty, subscriber, in_dirty);
}

/* A power cut at os, or a file from a backup, may leave a stream shorter than what was taken of it: the positions that
 * were lost are given again, to events that nobody has taken. */
void ese_webhook_pusher_hold_to_end(struct ese_webhook_pusher *pusher, struct ese_webhook_subscriber *subscriber)
{
    struct ese_webhook_subscription *subscription = &subscriber->subscription;

    if (!subscriber->is_loaded)
        return;
    int64_t found = ese_webhook_streams_found(pusher->options.streams, subscription->wish.stream);
    if (found < 0)
        return; /* until there is one, or it can be read */
    subscriber->is_loaded = false;
    if (subscription->position <= found)
        return;
    ese_log_warning("the subscription '%s' stands at %" PRId64 ", and its stream '%s' ended at %" PRId64 " as this "
                    "server started: events were lost, and it goes on from there", subscription->wish.name,
                    subscription->position, subscription->wish.stream, found);
    ese_webhook_subscription_seek(subscription, found);
    ese_webhook_pusher_note_position(pusher, subscriber);
}

/* Tells the log that something could not be stored, and that everything can again. */
static void note_storing(struct ese_webhook_pusher *pusher, const struct ese_error *problem)
{
    bool cannot_store = problem != NULL;

    pusher->not_stored = (struct ese_error){0};
    if (cannot_store)
        ese_fail(&pusher->not_stored, problem->code, "what becomes of subscriptions cannot be stored: %s",
                 problem->text);
    if (!ese_news_due(&pusher->unstored, cannot_store))
        return;
    if (cannot_store)
        ese_log_error("%s", pusher->not_stored.text);
    else
        ese_log_info("what becomes of subscriptions can be stored again");
}

int ese_webhook_pusher_change(struct ese_webhook_pusher *pusher, struct ese_webhook_subscriber *subscriber,
                              struct ese_error *error)
{
    struct ese_webhook_subscription *subscription = &subscriber->subscription;

    ese_webhook_created_write(ese_clock_wall_ms(), subscription->updated);
    if (ese_webhook_subscription_table_change(pusher->table, subscription, error) != 0) {
        ese_webhook_pusher_note_position(pusher, subscriber);
        subscriber->is_row_dirty = true;
        return -1;
    }
    ese_webhook_pusher_unnote(pusher, subscriber);
    return 0;
}

void ese_webhook_pusher_note_change(struct ese_webhook_pusher *pusher, struct ese_webhook_subscriber *subscriber)
{
    struct ese_error error = {0};

    if (ese_webhook_pusher_change(pusher, subscriber, &error) != 0)
        note_storing(pusher, &error);
}

static int keep_positions(struct ese_webhook_pusher *pusher, struct ese_error *error)
{
    struct ese_webhook_subscriber *subscriber;

    if (ese_webhook_subscription_table_begin_positions(pusher->table, error) != 0)
        return -1;
    TAILQ_FOREACH (subscriber, &pusher->dirty, in_dirty) {
        const struct ese_webhook_subscription *subscription = &subscriber->subscription;
        if (ese_webhook_subscription_table_position(pusher->table, subscription->wish.name, subscription->position,
                                                    error) != 0) {
            ese_webhook_subscription_table_drop_positions(pusher->table);
            return -1;
        }
    }
    return ese_webhook_subscription_table_end_positions(pusher->table, error);
}

/* Those of which more than the position could not be stored. */
static int keep_rows(struct ese_webhook_pusher *pusher, struct ese_error *error)
{
    struct ese_webhook_subscriber *subscriber, *next;

    for (subscriber = TAILQ_FIRST(&pusher->dirty); subscriber != NULL; subscriber = next) {
        next = TAILQ_NEXT(subscriber, in_dirty);
        if (subscriber->is_row_dirty && ese_webhook_pusher_change(pusher, subscriber, error) != 0)
            return -1;
    }
    return 0;
}

int64_t ese_webhook_pusher_keep(struct ese_webhook_pusher *pusher, int64_t now_ns, bool at_once)
{
    struct ese_error error = {0};

    if (TAILQ_EMPTY(&pusher->dirty))
        return ESE_WEBHOOK_NEVER;
    if (now_ns < pusher->next_keep_ns && !at_once)
        return pusher->next_keep_ns;
    if (keep_rows(pusher, &error) != 0 || keep_positions(pusher, &error) != 0) {
        note_storing(pusher, &error);
        pusher->next_keep_ns = now_ns + REFUSED_NS;
        return pusher->next_keep_ns;
    }
    note_storing(pusher, NULL);
    while (!TAILQ_EMPTY(&pusher->dirty))
        ese_webhook_pusher_unnote(pusher, TAILQ_FIRST(&pusher->dirty));
    pusher->next_keep_ns = now_ns + POSITION_NS;
    return ESE_WEBHOOK_NEVER;
}

/* ---- how far behind -------------------------------------------------------------------------- */

/* When the event behind its position was made, which is asked for once for each position; 0: nobody knows. */
static int64_t head_ms(struct ese_webhook_pusher *pusher, struct ese_webhook_subscriber *subscriber)
{
    const struct ese_webhook_subscription *subscription = &subscriber->subscription;
    struct ese_webhook_page page = {0};
    int64_t made_ms;

    if (subscriber->page_next < subscriber->page.count) {
        const char *created = subscriber->page.events[subscriber->page_next].created;
        return ese_webhook_created_read(created, &made_ms) == 0 ? made_ms : 0;
    }
    if (subscriber->head_ms != 0 && subscriber->head_behind == subscription->position)
        return subscriber->head_ms;
    if (ese_webhook_reader_page(pusher->reader, subscription->wish.stream, subscription->position, 1, 1, &page,
                                NULL) == 0 &&
        page.count == 1 && ese_webhook_created_read(page.events[0].created, &subscriber->head_ms) == 0)
        subscriber->head_behind = subscription->position;
    else
        subscriber->head_ms = 0;
    ese_webhook_page_clear(&page);
    return subscriber->head_ms;
}

void ese_webhook_pusher_lag(struct ese_webhook_pusher *pusher, struct ese_webhook_subscriber *subscriber,
                            struct ese_webhook_lag *lag)
{
    const struct ese_webhook_subscription *subscription = &subscriber->subscription;
    struct ese_error *problem = &lag->problem;
    int64_t oldest;

    *lag = (struct ese_webhook_lag){0};
    if (ese_webhook_streams_ends(pusher->options.streams, subscription->wish.stream, &oldest, &lag->newest, problem) !=
        0) {
        lag->newest = ese_webhook_streams_first(pusher->options.streams) - 1; /* nothing has been posted to it yet */
        if (problem->code != ESE_E_MISSING)
            lag->newest = lag->events = -1;
        else
            *problem = (struct ese_error){0};
        return;
    }
    if (subscriber->unreadable != NULL)
        ese_fail(problem, ESE_E_IO, "%s", subscriber->unreadable);
    int64_t behind = subscription->position >= oldest ? subscription->position : oldest - 1;
    if (lag->newest <= behind)
        return;
    lag->events = lag->newest - behind;
}

/* In seconds, how old the oldest event is that it has not taken; -1: not known. */
static int64_t age_of_lag(struct ese_webhook_pusher *pusher, struct ese_webhook_subscriber *subscriber,
                          const struct ese_webhook_lag *lag)
{
    if (lag->events < 0)
        return -1;
    int64_t made_ms = lag->events > 0 ? head_ms(pusher, subscriber) : 0, now_ms = ese_clock_wall_ms();

    return made_ms != 0 && made_ms < now_ms ? (now_ms - made_ms) / 1000 : 0;
}

/* ---- figures --------------------------------------------------------------------------------- */

bool ese_webhook_pusher_healthy(struct ese_webhook_pusher *pusher, char *text, size_t size)
{
    pthread_mutex_lock(&pusher->mutex);
    bool is_well = pusher->health.code == ESE_OK;
    if (!is_well)
        snprintf(text, size, "%s", pusher->health.text);
    pthread_mutex_unlock(&pusher->mutex);
    return is_well;
}

/* The first that cannot be read stands for all. */
static void note_health(const struct ese_webhook_subscriber *subscriber, const struct ese_webhook_lag *lag,
                        struct ese_error *health)
{
    const struct ese_webhook_wish *wish = &subscriber->subscription.wish;

    if (lag->problem.code != ESE_OK && health->code == ESE_OK)
        ese_fail(health, lag->problem.code, "the stream '%s' cannot be read for the subscription '%s': %s",
                 wish->stream, wish->name, lag->problem.text);
}

static void tell_health(struct ese_webhook_pusher *pusher, const struct ese_error *health)
{
    pthread_mutex_lock(&pusher->mutex);
    pusher->health = *health;
    pthread_mutex_unlock(&pusher->mutex);
}

void ese_webhook_pusher_show(struct ese_webhook_pusher *pusher, int64_t now_ns)
{
    struct ese_error health = pusher->not_stored;
    int64_t others_events = 0, others_seconds = 0;
    struct ese_webhook_subscriber *subscriber;

    if (now_ns < pusher->next_figures_ns)
        return;
    pusher->next_figures_ns = now_ns + FIGURES_NS;
    TAILQ_FOREACH (subscriber, ese_webhook_subscribers_all(pusher->subscribers), in_all) {
        struct ese_webhook_subscription_figures *figures = &subscriber->figures;
        struct ese_webhook_lag lag;
        ese_webhook_pusher_lag(pusher, subscriber, &lag);
        int64_t seconds = age_of_lag(pusher, subscriber, &lag);
        note_health(subscriber, &lag, &health);
        if (figures->is_own) {
            ese_metric_set(figures->lag_events, lag.events);
            ese_metric_set(figures->lag_seconds, seconds);
            ese_metric_set(figures->state, ese_webhook_subscription_state(&subscriber->subscription));
            continue;
        }
        pusher->shared = *figures;
        others_events += lag.events > 0 ? lag.events : 0;
        others_seconds = seconds > others_seconds ? seconds : others_seconds;
    }
    tell_health(pusher, &health);
    if (pusher->shared.lag_events != NULL) {
        ese_metric_set(pusher->shared.lag_events, others_events);
        ese_metric_set(pusher->shared.lag_seconds, others_seconds);
    }
}
