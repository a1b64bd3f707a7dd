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

static const struct ese_webhook_event *last_of(const struct ese_webhook_push *push,
                                               const struct ese_webhook_message *message)
{
    return &push->events[message->count - 1];
}

static int add_signature(const struct ese_webhook_push *push, struct ese_webhook_message *message,
                         struct ese_error *error)
{
    char id[NAME_SIZE + 24], signature[ESE_WEBHOOK_SIGNATURE_SIZE];

    name_event(push, last_of(push, message), id);
    if (message->count > 1)
        snprintf(id + strlen(id), 24, "_%" PRId64, push->events[0].position);
    if (ese_webhook_sign(push->secret, id, push->wall_s, message->body, message->length, signature, error) != 0)
        return -1;
    add(push, &message->headers, "webhook-id", id);
    add_number(push, &message->headers, "webhook-timestamp", push->wall_s);
    add(push, &message->headers, "webhook-signature", signature);
    return 0;
}

/* False: it would not fit behind what is written, however little has to be escaped. So what is written and then taken
 * back is small, and seldom. */
static bool may_fit(const struct ese_buffer *array, const struct ese_webhook_event *event)
{
    return array->length + event->length / 3 * 4 < ESE_WEBHOOK_PUSH_BYTES;
}

/* As many as stay within the bound, one at least; returns how many these are. */
static int write_array(const struct ese_webhook_push *push, struct ese_buffer *array)
{
    int count = 0;

    ese_buffer_text(array, "[");
    for (; count < push->count && (count == 0 || may_fit(array, &push->events[count])); count++) {
        size_t before = array->length;
        if (count > 0)
            ese_buffer_text(array, ",");
        ese_webhook_event_write_json(array, push->wish->stream, &push->events[count]);
        if (count > 0 && array->length >= ESE_WEBHOOK_PUSH_BYTES) {
            array->length = before;
            break;
        }
    }
    ese_buffer_text(array, "]");
    return count;
}

static void write_body(const struct ese_webhook_push *push, struct ese_webhook_message *message)
{
    if (push->wish->batch == 1) {
        message->count = 1;
        message->body = push->events[0].body;
        message->length = push->events[0].length;
        return;
    }
    message->count = write_array(push, &message->array);
    message->body = message->array.text;
    message->length = message->array.length;
}

static void add_headers(const struct ese_webhook_push *push, struct ese_webhook_message *message)
{
    const struct ese_webhook_event *last = last_of(push, message);
    struct ese_buffer *headers = &message->headers;

    add(push, headers, "content-type", "application/json");
    add_number(push, headers, "x-event-position", last->position);
    add(push, headers, "x-event-uuid", last->uuid);
    add(push, headers, "x-event-created", last->created);
    add(push, headers, "user-agent", "Eventor");
    add(push, headers, "x-event-stream", push->wish->stream);
    if (push->wish->batch == 1)
        add(push, headers, "x-event-type", last->type);
    else
        add_number(push, headers, "x-event-count", message->count);
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
    add_headers(push, message);
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
