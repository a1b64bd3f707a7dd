#include "transports/webhook/subscription.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"

#define UNSENT_NS ESE_NS_PER_S /* until what could not be sent for want of a socket is tried again */
#define PAGE_TRIES 5 /* of a page as it is, also where its events have more of them, or as many as it takes */
#define TOO_LARGE 413

/* ---- what is asked for ----------------------------------------------------------------------- */

void ese_webhook_wish_clear(struct ese_webhook_wish *wish)
{
    free(wish->url);
    free(wish->headers);
    free(wish->signed_by);
    *wish = (struct ese_webhook_wish){0};
}

static int check_range(const char *what, int64_t value, int64_t least, int64_t most, struct ese_error *error)
{
    if (value >= least && value <= most)
        return 0;
    return ese_fail(error, ESE_E_INVALID, "%s: %" PRId64 " is not from %" PRId64 " to %" PRId64, what, value, least,
                    most);
}

int ese_webhook_wish_check(const struct ese_webhook_wish *wish, struct ese_error *error)
{
    const struct ese_webhook_retry *retry = &wish->retry;

    if (check_range("batch", wish->batch, 1, ESE_WEBHOOK_MOST_BATCH, error) != 0 ||
        check_range("retry.tries", retry->tries, 0, ESE_WEBHOOK_MOST_TRIES, error) != 0 ||
        check_range("retry.first_ms", retry->first_ms, 1, ESE_WEBHOOK_MOST_WAIT_MS, error) != 0 ||
        check_range("retry.most_ms", retry->most_ms, retry->first_ms, ESE_WEBHOOK_MOST_WAIT_MS, error) != 0)
        return -1;
    if (wish->poison == ESE_WEBHOOK_ASIDE && retry->tries == 0)
        return ese_fail(error, ESE_E_INVALID,
                        "retry.tries: 0 is for as long as it takes, and with poison \"aside\" an event has to fail for "
                        "the last time: give 1 to %d", ESE_WEBHOOK_MOST_TRIES);
    return 0;
}

/* ---- life ------------------------------------------------------------------------------------ */

void ese_webhook_subscription_init(struct ese_webhook_subscription *subscription, struct ese_webhook_wish *wish,
                                   int64_t position)
{
    *subscription = (struct ese_webhook_subscription){
        .wish = *wish, .position = position, .active = true, .pause_reason = ese_copy_text("")};
    *wish = (struct ese_webhook_wish){0};
}

void ese_webhook_subscription_follow(struct ese_webhook_subscription *subscription)
{
    subscription->under_way = subscription->is_void = true;
}

void ese_webhook_subscription_clear(struct ese_webhook_subscription *subscription)
{
    ese_webhook_wish_clear(&subscription->wish);
    free(subscription->pause_reason);
    *subscription = (struct ese_webhook_subscription){0};
}

static void set_reason(struct ese_webhook_subscription *subscription, const char *reason)
{
    free(subscription->pause_reason);
    subscription->pause_reason = ese_copy_text(reason);
}

/* ---- questions ------------------------------------------------------------------------------- */

enum ese_webhook_state ese_webhook_subscription_state(const struct ese_webhook_subscription *subscription)
{
    if (!subscription->active)
        return ESE_WEBHOOK_PAUSED;
    if (subscription->under_way)
        return ESE_WEBHOOK_UNDER_WAY;
    return subscription->idle ? ESE_WEBHOOK_IDLE : ESE_WEBHOOK_WAITING;
}

bool ese_webhook_subscription_due(const struct ese_webhook_subscription *subscription, int64_t now_ns)
{
    return ese_webhook_subscription_state(subscription) == ESE_WEBHOOK_WAITING && subscription->due_ns <= now_ns;
}

int ese_webhook_subscription_batch(const struct ese_webhook_subscription *subscription)
{
    return subscription->position < subscription->alone_until ? 1 : subscription->wish.batch;
}

/* ---- a push ---------------------------------------------------------------------------------- */

void ese_webhook_subscription_begin(struct ese_webhook_subscription *subscription)
{
    subscription->under_way = true;
    subscription->is_void = false;
    subscription->at_once = false;
}

/* As the original: 300 is one, 304 is none. Redirects are nobody's to follow. */
static bool is_success(int status)
{
    return status >= 200 && status <= 300;
}

static void move_to(struct ese_webhook_subscription *subscription, int64_t position)
{
    if (position > subscription->position)
        subscription->position = position;
    subscription->attempts = 0;
    subscription->idle = false;
}

/* How long the receiver asks to be left in peace; 0: it does not. */
static int64_t asked_ms(const struct ese_webhook_outcome *outcome)
{
    if ((outcome->status != 429 && outcome->status != 503) || outcome->retry_after_ms < 0)
        return 0;
    return outcome->retry_after_ms < ESE_WEBHOOK_MOST_WAIT_MS ? outcome->retry_after_ms : ESE_WEBHOOK_MOST_WAIT_MS;
}

/* first_ms, doubled for each failure behind the first, and not sooner than the receiver asks for. */
static int64_t wait_ms(const struct ese_webhook_subscription *subscription,
                       const struct ese_webhook_outcome *outcome)
{
    const struct ese_webhook_retry *retry = &subscription->wish.retry;
    int64_t wait = retry->first_ms;

    for (int i = 1; i < subscription->attempts && wait < retry->most_ms; i++)
        wait *= 2;
    if (wait > retry->most_ms)
        wait = retry->most_ms;
    return wait > asked_ms(outcome) ? wait : asked_ms(outcome);
}

