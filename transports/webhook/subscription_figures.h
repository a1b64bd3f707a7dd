/*
 * subscription_figures.h - what /metrics tells of each subscription, by the label subscription="NAME".
 *
 * ESE_WEBHOOK_FIGURES_NAMES names have their own, until they are deleted; all that are made while these are taken
 * share those of subscription="*": of their lags the sum in events, the largest in seconds, and no state. One put in
 * another's place goes on with that one's. Making them is the pusher's thread's; so is setting them.
 */
#ifndef ESE_WEBHOOK_SUBSCRIPTION_FIGURES_H
#define ESE_WEBHOOK_SUBSCRIPTION_FIGURES_H

#include <stdbool.h>

#include "ese-core/metrics.h"

#define ESE_WEBHOOK_FIGURES_NAMES 50

struct ese_webhook_subscription_figures {
    bool is_own;                /* nobody else's */
    struct ese_metric *lag_events;
    struct ese_metric *lag_seconds;
    struct ese_metric *state;   /* 0 idle, 1 under way, 2 waiting, 3 paused; NULL: not its own */
    struct ese_metric *attempts;
    struct ese_metric *pushed;  /* events that were taken */
    struct ese_metric *failures;
    struct ese_metric *dead_letters;
};

/* Which names have their own. Zero-initialised. */
struct ese_webhook_figures_names {
    int count;
    char *names[ESE_WEBHOOK_FIGURES_NAMES];
};
void ese_webhook_figures_names_clear(struct ese_webhook_figures_names *names);

void ese_webhook_subscription_figures_make(struct ese_webhook_figures_names *names, struct ese_metrics *metrics,
                                           const char *name, struct ese_webhook_subscription_figures *figures);

/* Of a name that nobody has any more: no figure is told of it, where they were its own, and another may have some. */
void ese_webhook_subscription_figures_forget(struct ese_webhook_figures_names *names, struct ese_metrics *metrics,
                                             const char *name, struct ese_webhook_subscription_figures *figures);

#endif
