#include "ese-core/log.h"
#include "transports/webhook/pusher_internal.h"

#define PAUSE_NS (10 * ESE_NS_PER_S)  /* between two words of a kind */
#define PASSING_NS (5 * ESE_NS_PER_S) /* what fails for less, as a receiver that begins anew, is not worth one */

void ese_webhook_pusher_tell_aside(struct ese_webhook_pusher *pusher,
                                   const struct ese_webhook_subscription *subscription, int64_t position,
                                   const char *reason)
{
    int64_t now_ns = ese_clock_monotonic_ns();

    pusher->aside_untold++;
    if (now_ns < pusher->next_aside_ns)
        return;
    ese_log_warning("event %lld of '%s' is set aside for the subscription '%s': %s (%lld since this was told last)",
                    (long long)position, subscription->wish.stream, subscription->wish.name, reason,
                    (long long)pusher->aside_untold);
    pusher->aside_untold = 0;
    pusher->next_aside_ns = now_ns + PAUSE_NS;
}

void ese_webhook_pusher_tell_failed(struct ese_webhook_pusher *pusher, struct ese_webhook_subscriber *subscriber,
                                    const struct ese_webhook_outcome *outcome, int64_t now_ns)
{
    const struct ese_webhook_subscription *subscription = &subscriber->subscription;
    struct ese_webhook_failing *failing = &subscriber->failing;
    char reason[ESE_WEBHOOK_REASON_SIZE];

    if (failing->since_ns == 0)
        failing->since_ns = now_ns;
    if (failing->told || !subscription->active || now_ns < failing->since_ns + PASSING_NS ||
        now_ns < pusher->next_failing_ns)
        return;
    ese_webhook_outcome_reason(outcome, subscription->wish.url, reason);
    ese_log_warning("the subscription '%s' stands behind position %lld, and is tried again: %s",
                    subscription->wish.name, (long long)subscription->position, reason);
    failing->told = true;
    pusher->next_failing_ns = now_ns + PAUSE_NS;
}

void ese_webhook_pusher_tell_taken(struct ese_webhook_subscriber *subscriber)
{
    if (subscriber->failing.told)
        ese_log_info("what is pushed to the subscription '%s' is taken again", subscriber->subscription.wish.name);
    subscriber->failing = (struct ese_webhook_failing){0};
}
