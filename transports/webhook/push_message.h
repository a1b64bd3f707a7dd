/*
 * push_message.h - the request by which an event, or a page of them, is brought to a subscriber.
 *
 * One event: its body as it is, and what the original says of it in headers:
 *
 *   content-type: application/json    x-event-position    x-event-uuid    x-event-created    user-agent: Eventor
 *
 * and ours behind: x-event-stream, x-event-type, x-event-newest (the position of the stream's newest event when this
 * one was read: how far behind the receiver is). A subscription with batch > 1 gets a JSON array of events in the shape
 * of event_json.h instead, of as many events as stay within ESE_WEBHOOK_PUSH_BYTES, one at least; the headers are the
 * last one's, without its type, and x-event-count says how many there are.
 * Signed: webhook-id (the event's uuid, of several the last one's, "_" and the first position), webhook-timestamp and
 * webhook-signature (signature.h). Where an event has no uuid, or one that cannot be an id: "event_", its position, "_"
 * and its stream, with "~" for each '.' and blank; the same at each attempt.
 *
 * The subscription's own headers come last and may take the place of any of these; no header goes out twice. What an
 * event says of itself and no header can hold (a control character) is left out.
 */
#ifndef ESE_WEBHOOK_PUSH_MESSAGE_H
#define ESE_WEBHOOK_PUSH_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#include "ese-core/buffer.h"
#include "transports/webhook/push_headers.h"
#include "transports/webhook/signature.h"
#include "transports/webhook/stream_reader.h"
#include "transports/webhook/subscription.h"

/* Of a page as it goes out. Bodies grow: what is base64 beside its text, escaped, is up to eight times as long
 * (event_json.h), and a receiver bounds what comes. One event may be longer by itself. */
#define ESE_WEBHOOK_PUSH_BYTES ((size_t)256 * 1024)

struct ese_webhook_push {
    const struct ese_webhook_wish *wish;
    const struct ese_webhook_headers *headers;
    const struct ese_webhook_secret *secret; /* NULL: not signed */
    const struct ese_webhook_event *events;
    int count;       /* that may go, one at least */
    int64_t newest;
    int64_t wall_s;  /* now */
};

/* Zero-initialised before its first use; its memory is used again by each write. */
struct ese_webhook_message {
    struct ese_buffer headers; /* as http_client.h takes them, for a bare call */
    struct ese_buffer array;
    int count;        /* of the push's events that are in it, from the first on */
    const char *body; /* the event's or the array's */
    size_t length;
};

/* -1: it cannot be signed. */
int ese_webhook_message_write(const struct ese_webhook_push *push, struct ese_webhook_message *message,
                              struct ese_error *error);
void ese_webhook_message_clear(struct ese_webhook_message *message);

#endif
