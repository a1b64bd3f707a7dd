#include "transports/webhook/inquiry.h"

#include <stdio.h>
#include <string.h>

#include "ese-core/clock.h"
#include "ese-core/log.h"

#define TIMEOUT_MS 5000
#define SILENCE_MS 1000 /* until a server that does not answer counts as away */

void ese_webhook_inquiry_open(struct ese_webhook_inquiry *inquiry, struct ese_http_client *client, ese_http_done *take,
                              void *context)
{
    *inquiry = (struct ese_webhook_inquiry){.client = client,
                                            .take = take,
                                            .context = context,
                                            .backoff = {.first_ms = 50, .most_ms = 1000}};
}

static bool says_later(const struct ese_http_answer *answer)
{
    return answer->status == 0 || answer->status == 408 || answer->status == 429 || answer->status >= 500;
}

static void wait(struct ese_webhook_inquiry *inquiry, const struct ese_http_answer *answer)
{
    int64_t wait_ms = ese_backoff_next_ms(&inquiry->backoff);
    inquiry->not_before_ns = ese_clock_monotonic_ns() + wait_ms * ESE_NS_PER_MS;
    if (answer->status == 0)
        snprintf(inquiry->why_away, sizeof inquiry->why_away, "the server is away (%.200s)", answer->problem);
    else
        snprintf(inquiry->why_away, sizeof inquiry->why_away, "the server answered %d", answer->status);
    if (!inquiry->away)
        ese_log_warning("%s: does ese-server run there? --server names another; asking again until it is back",
                        inquiry->why_away);
    inquiry->away = true;
}

static void on_answer(void *context, const struct ese_http_answer *answer)
{
    struct ese_webhook_inquiry *inquiry = context;
    inquiry->asking = false;
    if (says_later(answer)) {
        wait(inquiry, answer);
        return;
    }
    if (inquiry->away)
        ese_log_info("the server is back");
    inquiry->away = false;
    ese_backoff_reset(&inquiry->backoff);
    inquiry->take(inquiry->context, answer);
}

void ese_webhook_inquiry_ask(struct ese_webhook_inquiry *inquiry, const char *method, const char *url,
                             const char *body)
{
    const struct ese_http_call call = {.method = method,
                                       .url = url,
                                       .body = body,
                                       .length = body != NULL ? strlen(body) : 0,
                                       .timeout_ms = TIMEOUT_MS,
                                       .done = on_answer,
                                       .context = inquiry};
    inquiry->asking = true;
    inquiry->asked_ns = ese_clock_monotonic_ns();
    ese_http_client_call(inquiry->client, &call);
}

void ese_webhook_inquiry_hush(struct ese_webhook_inquiry *inquiry)
{
    inquiry->away = true;
}

/* A server that hangs is away long before its answer is given up. */
const char *ese_webhook_inquiry_away(const struct ese_webhook_inquiry *inquiry)
{
    bool silent = inquiry->asking && ese_clock_monotonic_ns() > inquiry->asked_ns + SILENCE_MS * ESE_NS_PER_MS;
    if (inquiry->away)
        return inquiry->why_away;
    return silent ? "the server does not answer" : NULL;
}
