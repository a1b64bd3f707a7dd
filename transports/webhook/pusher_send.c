#include "transports/webhook/pusher_internal.h"

#include <stdlib.h>

#include "ese-core/log.h"
#include "ese-core/memory.h"
#include "transports/webhook/created.h"

#define PAGE_EVENTS 100
#define PAGE_BYTES (ESE_WEBHOOK_PUSH_BYTES / 4 * 3) /* as base64 they fill a push: no more of them would be in it */
#define PAGES_BYTES ((size_t)64 * 1024 * 1024) /* of all subscribers: beyond, nothing is read ahead */
#define PUSHES_BYTES_LEAST ((size_t)32 * 1024 * 1024) /* where there are few connections */
#define UNREADABLE_NS ESE_NS_PER_S /* until a stream that could not be read is tried again */
#define ANSWER_KEPT 1              /* of an answer nothing but its status is looked at */

/* ---- turns ----------------------------------------------------------------------------------- */

static enum ese_webhook_standing standing_of(const struct ese_webhook_subscriber *subscriber)
{
    return subscriber->subscription.attempts > 0 ? ESE_WEBHOOK_FAILED : subscriber->record;
}

void ese_webhook_pusher_queue(struct ese_webhook_pusher *pusher, struct ese_webhook_subscriber *subscriber)
{
    if (subscriber->is_queued || !ese_webhook_subscription_due(&subscriber->subscription, ese_clock_monotonic_ns()))
        return;
    subscriber->is_queued = true;
    subscriber->standing = standing_of(subscriber);
    TAILQ_INSERT_TAIL(&pusher->queues[subscriber->standing], subscriber, in_queue);
}

void ese_webhook_pusher_unqueue(struct ese_webhook_pusher *pusher, struct ese_webhook_subscriber *subscriber)
{
    if (!subscriber->is_queued)
        return;
    subscriber->is_queued = false;
    TAILQ_REMOVE(&pusher->queues[subscriber->standing], subscriber, in_queue);
}

/* At least one. */
static int half_of(int count)
{
    return count > 1 ? count / 2 : 1;
}

/* Who has the next turn among those of that standing. What they have under way is bounded in bytes, with what was
 * read for it, as if each connection had a full page, for the proven ones; for the new ones it is half of that, and for
 * those that have failed half again. None waits for another standing's bytes, and one is sent whatever it holds. */
static struct ese_webhook_subscriber *first_of(struct ese_webhook_pusher *pusher, enum ese_webhook_standing standing)
{
    size_t most = (size_t)pusher->options.connections * ESE_WEBHOOK_PUSH_BYTES;

    if (most < PUSHES_BYTES_LEAST)
        most = PUSHES_BYTES_LEAST;
    return pusher->bytes_of[standing] < most >> standing ? TAILQ_FIRST(&pusher->queues[standing]) : NULL;
}

/* Who may hang has half of the connections at most, and who has failed half of these: the proven ones are not to wait
 * for the others, nor the new ones, whose first turn proves them, for those that have failed. */
static struct ese_webhook_subscriber *next_turn(struct ese_webhook_pusher *pusher)
{
    const int *under_way_of = pusher->under_way_of;
    int most = half_of(pusher->options.connections), most_failed = half_of(most);
    struct ese_webhook_subscriber *next = first_of(pusher, ESE_WEBHOOK_PROVEN);
    struct ese_webhook_subscriber *fresh = first_of(pusher, ESE_WEBHOOK_NEW);
    struct ese_webhook_subscriber *failed = first_of(pusher, ESE_WEBHOOK_FAILED);

    if (under_way_of[ESE_WEBHOOK_NEW] + under_way_of[ESE_WEBHOOK_FAILED] < most) {
        if (fresh != NULL)
            next = fresh;
        else if (failed != NULL && under_way_of[ESE_WEBHOOK_FAILED] < most_failed)
            next = failed;
    }
    if (next != NULL)
        ese_webhook_pusher_unqueue(pusher, next);
    return next;
}

