/*
 * event_json.h - an event of a stream as JSON, in the original's shape: what GET /streams/NAME/OFFSET/LIMIT lists, and
 * a push of many holds.
 *
 *   {"uuid","position","stream","type","body","body_json","created"}
 *
 * body is its bytes in base64; body_json its text, where that begins with { or [, else "". Escaped as Go's
 * encoding/json does it (ese-core/json_text.h), no blanks.
 */
#ifndef ESE_WEBHOOK_EVENT_JSON_H
#define ESE_WEBHOOK_EVENT_JSON_H

#include <stddef.h>

#include "ese-core/buffer.h"
#include "transports/webhook/stream_reader.h"

/* What an event becomes at most whose body has so many bytes: four for three of them as base64, and, where each has to
 * be escaped, six for one as text; and what else there is of it, the same way. */
#define ESE_WEBHOOK_EVENT_JSON_BESIDE (6 * 1024)
#define ESE_WEBHOOK_EVENT_JSON_MOST(bytes) ((bytes) / 3 * 4 + (bytes) * 6 + ESE_WEBHOOK_EVENT_JSON_BESIDE)

void ese_webhook_event_write_json(struct ese_buffer *buffer, const char *stream,
                                  const struct ese_webhook_event *event);

/* Its members "body", "body_json" and "created", without braces. */
void ese_webhook_event_write_json_body(struct ese_buffer *buffer, const struct ese_webhook_event *event);

#endif
