#include "transports/webhook/event_json.h"

#include <stdlib.h>
#include <string.h>

#include "ese-core/base64.h"
#include "ese-core/json_text.h"
#include "ese-core/memory.h"

/* Bytes of any kind as one string: a NUL among them is \u0000, which a text that ends with a NUL cannot say. */
static void write_string(struct ese_buffer *buffer, const char *bytes, size_t length)
{
    const char *end = bytes + length;

    ese_json_write_string(buffer, bytes);
    for (bytes += strlen(bytes); bytes < end; bytes += strlen(bytes)) {
        if (buffer->overflowed)
            return;
        buffer->length--; /* the quote behind what was written: the string goes on */
        ese_buffer_text(buffer, "\\u0000");
        size_t joint = buffer->length;
        ese_json_write_string(buffer, ++bytes);
        if (buffer->overflowed)
            return;
        memmove(buffer->text + joint, buffer->text + joint + 1, buffer->length - joint); /* and the one before */
        buffer->length--;
    }
}

void ese_webhook_event_write_json_body(struct ese_buffer *buffer, const struct ese_webhook_event *event)
{
    bool is_json = event->length > 0 && (event->body[0] == '{' || event->body[0] == '[');

    ese_buffer_text(buffer, "\"body\":\"");
    ese_base64_write(event->body, event->length, buffer);
    ese_buffer_text(buffer, "\",\"body_json\":");
    write_string(buffer, is_json ? event->body : "", is_json ? event->length : 0);
    ese_buffer_text(buffer, ",\"created\":");
    ese_json_write_string(buffer, event->created);
}

void ese_webhook_event_write_json(struct ese_buffer *buffer, const char *stream,
                                  const struct ese_webhook_event *event)
{
    ese_buffer_text(buffer, "{\"uuid\":");
    ese_json_write_string(buffer, event->uuid);
    ese_buffer_text(buffer, ",\"position\":");
    ese_buffer_number(buffer, event->position);
    ese_buffer_text(buffer, ",\"stream\":");
    ese_json_write_string(buffer, stream);
    ese_buffer_text(buffer, ",\"type\":");
    ese_json_write_string(buffer, event->type);
    ese_buffer_text(buffer, ",");
    ese_webhook_event_write_json_body(buffer, event);
    ese_buffer_text(buffer, "}");
}