void ese_webhook_pusher_queue_due(struct ese_webhook_pusher *pusher, int64_t now_ns)
{
    struct ese_webhook_subscriber *subscriber;

    if (now_ns < pusher->next_due_ns)
        return;
    pusher->next_due_ns = ESE_WEBHOOK_NEVER;
    TAILQ_FOREACH (subscriber, ese_webhook_subscribers_all(pusher->subscribers), in_all) {
        const struct ese_webhook_subscription *subscription = &subscriber->subscription;
        if (ese_webhook_subscription_state(subscription) != ESE_WEBHOOK_WAITING)
            continue;
        if (subscription->due_ns <= now_ns)
            ese_webhook_pusher_queue(pusher, subscriber);
        else if (subscription->due_ns < pusher->next_due_ns)
            pusher->next_due_ns = subscription->due_ns;
    }
}

void ese_webhook_pusher_queue_grown(struct ese_webhook_pusher *pusher)
{
    struct ese_webhook_subscriber_list *members;
    struct ese_webhook_subscriber *subscriber;

    while ((members = ese_webhook_subscribers_take_grown(pusher->subscribers)) != NULL) {
        TAILQ_FOREACH (subscriber, members, in_group) {
            if (ese_webhook_subscription_grown(&subscriber->subscription))
                ese_webhook_pusher_queue(pusher, subscriber);
        }
    }
}

/* Queued at once, or when its time has come. */
static void await_turn(struct ese_webhook_pusher *pusher, struct ese_webhook_subscriber *subscriber)
{
    const struct ese_webhook_subscription *subscription = &subscriber->subscription;

    ese_webhook_pusher_queue(pusher, subscriber);
    if (!subscriber->is_queued && ese_webhook_subscription_state(subscription) == ESE_WEBHOOK_WAITING &&
        subscription->due_ns < pusher->next_due_ns)
        pusher->next_due_ns = subscription->due_ns;
}

/* ---- pages ----------------------------------------------------------------------------------- */

static const struct ese_webhook_event *head_of(const struct ese_webhook_subscriber *subscriber)
{
    return subscriber->page_next < subscriber->page.count ? &subscriber->page.events[subscriber->page_next] : NULL;
}

/* Counts its page anew, which was read or cleared. */
static void count_page(struct ese_webhook_subscriber *subscriber)
{
    const struct ese_webhook_page *page = &subscriber->page;
    size_t bytes = page->size + (size_t)page->room * sizeof(*page->events);

    subscriber->pusher->pages_bytes += bytes - subscriber->page_bytes;
    subscriber->page_bytes = bytes;
}

static void clear_page(struct ese_webhook_subscriber *subscriber)
{
    ese_webhook_page_clear(&subscriber->page);
    count_page(subscriber);
}

void ese_webhook_pusher_forget_page(struct ese_webhook_subscriber *subscriber)
{
    const struct ese_webhook_event *head = head_of(subscriber);

    if (head != NULL && ese_webhook_created_read(head->created, &subscriber->head_ms) == 0)
        subscriber->head_behind = subscriber->subscription.position;
    clear_page(subscriber);
    subscriber->page_next = 0;
}

/* Tells the log of one whose stream cannot be read, and that all can again. */
void ese_webhook_pusher_note_reading(struct ese_webhook_pusher *pusher, struct ese_webhook_subscriber *subscriber,
                                     const char *problem)
{
    const struct ese_webhook_wish *wish = &subscriber->subscription.wish;

    if (problem == NULL && pusher->unreadable_count == 0)
        return;
    pusher->unreadable_count += (problem != NULL) - (subscriber->unreadable != NULL);
    free(subscriber->unreadable);
    subscriber->unreadable = problem != NULL ? ese_copy_text(problem) : NULL;
    if (!ese_news_due(&pusher->unreadable, pusher->unreadable_count > 0))
        return;
    if (pusher->unreadable_count == 0)
        ese_log_info("streams can be read again");
    else if (problem != NULL)
        ese_log_error("the stream '%s' cannot be read for the subscription '%s': %s", wish->stream, wish->name,
                      problem);
}

/* What the lesson has passed over is not read again by the next life. */
static bool ask_lesson(struct ese_webhook_pusher *pusher, struct ese_webhook_subscriber *subscriber)
{
    int64_t position = subscriber->subscription.position;
    bool is_seen_to = pusher->habits.has_read(subscriber, ese_clock_monotonic_ns());

    if (subscriber->subscription.position != position)
        ese_webhook_pusher_note_position(pusher, subscriber);
    return is_seen_to;
}

/* How many events are read: what the next push needs, and more of them only for who has shown that he takes them, while
 * there is room. (A lesson looks at whole pages.) */
