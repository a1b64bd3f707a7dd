/*
 * webhook.h - what the faces of this transport have in common: one wire, two ends, and the promises.
 */
#ifndef ESE_WEBHOOK_H
#define ESE_WEBHOOK_H

#include "transports/transport.h"

extern const struct ese_produce_face ese_webhook_produce;
extern const struct ese_store_face ese_webhook_store;
extern const struct ese_consume_face ese_webhook_consume;

#endif
