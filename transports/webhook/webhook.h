/*
 * webhook.h - what the faces of this transport have in common: one wire, two ends, and the promises.
 */
#ifndef ESE_WEBHOOK_H
#define ESE_WEBHOOK_H

#include "ese-core/dead_letter_event.h"
#include "ese-core/mail_request.h"
#include "transports/transport.h"

/* Of those faces that can be told which streams are meant. */
#define ESE_WEBHOOK_TOPIC_OPTION                                                                                       \
    {.name = ESE_TOPIC_OPTION, .kind = ESE_OPTION_CHOICE,                                                              \
     .choices = "events|" ESE_TOPIC_MAIL_REQUESTS "|" ESE_TOPIC_DEAD_LETTERS, .fallback = "events",                    \
     .help = "events: click-events and order-events. mail-requests: that stream alone, which ese-mailer --intake "     \
             "reads and ese-consumer --mail-requests writes. dead-letters: dlq.click-events and dlq.order-events, "    \
             "which ese-consumer writes."}

extern const struct ese_produce_face ese_webhook_produce;
extern const struct ese_store_face ese_webhook_store;
extern const struct ese_consume_face ese_webhook_consume;

#endif
