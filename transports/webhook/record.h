/*
 * record.h - an event of a stream as the lab's record, and back.
 *
 *   X-Event-Type     the event's type
 *   Idempotency-Key  its id, as text: sent again it is stored once
 *   body             the event as a line of JSON (ese-core/event_json.h), with its id and traceparent: this wire has
 *                    no header that would reach the subscriber
 *   server_ts        what the stream says it was created at (created.h); where that is no time, the event's own
 *
 * The offset of a record is its position. What other producers have posted to a stream of the lab is read as far as it
 * is an event; without an id it gets one that is made from its uuid, or from its place, so that whoever reads it, and
 * however often, finds the same.
 */
#ifndef ESE_WEBHOOK_RECORD_H
#define ESE_WEBHOOK_RECORD_H

#include "transports/transport.h"
#include "transports/webhook/stream_reader.h"

/* Fills a record whose event is zeroed or was filled before; ESE_E_INVALID when the body is no event. Its place is
 * filled in any case. */
int ese_webhook_record_read(const struct ese_webhook_event *from, int32_t partition, struct ese_record *record,
                            struct ese_error *error);

#endif
