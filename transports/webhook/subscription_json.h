/*
 * subscription_json.h - a subscription as GET /subscriptions shows it: the original's members in its order, then ours.
 *
 *   {"name","stream","url","position","headers","active","pause_reason","created","updated",
 *    "lag","state","attempts","dead_letters","batch","retry":{"tries","first_ms","most_ms"},"poison","signed"}
 *
 * and "newest" behind, where one is asked for by name; lag and newest are null where they are not known, as the stream
 * cannot be read: why not is "problem", which is not there else.
 *
 * state is "idle", "under way", "waiting" or "paused"; attempts
 * are those that failed of what is tried now. A dead letter is an event (event_json.h) with "reason" and "when".
 */
#ifndef ESE_WEBHOOK_SUBSCRIPTION_JSON_H
#define ESE_WEBHOOK_SUBSCRIPTION_JSON_H

#include "ese-core/buffer.h"
#include "transports/webhook/subscription.h"
#include "transports/webhook/subscription_table.h"

struct ese_webhook_subscription_shown {
    const struct ese_webhook_subscription *subscription;
    int64_t lag;            /* -1: not known */
    int64_t dead_letters;
    int64_t newest;         /* -1: not known */
    bool with_newest;
    const char *problem;    /* why its stream cannot be read; "": it can */
};

void ese_webhook_subscription_write_json(struct ese_buffer *buffer,
                                         const struct ese_webhook_subscription_shown *shown);
void ese_webhook_dead_letter_write_json(struct ese_buffer *buffer, const struct ese_webhook_dead_letter *letter);

#endif
