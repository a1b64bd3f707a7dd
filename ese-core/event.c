#include "ese-core/event.h"

#include <jansson.h>

#include "ese-core/buffer.h"
#include "ese-core/digest.h"
#include "ese-core/hash.h"
#include "ese-core/json_number.h"
#include "ese-core/memory.h"

void ese_event_clear(struct ese_event *event)
{
    free(event->data);
    memset(event, 0, sizeof *event);
}

void ese_event_copy(struct ese_event *to, const struct ese_event *from)
{
    ese_event_clear(to);
    *to = *from;
    to->data = ese_copy_text(from->data);
}

const char *ese_event_data(const struct ese_event *event)
{
    return event->data != NULL ? event->data : "{}";
}

/* Fills key from data's member orderId. False when there is none that fits. */
static bool key_from_order(struct ese_event *event)
{
    const char *data = ese_event_data(event);
    if (strstr(data, "orderId") == NULL)
        return false; /* clicks: spares parsing them */
    struct ese_buffer wide = ESE_BUFFER_INIT(2 * ESE_EVENT_DATA_LIMIT);
    ese_json_write_widened(&wide, data, strlen(data));
    json_t *object = json_loadb(wide.text, wide.length, 0, NULL);
    ese_buffer_free(&wide);
    const char *order = json_string_value(json_object_get(object, "orderId"));
    bool found = order != NULL && order[0] != '\0' &&
                 ese_fit_text(event->key, sizeof event->key, order) == 0;
    json_decref(object);
    return found;
}

void ese_event_set_key(struct ese_event *event)
{
    if (!key_from_order(event))
        memcpy(event->key, event->ip, sizeof event->key);
}
_Static_assert(ESE_EVENT_KEY_SIZE == ESE_EVENT_IP_SIZE, "an ip must fit a key");

void ese_event_settle_id(struct ese_event *event)
{
    struct ese_id id;
    if (event->source[0] == '\0' && ese_id_parse(event->foreign_id, &id, NULL) == 0 &&
        ese_id_is_ours(&id)) {
        event->id = id;
        event->foreign_id[0] = '\0';
    }
}

/* The length says where the source ends. Nobody else derives an id from a text that begins so. */
struct ese_id ese_event_id_of_name(const struct ese_event *event)
{
    char name[ESE_EVENT_SOURCE_SIZE + ESE_EVENT_FOREIGN_ID_SIZE + 32];
    snprintf(name, sizeof name, "event %zu:%s %s", strlen(event->source), event->source,
             event->foreign_id);
    return ese_id_derive(name, NULL, 0);
}

static void hex(char *text, const uint8_t *bytes, int count)
{
    static const char digits[] = "0123456789abcdef";
    for (int i = 0; i < count; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 0xf];
    }
}

void ese_event_set_traceparent(struct ese_event *event)
{
    char *text = event->traceparent;
    memcpy(text, "00-", 3);
    hex(text + 3, event->id.bytes, 16);
    text[35] = '-';
    hex(text + 36, event->id.bytes + 8, 8); /* never zero: the id's variant bits are in it */
    memcpy(text + 52, "-01", 4);
}

static const bool is_digit[UINT8_MAX + 1] = {
    ['0'] = true, ['1'] = true, ['2'] = true, ['3'] = true, ['4'] = true, ['5'] = true, ['6'] = true, ['7'] = true,
    ['8'] = true, ['9'] = true, ['a'] = true, ['b'] = true, ['c'] = true, ['d'] = true, ['e'] = true, ['f'] = true};

/* count lower-case hexadecimal digits; *zero tells whether all of them are 0. */
static bool hex_digits(const char *text, int count, bool *zero)
{
    bool digits = true;
    int other = 0;
    for (int i = 0; i < count; i++) {
        digits &= is_digit[(uint8_t)text[i]];
        other |= text[i] ^ '0';
    }
    *zero = other == 0;
    return digits;
}

bool ese_traceparent_valid(const char *text)
{
    bool trace_zero, parent_zero, flags_zero;
    return strlen(text) == ESE_TRACEPARENT_SIZE - 1 && strncmp(text, "00-", 3) == 0 &&
           hex_digits(text + 3, 32, &trace_zero) && text[35] == '-' &&
           hex_digits(text + 36, 16, &parent_zero) && text[52] == '-' &&
           hex_digits(text + 53, 2, &flags_zero) && !trace_zero && !parent_zero;
}

uint32_t ese_event_key_hash(const char *key)
{
    return ese_hash32(key);
}

uint64_t ese_event_content_hash(const struct ese_event *event)
{
    const char *data = ese_event_data(event);
    /* Each text with its NUL, which no text contains: "ab","c" differs from "a","bc". */
    const struct ese_digest_part parts[] = {
        {event->type, strlen(event->type) + 1},
        {event->sub_type, strlen(event->sub_type) + 1},
        {event->ip, strlen(event->ip) + 1},
        {&event->client_ts, sizeof event->client_ts},
        {data, strlen(data)},
    };
    uint8_t digest[ESE_DIGEST_SIZE];
    ese_digest(parts, ESE_COUNT_OF(parts), digest);
    uint64_t hash;
    memcpy(&hash, digest, sizeof hash);
    return hash;
}