static int page_limit(const struct ese_webhook_pusher *pusher, const struct ese_webhook_subscriber *subscriber)
{
    const struct ese_webhook_subscription *subscription = &subscriber->subscription;
    bool is_lesson = pusher->habits.has_read != NULL || pusher->habits.in_any_order;
    bool has_room = pusher->pages_bytes - subscriber->page_bytes + PAGE_BYTES <= PAGES_BYTES;

    if (!is_lesson && (standing_of(subscriber) != ESE_WEBHOOK_PROVEN || !has_room))
        return ese_webhook_subscription_batch(subscription);
    return subscription->wish.batch > PAGE_EVENTS ? subscription->wish.batch : PAGE_EVENTS;
}

/* Has the event behind its position in its page. False: there is none, or it could not be read. */
static bool read_ahead(struct ese_webhook_pusher *pusher, struct ese_webhook_subscriber *subscriber)
{
    struct ese_webhook_subscription *subscription = &subscriber->subscription;
    int limit = page_limit(pusher, subscriber);
    struct ese_error error = {0};

    if (head_of(subscriber) != NULL)
        return true;
    ese_webhook_pusher_hold_to_end(pusher, subscriber);
    subscriber->page_next = 0;
    if (pusher->pages_bytes > PAGES_BYTES)
        clear_page(subscriber); /* it has room for more than is read now */
    if (ese_webhook_reader_page(pusher->reader, subscription->wish.stream, subscription->position, limit, PAGE_BYTES,
                                &subscriber->page, &error) != 0) {
        ese_webhook_pusher_note_reading(pusher, subscriber, error.text);
        clear_page(subscriber);
        ese_webhook_subscription_postpone(subscription, ese_clock_monotonic_ns() + UNREADABLE_NS);
        return false;
    }
    ese_webhook_pusher_note_reading(pusher, subscriber, NULL);
    count_page(subscriber);
    bool is_seen_to = pusher->habits.has_read != NULL && ask_lesson(pusher, subscriber);
    if (subscriber->page.count > 0)
        return true;
    clear_page(subscriber);
    if (is_seen_to)
        return false;
    ese_webhook_subscription_rest(subscription);
    return false;
}

/* The events up to that position are done with; of a page in any order the one that was pushed. */
static void move_page(const struct ese_webhook_pusher *pusher, struct ese_webhook_subscriber *subscriber)
{
    const struct ese_webhook_event *head = head_of(subscriber);

    if (pusher->habits.in_any_order && head != NULL) {
        subscriber->page_next += head->position == subscriber->pushed_last;
        return;
    }
    while ((head = head_of(subscriber)) != NULL && head->position <= subscriber->subscription.position)
        subscriber->page_next++;
}

/* ---- sending --------------------------------------------------------------------------------- */

static void on_answer(void *context, const struct ese_http_answer *answer);

/* Nothing can be sent to it as it is: it stands still until somebody changes that. */
static void stop_for(struct ese_webhook_pusher *pusher, struct ese_webhook_subscriber *subscriber, const char *reason)
{
    if (ese_webhook_subscription_pause(&subscriber->subscription, reason))
        ese_log_warning("the subscription '%s' is paused: %s", subscriber->subscription.wish.name, reason);
    ese_webhook_pusher_forget_page(subscriber);
    ese_webhook_pusher_note_change(pusher, subscriber);
}

static int write_message(struct ese_webhook_pusher *pusher, struct ese_webhook_subscriber *subscriber,
                         struct ese_error *error)
{
    const struct ese_webhook_subscription *subscription = &subscriber->subscription;
    int left = subscriber->page.count - subscriber->page_next;
    int most = pusher->habits.in_any_order ? 1 : ese_webhook_subscription_batch(subscription);
    const struct ese_webhook_push push = {
        .wish = &subscription->wish,
        .headers = &subscriber->headers,
        .secret = subscriber->secret.count > 0 ? &subscriber->secret : NULL,
        .events = head_of(subscriber),
        .count = left < most ? left : most,
        .newest = subscriber->page.newest,
        .wall_s = ese_clock_wall_ms() / 1000,
    };

    if (ese_webhook_message_write(&push, &pusher->message, error) != 0)
        return -1;
    subscriber->pushed_count = pusher->message.count;
    subscriber->pushed_last = push.events[pusher->message.count - 1].position;
    return 0;
}

