#include "transports/webhook/push_message.h"

#include <inttypes.h>
#include <string.h>

#include "ese-core/memory.h"
#include "transports/webhook/event_json.h"

#define NAME_SIZE (ESE_WEBHOOK_STREAM_SIZE + 32) /* and it fits ESE_WEBHOOK_ID_MOST with 22 behind it */
#define KEPT_BYTES ((size_t)1024 * 1024) /* a larger array than this does not stay in memory */

static bool is_printable(const char *value)
{
    for (const unsigned char *c = (const unsigned char *)value; *c != '\0'; c++) {
        if (*c < 0x20 || *c == 0x7f)
            return false;
    }
    return *value != '\0';
}

static void add(const struct ese_webhook_push *push, struct ese_buffer *headers, const char *name, const char *value)
{
    if (is_printable(value) && !ese_webhook_headers_have(push->headers, name))
        ese_buffer_printf(headers, "%s: %s\n", name, value);
}

static void add_number(const struct ese_webhook_push *push, struct ese_buffer *headers, const char *name,
                       int64_t value)
{
    char text[24];

    snprintf(text, sizeof(text), "%" PRId64, value);
    add(push, headers, name, text);
}

/* The event's uuid. What the original has stored may have none, or one that cannot be signed: then its place names it,
 * which stays the same, too. */
static void name_event(const struct ese_webhook_push *push, const struct ese_webhook_event *event,
                       char name[NAME_SIZE])
{
    if (ese_webhook_is_id(event->uuid)) {
        ese_fit_text(name, NAME_SIZE, event->uuid);
        return;
    }
    snprintf(name, NAME_SIZE, "event_%" PRId64 "_%s", event->position, push->wish->stream);
    for (char *c = name; *c != '\0'; c++) {
        if (*c == '.' || *c == ' ')
            *c = '~';
    }
}

static int add_signature(const struct ese_webhook_push *push, struct ese_webhook_message *message,
                         struct ese_error *error)
{
    char id[NAME_SIZE + 24], signature[ESE_WEBHOOK_SIGNATURE_SIZE];

    name_event(push, &push->events[push->count - 1], id);
    if (push->count > 1)
        snprintf(id + strlen(id), 24, "_%" PRId64, push->events[0].position);
    if (ese_webhook_sign(push->secret, id, push->wall_s, message->body, message->length, signature, error) != 0)
        return -1;
    add(push, &message->headers, "webhook-id", id);
    add_number(push, &message->headers, "webhook-timestamp", push->wall_s);
    add(push, &message->headers, "webhook-signature", signature);
    return 0;
}

static void write_body(const struct ese_webhook_push *push, struct ese_webhook_message *message)
{
    struct ese_buffer *array = &message->array;

    if (push->wish->batch == 1) {
        message->body = push->events[0].body;
        message->length = push->events[0].length;
        return;
    }
    for (int i = 0; i < push->count; i++) {
        ese_buffer_text(array, i == 0 ? "[" : ",");
        ese_webhook_event_write_json(array, push->wish->stream, &push->events[i]);
    }
    ese_buffer_text(array, "]");
    message->body = array->text;
    message->length = array->length;
}

static void add_headers(const struct ese_webhook_push *push, struct ese_buffer *headers)
{
    const struct ese_webhook_event *last = &push->events[push->count - 1];

    add(push, headers, "content-type", "application/json");
    add_number(push, headers, "x-event-position", last->position);
    add(push, headers, "x-event-uuid", last->uuid);
    add(push, headers, "x-event-created", last->created);
    add(push, headers, "user-agent", "Eventor");
    add(push, headers, "x-event-stream", push->wish->stream);
    if (push->wish->batch == 1)
        add(push, headers, "x-event-type", last->type);
    else
        add_number(push, headers, "x-event-count", push->count);
    add_number(push, headers, "x-event-newest", push->newest);
}

static void begin(struct ese_buffer *buffer)
{
    if (buffer->size > KEPT_BYTES)
        ese_buffer_free(buffer);
    buffer->limit = SIZE_MAX; /* what it is made of is bounded */
    ese_buffer_clear(buffer);
}

int ese_webhook_message_write(const struct ese_webhook_push *push, struct ese_webhook_message *message,
                              struct ese_error *error)
{
    begin(&message->headers);
    begin(&message->array);
    write_body(push, message);
    add_headers(push, &message->headers);
    if (push->secret != NULL && add_signature(push, message, error) != 0)
        return -1;
    ese_buffer_text(&message->headers, push->headers->lines != NULL ? push->headers->lines : "");
    return 0;
}

void ese_webhook_message_clear(struct ese_webhook_message *message)
{
    ese_buffer_free(&message->headers);
    ese_buffer_free(&message->array);
    message->body = NULL;
}
