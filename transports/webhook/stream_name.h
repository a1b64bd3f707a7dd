/*
 * stream_name.h - what a stream may be called, and which stream an event of the lab goes to.
 *
 * A name is kept as it stands in a request line, percent-encoded, and is a part of a file's name. So it has no "/",
 * no control character, no byte beyond ASCII, is neither "." nor "..", at most 200 bytes, and none of the names that
 * are the store's own files ("_meta", "_introspect", "_itrospect", in any case).
 */
#ifndef ESE_WEBHOOK_STREAM_NAME_H
#define ESE_WEBHOOK_STREAM_NAME_H

#include <stdint.h>

#include "ese-core/error.h"

#define ESE_WEBHOOK_STREAM_SIZE 201

/* ESE_E_INVALID says what is wrong with it. */
int ese_webhook_stream_check(const char *name, struct ese_error *error);

/* A subscription's: letters, digits and underscores, as the original's; at most 200. */
int ese_webhook_subscription_check(const char *name, struct ese_error *error);

/* The lab's own: each is one partition. The numbers are for one value of the option "topic" (ese-core/mail_request.h):
 * "events" has 0 and 1, "mail-requests" 2, "dead-letters" 3 and 4. */
#define ESE_WEBHOOK_STREAMS_ALL 5
const char *ese_webhook_stream_of(int32_t partition);         /* "click-events"; NULL: there is none */
const char *ese_webhook_stream_event_type(int32_t partition); /* what is expected there */
void ese_webhook_stream_range(const char *topic, int32_t *first, int *count);
int32_t ese_webhook_stream_for(const char *topic, const char *event_type);

#endif