static void call(struct ese_webhook_pusher *pusher, struct ese_webhook_subscriber *subscriber)
{
    const struct ese_http_call request = {
        .method = "POST",
        .url = subscriber->subscription.wish.url,
        .headers = pusher->message.headers.text,
        .body = pusher->message.body,
        .length = pusher->message.length,
        .bare = true,
        .keep = ANSWER_KEPT,
        .timeout_ms = pusher->options.push_timeout_ms,
        .done = on_answer,
        .context = subscriber,
    };

    ese_webhook_subscription_begin(&subscriber->subscription);
    pusher->under_way++;
    pusher->under_way_of[subscriber->standing]++;
    subscriber->pushed_bytes = request.length + subscriber->page_bytes;
    pusher->bytes_of[subscriber->standing] += subscriber->pushed_bytes;
    ese_metric_add(subscriber->figures.attempts, 1);
    ese_http_client_call(pusher->client, &request);
}

static void take_turn(struct ese_webhook_pusher *pusher, struct ese_webhook_subscriber *subscriber)
{
    struct ese_error error = {0};

    if (!ese_webhook_subscription_due(&subscriber->subscription, ese_clock_monotonic_ns()))
        return; /* paused meanwhile */
    if (subscriber->problem != NULL)
        stop_for(pusher, subscriber, subscriber->problem);
    else if (!read_ahead(pusher, subscriber))
        await_turn(pusher, subscriber);
    else if (write_message(pusher, subscriber, &error) != 0)
        stop_for(pusher, subscriber, error.text);
    else
        call(pusher, subscriber);
}

void ese_webhook_pusher_send(struct ese_webhook_pusher *pusher)
{
    while (pusher->under_way < pusher->options.connections) {
        struct ese_webhook_subscriber *next = next_turn(pusher);
        if (next == NULL)
            return;
        take_turn(pusher, next);
    }
}

/* ---- answers --------------------------------------------------------------------------------- */

/* The one event goes to the dead letters; where there is no room for it, the line stops instead. */
static void set_aside(struct ese_webhook_pusher *pusher, struct ese_webhook_subscriber *subscriber,
                      const struct ese_webhook_outcome *outcome)
{
    struct ese_webhook_subscription *subscription = &subscriber->subscription;
    char reason[ESE_WEBHOOK_REASON_SIZE];
    struct ese_error error = {0};

    ese_webhook_outcome_reason(outcome, subscription->wish.url, reason);
    if (ese_webhook_subscription_table_set_aside(pusher->table, subscription, head_of(subscriber), reason,
                                                 &subscriber->dead_letters, &error) != 0) {
        stop_for(pusher, subscriber, error.text);
        return;
    }
    ese_webhook_pusher_tell_aside(pusher, subscription, outcome->last, reason);
    ese_metric_add(subscriber->figures.dead_letters, 1);
    ese_webhook_subscription_pass(subscription, outcome->last);
    move_page(pusher, subscriber);
}

/* Tells the log that there is no socket for a push, and that there is again. */
static void note_sockets(struct ese_webhook_pusher *pusher, const struct ese_webhook_outcome *outcome)
{
    if (!ese_news_due(&pusher->no_sockets, outcome->unsent))
        return;
    if (outcome->unsent)
        ese_log_error("there is no socket for a push: %s. It waits, and is no attempt: raise `ulimit -n`, or what the "
                      "system allows all", outcome->problem);
    else
        ese_log_info("there are sockets for pushes again");
}

