#include "orchestration/bench/payload.h"

#include <assert.h>

#include "ese-core/clock.h"
#include "ese-core/event_json.h"
#include "ese-core/memory.h"

#define LIMIT 1024
#define ADDRESS "10.0.0.1-"

/* The event with so many bytes of padding in its data. */
static void write_event(struct ese_buffer *text, const struct ese_id *id, uint16_t lane, int padding)
{
    char data[ESE_PAYLOAD_BYTES];
    struct ese_event event = {.id = *id,
                              .type = ESE_TYPE_CLICK,
                              .sub_type = ESE_SUB_TYPE_KEY_PRESS,
                              .client_ts = ese_clock_wall_ms(),
                              .data = data};

    snprintf(event.ip, sizeof event.ip, ADDRESS "%04x%0*x", lane, ESE_PAYLOAD_DIGITS, 0U);
    snprintf(data, sizeof data, "{\"KEY\":\"B\",\"_\":\"%0*d\"}", padding, 0);
    ese_event_json_write_posted(text, &event);
}

void ese_payload_make(struct ese_payload *payload, uint32_t run, uint16_t lane)
{
    const struct ese_id_parts parts = {.time_ms = ese_clock_wall_ms(), .lane = lane, .run = run};
    struct ese_id id = ese_id_make(&parts);
    struct ese_buffer text = ESE_BUFFER_INIT(LIMIT);
    char id_text[ESE_ID_TEXT_SIZE];

    write_event(&text, &id, lane, 1);
    assert(text.length < ESE_PAYLOAD_BYTES);
    int padding = 1 + (int)(ESE_PAYLOAD_BYTES - text.length);
    ese_buffer_clear(&text);
    write_event(&text, &id, lane, padding);
    assert(text.length == ESE_PAYLOAD_BYTES);
    memcpy(payload->text, text.text, ESE_PAYLOAD_BYTES + 1);
    ese_buffer_free(&text);
    ese_id_text(&id, id_text);
    const char *key = strstr(payload->text, ADDRESS), *named = strstr(payload->text, id_text);
    payload->key_at = (size_t)(key - payload->text) + ESE_PAYLOAD_KEY_LENGTH - ESE_PAYLOAD_DIGITS;
    payload->id_at = (size_t)(named - payload->text) + strlen(id_text) - ESE_PAYLOAD_DIGITS;
}

void ese_payload_number(const struct ese_payload *payload, char *event, uint32_t number)
{
    static const char digits[] = "0123456789abcdef";
    char text[ESE_PAYLOAD_DIGITS];

    for (int i = ESE_PAYLOAD_DIGITS - 1; i >= 0; i--, number >>= 4)
        text[i] = digits[number & 15];
    memcpy(event + payload->key_at, text, ESE_PAYLOAD_DIGITS);
    memcpy(event + payload->id_at, text, ESE_PAYLOAD_DIGITS);
}

const char *ese_payload_key(const struct ese_payload *payload, const char *event)
{
    return event + payload->key_at + ESE_PAYLOAD_DIGITS - ESE_PAYLOAD_KEY_LENGTH;
}

const char *ese_payload_id(const struct ese_payload *payload, const char *event)
{
    return event + payload->id_at + ESE_PAYLOAD_DIGITS - (ESE_ID_TEXT_SIZE - 1);
}
