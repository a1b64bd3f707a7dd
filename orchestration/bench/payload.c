#include "orchestration/bench/payload.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

#include "ese-core/clock.h"
#include "ese-core/event_json.h"
#include "ese-core/memory.h"

#define LIMIT 1024
#define TIME_DIGITS 13 /* of Unix time in ms, until the year 2286 */
#define ADDRESS "10.0.0.1-"

/* ese_event_json_write_posted, or another. */
typedef void write_shape(struct ese_buffer *text, const struct ese_event *event);

/* The event with so many bytes of padding in its data. */
static void write_event(write_shape *write, struct ese_buffer *text, const struct ese_id_parts *parts, int padding)
{
    char data[ESE_PAYLOAD_BYTES];
    struct ese_event event = {.id = ese_id_make(parts),
                              .type = ESE_TYPE_CLICK,
                              .sub_type = ESE_SUB_TYPE_KEY_PRESS,
                              .client_ts = parts->time_ms,
                              .data = data};

    snprintf(event.ip, sizeof event.ip, ADDRESS "%04x%0*x", parts->lane, ESE_PAYLOAD_DIGITS, 0U);
    snprintf(data, sizeof data, "{\"KEY\":\"B\",\"_\":\"%0*d\"}", padding, 0);
    write(text, &event);
}

static void write_padded(write_shape *write, struct ese_payload *payload, const struct ese_id_parts *parts)
{
    struct ese_buffer text = ESE_BUFFER_INIT(LIMIT);

    write_event(write, &text, parts, 1);
    assert(text.length < ESE_PAYLOAD_BYTES);
    int padding = 1 + (int)(ESE_PAYLOAD_BYTES - text.length);
    ese_buffer_clear(&text);
    write_event(write, &text, parts, padding);
    assert(text.length == ESE_PAYLOAD_BYTES);
    memcpy(payload->text, text.text, ESE_PAYLOAD_BYTES + 1);
    ese_buffer_free(&text);
}

static void write_digits(char *text, int64_t time_ms)
{
    for (int i = TIME_DIGITS - 1; i >= 0; i--, time_ms /= 10)
        text[i] = (char)('0' + time_ms % 10);
}

static size_t find(const struct ese_payload *payload, const char *text)
{
    const char *found = strstr(payload->text, text);

    assert(found != NULL);
    return (size_t)(found - payload->text);
}

/* has_id: the shape; else it stands behind. */
static void make(struct ese_payload *payload, uint32_t run, uint16_t lane, write_shape *write, bool has_id)
{
    const struct ese_id_parts parts = {.time_ms = ese_clock_wall_ms(), .lane = lane, .run = run};
    struct ese_id id = ese_id_make(&parts);
    char id_text[ESE_ID_TEXT_SIZE], time_text[TIME_DIGITS + 1] = "";

    *payload = (struct ese_payload){.lane = lane};
    write_padded(write, payload, &parts);
    ese_id_text(&id, id_text);
    if (!has_id)
        memcpy(payload->text + ESE_PAYLOAD_BYTES, id_text, sizeof id_text);
    write_digits(time_text, parts.time_ms);
    payload->key_at = find(payload, ADDRESS) + ESE_PAYLOAD_KEY_LENGTH - ESE_PAYLOAD_DIGITS;
    payload->id_at = find(payload, id_text) + strlen(id_text) - ESE_PAYLOAD_DIGITS;
    payload->time_at = find(payload, time_text);
}

void ese_payload_make(struct ese_payload *payload, uint32_t run, uint16_t lane)
{
    make(payload, run, lane, ese_event_json_write_posted, true);
}

void ese_payload_make_record(struct ese_payload *payload, uint32_t run, uint16_t lane)
{
    make(payload, run, lane, ese_event_json_write_record, false);
}

void ese_payload_spread(struct ese_payload *payload, int64_t first_ms, int64_t step_ms)
{
    payload->first_ms = first_ms;
    payload->step_ms = step_ms;
}

void ese_payload_number(const struct ese_payload *payload, char *event, uint32_t number)
{
    static const char digits[] = "0123456789abcdef";
    char text[ESE_PAYLOAD_DIGITS];

    if (payload->step_ms != 0)
        write_digits(event + payload->time_at, payload->first_ms + payload->step_ms * number);
    for (int i = ESE_PAYLOAD_DIGITS - 1; i >= 0; i--, number >>= 4)
        text[i] = digits[number & 15];
    memcpy(event + payload->key_at, text, ESE_PAYLOAD_DIGITS);
    memcpy(event + payload->id_at, text, ESE_PAYLOAD_DIGITS);
}

uint32_t ese_payload_read_number(const struct ese_payload *payload, const char *event)
{
    char text[ESE_PAYLOAD_DIGITS + 1];

    memcpy(text, event + payload->key_at, ESE_PAYLOAD_DIGITS);
    text[ESE_PAYLOAD_DIGITS] = '\0';
    return (uint32_t)strtoul(text, NULL, 16);
}

const char *ese_payload_key(const struct ese_payload *payload, const char *event)
{
    return event + payload->key_at + ESE_PAYLOAD_DIGITS - ESE_PAYLOAD_KEY_LENGTH;
}

const char *ese_payload_id(const struct ese_payload *payload, const char *event)
{
    return event + payload->id_at + ESE_PAYLOAD_DIGITS - (ESE_ID_TEXT_SIZE - 1);
}