/* Of one whose answer counts. */
static void judge(struct ese_webhook_pusher *pusher, struct ese_webhook_subscriber *subscriber,
                  const struct ese_webhook_outcome *outcome)
{
    struct ese_webhook_subscription *subscription = &subscriber->subscription;
    int64_t now_ns = ese_clock_monotonic_ns();
    enum ese_webhook_verdict verdict = ese_webhook_subscription_answer(subscription, outcome, now_ns);

    if (verdict != ESE_WEBHOOK_NOTHING && verdict != ESE_WEBHOOK_UNSENT)
        subscriber->record = verdict == ESE_WEBHOOK_TAKEN ? ESE_WEBHOOK_PROVEN : ESE_WEBHOOK_FAILED;
    switch (verdict) {
    case ESE_WEBHOOK_TAKEN:
        ese_webhook_pusher_tell_taken(subscriber);
        ese_metric_add(subscriber->figures.pushed, outcome->count);
        ese_webhook_pusher_note_position(pusher, subscriber);
        move_page(pusher, subscriber);
        if (!subscription->active)
            ese_webhook_pusher_forget_page(subscriber);
        break;
    case ESE_WEBHOOK_GIVEN_UP:
        ese_metric_add(subscriber->figures.failures, 1);
        ese_log_warning("the subscription '%s' is paused: %s", subscription->wish.name, subscription->pause_reason);
        ese_webhook_pusher_forget_page(subscriber);
        ese_webhook_pusher_note_change(pusher, subscriber);
        break;
    case ESE_WEBHOOK_SET_ASIDE:
        ese_metric_add(subscriber->figures.failures, 1);
        set_aside(pusher, subscriber, outcome);
        break;
    case ESE_WEBHOOK_AGAIN:
        ese_metric_add(subscriber->figures.failures, 1);
        ese_webhook_pusher_tell_failed(pusher, subscriber, outcome, now_ns);
        if (!pusher->habits.in_any_order)
            ese_webhook_pusher_forget_page(subscriber);
        break;
    case ESE_WEBHOOK_UNSENT:
    case ESE_WEBHOOK_NOTHING:
        break;
    }
}

/* Of one whose answer changes nothing, but that whoever has its name now may begin. */
static void end_removed(struct ese_webhook_pusher *pusher, struct ese_webhook_subscriber *subscriber,
                        const struct ese_webhook_outcome *outcome)
{
    struct ese_webhook_subscriber *successor = subscriber->successor;

    TAILQ_REMOVE(&pusher->removed, subscriber, in_all);
    ese_webhook_subscriber_free(subscriber);
    if (successor == NULL)
        return;
    successor->predecessor = NULL;
    ese_webhook_subscription_answer(&successor->subscription, outcome, ese_clock_monotonic_ns());
    if (!pusher->is_leaving)
        await_turn(pusher, successor);
}

/* From the client's poll; or, with status 0, from its closing, when nothing goes on. */
static void on_answer(void *context, const struct ese_http_answer *answer)
{
    struct ese_webhook_subscriber *subscriber = context;
    struct ese_webhook_pusher *pusher = subscriber->pusher;
    const struct ese_webhook_outcome outcome = {
        .status = answer->status,
        .unsent = answer->no_socket,
        .retry_after_ms = answer->retry_after_ms,
        .problem = answer->problem,
        .count = subscriber->pushed_count,
        .last = subscriber->pushed_last,
    };

    pusher->under_way--;
    pusher->under_way_of[subscriber->standing]--;
    pusher->bytes_of[subscriber->standing] -= subscriber->pushed_bytes;
    note_sockets(pusher, &outcome);
    if (subscriber->is_removed) {
        end_removed(pusher, subscriber, &outcome);
    } else if (!pusher->is_closing) {
        judge(pusher, subscriber, &outcome);
        if (!pusher->is_leaving)
            await_turn(pusher, subscriber);
    }
    if (!pusher->is_leaving)
        ese_webhook_pusher_send(pusher);
}

/* ---- beginnings and ends --------------------------------------------------------------------- */

void ese_webhook_pusher_follow(struct ese_webhook_pusher *pusher, struct ese_webhook_subscriber *subscriber)
{
    struct ese_webhook_subscriber *removed;

    TAILQ_FOREACH (removed, &pusher->removed, in_all) {
        if (strcmp(removed->subscription.wish.name, subscriber->subscription.wish.name) == 0)
            break;
    }
    if (removed == NULL)
        return;
    removed->successor = subscriber;
    subscriber->predecessor = removed;
    ese_webhook_subscription_follow(&subscriber->subscription);
}

void ese_webhook_pusher_drop(struct ese_webhook_pusher *pusher, struct ese_webhook_subscriber *subscriber)
{
    ese_webhook_pusher_unqueue(pusher, subscriber);
    ese_webhook_pusher_unnote(pusher, subscriber);
    ese_webhook_pusher_note_reading(pusher, subscriber, NULL);
    clear_page(subscriber);
    ese_webhook_subscribers_remove(pusher->subscribers, subscriber);
    if (subscriber->predecessor != NULL)
        subscriber->predecessor->successor = NULL;
    if (subscriber->predecessor != NULL || !subscriber->subscription.under_way) {
        ese_webhook_subscriber_free(subscriber);
        return;
    }
    subscriber->is_removed = true;
    TAILQ_INSERT_TAIL(&pusher->removed, subscriber, in_all);
}