void ese_webhook_outcome_reason(const struct ese_webhook_outcome *outcome, const char *url,
                                char text[ESE_WEBHOOK_REASON_SIZE])
{
    if (outcome->status != 0)
        snprintf(text, ESE_WEBHOOK_REASON_SIZE, "HTTP call to %s failed with error code %d", url, outcome->status);
    else
        snprintf(text, ESE_WEBHOOK_REASON_SIZE, "HTTP call to %s failed: %s", url,
                 outcome->problem != NULL ? outcome->problem : "no answer");
}

/* Of a page it is not known which of its events is to blame, nor whether any is: they are tried one by one, each with
 * all its tries, so that one that nobody takes stops none in front of it. What is too large stays so. */
static bool is_to_be_split(const struct ese_webhook_subscription *subscription,
                           const struct ese_webhook_outcome *outcome)
{
    int tries = subscription->wish.retry.tries;

    return outcome->count > 1 && (outcome->status == TOO_LARGE || subscription->attempts >= PAGE_TRIES ||
                                  (tries != 0 && subscription->attempts >= tries));
}

/* What was too large needs no wait; otherwise perhaps none of its events is to blame. */
static void split(struct ese_webhook_subscription *subscription, const struct ese_webhook_outcome *outcome,
                  int64_t now_ns)
{
    int64_t wait = outcome->status == TOO_LARGE ? 0 : wait_ms(subscription, outcome);

    subscription->alone_until = outcome->last;
    subscription->attempts = 0;
    subscription->due_ns = now_ns + wait * ESE_NS_PER_MS;
}

/* The one event has failed so often that it is not tried again. The next one waits as the receiver asks. */
static enum ese_webhook_verdict give_up(struct ese_webhook_subscription *subscription,
                                        const struct ese_webhook_outcome *outcome, int64_t now_ns)
{
    char reason[ESE_WEBHOOK_REASON_SIZE];

    subscription->due_ns = now_ns + asked_ms(outcome) * ESE_NS_PER_MS;
    if (subscription->wish.poison == ESE_WEBHOOK_ASIDE)
        return ESE_WEBHOOK_SET_ASIDE;
    ese_webhook_outcome_reason(outcome, subscription->wish.url, reason);
    ese_webhook_subscription_pause(subscription, reason);
    return ESE_WEBHOOK_GIVEN_UP;
}

enum ese_webhook_verdict ese_webhook_subscription_answer(struct ese_webhook_subscription *subscription,
                                                         const struct ese_webhook_outcome *outcome, int64_t now_ns)
{
    subscription->under_way = false;
    if (subscription->is_void)
        return ESE_WEBHOOK_NOTHING;
    if (is_success(outcome->status)) {
        move_to(subscription, outcome->last);
        subscription->due_ns = 0;
        return ESE_WEBHOOK_TAKEN;
    }
    if (outcome->unsent) {
        subscription->due_ns = subscription->at_once ? 0 : now_ns + UNSENT_NS;
        return ESE_WEBHOOK_UNSENT;
    }
    if (!subscription->active || subscription->at_once)
        return ESE_WEBHOOK_AGAIN; /* whoever resumes or has woken it begins anew */
    subscription->attempts++;
    if (is_to_be_split(subscription, outcome)) {
        split(subscription, outcome, now_ns);
        return ESE_WEBHOOK_AGAIN;
    }
    if (subscription->wish.retry.tries != 0 && subscription->attempts >= subscription->wish.retry.tries)
        return give_up(subscription, outcome, now_ns);
    subscription->due_ns = now_ns + wait_ms(subscription, outcome) * ESE_NS_PER_MS;
    return ESE_WEBHOOK_AGAIN;
}

void ese_webhook_subscription_pass(struct ese_webhook_subscription *subscription, int64_t position)
{
    move_to(subscription, position);
}

/* ---- waiting for more ------------------------------------------------------------------------ */

void ese_webhook_subscription_rest(struct ese_webhook_subscription *subscription)
{
    subscription->idle = true;
}

void ese_webhook_subscription_postpone(struct ese_webhook_subscription *subscription, int64_t until_ns)
{
    subscription->idle = false;
    subscription->due_ns = until_ns;
}

bool ese_webhook_subscription_grown(struct ese_webhook_subscription *subscription)
{
    bool was_idle = subscription->idle;

    subscription->idle = false;
    return was_idle;
}

/* ---- what is asked of it --------------------------------------------------------------------- */

/* As if it had not been tried yet. */
static void begin_anew(struct ese_webhook_subscription *subscription)
{
    subscription->attempts = 0;
    subscription->due_ns = 0;
    subscription->idle = false;
    subscription->at_once = true;
}

bool ese_webhook_subscription_pause(struct ese_webhook_subscription *subscription, const char *reason)
{
    if (!subscription->active)
        return false;
    subscription->active = false;
    set_reason(subscription, reason);
    return true;
}

bool ese_webhook_subscription_resume(struct ese_webhook_subscription *subscription)
{
    if (subscription->active)
        return false;
    ese_webhook_subscription_wake(subscription);
    return true;
}

void ese_webhook_subscription_wake(struct ese_webhook_subscription *subscription)
{
    if (!subscription->active)
        set_reason(subscription, "");
    subscription->active = true;
    begin_anew(subscription);
}

void ese_webhook_subscription_seek(struct ese_webhook_subscription *subscription, int64_t position)
{
    subscription->position = position;
    subscription->alone_until = 0;
    subscription->is_void = subscription->under_way;
    begin_anew(subscription);
}
