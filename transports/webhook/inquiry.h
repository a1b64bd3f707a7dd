/*
 * inquiry.h - one question after another to a server that may be away: what registering, asking after a subscription
 * and reading a stream have in common.
 *
 * One request is under way at a time. An answer that only says "later" (none at all, 408, 429, 5xx) is told once in the
 * log, and nothing is due until a back-off has passed; every other goes to `take`. One thread: that which polls the
 * client.
 */
#ifndef ESE_WEBHOOK_INQUIRY_H
#define ESE_WEBHOOK_INQUIRY_H

#include <stdbool.h>
#include <stdint.h>

#include "ese-core/backoff.h"
#include "ese-core/http_client.h"

struct ese_webhook_inquiry {
    struct ese_http_client *client;
    ese_http_done *take; /* called with context; never with what says "later" */
    void *context;
    /* The inquiry's own: */
    bool asking;
    int64_t asked_ns;      /* when the last one was begun; CLOCK_MONOTONIC */
    int64_t not_before_ns; /* of the next */
    struct ese_backoff backoff;
    bool away;             /* said so in the log */
    char why_away[256];
};

void ese_webhook_inquiry_open(struct ese_webhook_inquiry *inquiry, struct ese_http_client *client, ese_http_done *take,
                              void *context);

/* Nothing may be under way. body: JSON, or NULL. */
void ese_webhook_inquiry_ask(struct ese_webhook_inquiry *inquiry, const char *method, const char *url,
                             const char *body);

/* No talk about a request that is broken off. */
void ese_webhook_inquiry_hush(struct ese_webhook_inquiry *inquiry);

/* Why nothing is heard of the server; NULL: all is well, as far as one knows. */
const char *ese_webhook_inquiry_away(const struct ese_webhook_inquiry *inquiry);

#endif
