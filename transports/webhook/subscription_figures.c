#include "transports/webhook/subscription_figures.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ese-core/memory.h"
#include "transports/webhook/subscription.h"

static bool has_own(struct ese_webhook_figures_names *names, const char *name)
{
    for (int i = 0; i < names->count; i++) {
        if (strcmp(names->names[i], name) == 0)
            return true;
    }
    if (names->count == ESE_WEBHOOK_FIGURES_NAMES)
        return false;
    names->names[names->count++] = ese_copy_text(name);
    return true;
}

void ese_webhook_figures_names_clear(struct ese_webhook_figures_names *names)
{
    for (int i = 0; i < names->count; i++)
        free(names->names[i]);
    names->count = 0;
}

void ese_webhook_subscription_figures_make(struct ese_webhook_figures_names *names, struct ese_metrics *metrics,
                                           const char *name, struct ese_webhook_subscription_figures *figures)
{
    char label[ESE_WEBHOOK_NAME_SIZE + 32];

    figures->is_own = has_own(names, name);
    snprintf(label, sizeof(label), "subscription=\"%s\"", figures->is_own ? name : "*");
    figures->lag_events = ese_metrics_gauge(metrics, "ese_webhook_subscription_lag_events", label,
                                            "Events of its stream that a subscription has not taken yet.");
    figures->lag_seconds = ese_metrics_gauge(metrics, "ese_webhook_subscription_lag_seconds", label,
                                             "Age of the oldest event that a subscription has not taken yet.");
    if (figures->is_own)
        figures->state = ese_metrics_gauge(metrics, "ese_webhook_subscription_state", label,
                                           "0 idle, 1 a push is under way, 2 waiting for its time, 3 paused.");
    figures->attempts = ese_metrics_counter(metrics, "ese_webhook_subscription_attempts_total", label,
                                            "Pushes to a subscription that were sent.");
    figures->pushed = ese_metrics_counter(metrics, "ese_webhook_subscription_pushed_events_total", label,
                                          "Events that a subscription has taken.");
    figures->failures = ese_metrics_counter(metrics, "ese_webhook_subscription_failures_total", label,
                                            "Pushes to a subscription that failed.");
    figures->dead_letters = ese_metrics_counter(metrics, "ese_webhook_subscription_dead_letters_total", label,
                                                "Events that a subscription would not take and that were set aside.");
}

static void forget_name(struct ese_webhook_figures_names *names, const char *name)
{
    for (int i = 0; i < names->count; i++) {
        if (strcmp(names->names[i], name) != 0)
            continue;
        free(names->names[i]);
        names->names[i] = names->names[--names->count];
        return;
    }
}

void ese_webhook_subscription_figures_forget(struct ese_webhook_figures_names *names, struct ese_metrics *metrics,
                                             const char *name, struct ese_webhook_subscription_figures *figures)
{
    struct ese_metric *all[] = {figures->lag_events, figures->lag_seconds, figures->state,       figures->attempts,
                                figures->pushed,     figures->failures,    figures->dead_letters};

    if (!figures->is_own)
        return;
    for (size_t i = 0; i < ESE_COUNT_OF(all); i++)
        ese_metrics_forget(metrics, all[i]);
    forget_name(names, name);
}
