/*
 * subscription_ask.h - what somebody asks of subscriptions, as it came with a request.
 *
 * A body is checked as the original checks it, in its order and with its words, and what is ours behind: JSON, name,
 * stream, url, headers, batch, retry, poison, signed. Names of members match in any case, of several the last counts,
 * as Go reads them, but for letters of a name that are written as escapes; "name" in the body takes the place of that
 * in the path.
 */
#ifndef ESE_WEBHOOK_SUBSCRIPTION_ASK_H
#define ESE_WEBHOOK_SUBSCRIPTION_ASK_H

#include <stdbool.h>
#include <stdint.h>

#include "ese-core/error.h"
#include "ese-core/http_server.h"
#include "transports/webhook/subscription.h"
#include "transports/webhook/targets.h"

#define ESE_WEBHOOK_AT_NEWEST INT64_C(-1)
#define ESE_WEBHOOK_ASK_NAME_SIZE 1024 /* a name of a path that is none of a subscription is at most told so */

struct ese_webhook_pusher;

/* Which of the members that may be left out were there. */
struct ese_webhook_given {
    bool headers, batch, retry, poison, signed_by;
};

struct ese_webhook_ask {
    struct ese_webhook_ask *next;
    void (*act)(struct ese_webhook_pusher *pusher, struct ese_webhook_ask *ask); /* answers it */
    struct ese_http_request *request;
    char name[ESE_WEBHOOK_ASK_NAME_SIZE];
    struct ese_webhook_wish wish; /* of what is to be made */
    struct ese_webhook_given given;
    bool has_position;
    int64_t position; /* to begin behind, ESE_WEBHOOK_AT_NEWEST for what is newest then; dead letters: to list
                         * behind, with the wish's stream */
};

/* Fills wish and position from a body. targets: where may be pushed to; secrets: the directory of those to sign with,
 * of which the one that is meant has to be there, NULL: none. The error's text is the answer; ESE_E_IO: it is not the
 * body's fault. The wish is to be cleared in any case. */
int ese_webhook_ask_read(struct ese_webhook_ask *ask, const char *body, size_t length,
                         const struct ese_webhook_targets *targets, const char *secrets, struct ese_error *error);

/* The first member that was given and means something else than what there is; NULL: none does. */
const char *ese_webhook_ask_other(const struct ese_webhook_ask *ask, const struct ese_webhook_wish *stored);

void ese_webhook_ask_free(struct ese_webhook_ask *ask);

#endif
