#include "transports/webhook/subscription_json.h"

#include <inttypes.h>

#include <jansson.h>

#include "ese-core/json_text.h"
#include "transports/webhook/event_json.h"

static const char *const states[] = {
    [ESE_WEBHOOK_IDLE] = "idle",
    [ESE_WEBHOOK_UNDER_WAY] = "under way",
    [ESE_WEBHOOK_WAITING] = "waiting",
    [ESE_WEBHOOK_PAUSED] = "paused",
};

static void write_member(struct ese_buffer *buffer, const char *name, const char *value)
{
    ese_buffer_printf(buffer, ",\"%s\":", name);
    ese_json_write_string(buffer, value);
}

/* Verbatim, as the original shows them: none are an object without members. Another program may have written what is no
 * JSON. */
static void write_headers(struct ese_buffer *buffer, const char *headers)
{
    json_t *value = json_loads(headers, JSON_DECODE_ANY, NULL);

    ese_buffer_text(buffer, ",\"headers\":");
    if (value != NULL)
        ese_json_write_compact(buffer, headers);
    else
        ese_buffer_text(buffer, "{}");
    json_decref(value);
}

/* As a number; -1: it is not known. */
static void write_count(struct ese_buffer *buffer, const char *name, int64_t count)
{
    if (count >= 0)
        ese_buffer_printf(buffer, ",\"%s\":%" PRId64, name, count);
    else
        ese_buffer_printf(buffer, ",\"%s\":null", name);
}

static void write_ours(struct ese_buffer *buffer, const struct ese_webhook_subscription_shown *shown)
{
    const struct ese_webhook_subscription *subscription = shown->subscription;
    const struct ese_webhook_wish *wish = &subscription->wish;

    write_count(buffer, "lag", shown->lag);
    write_member(buffer, "state", states[ese_webhook_subscription_state(subscription)]);
    ese_buffer_printf(buffer, ",\"attempts\":%d,\"dead_letters\":%" PRId64 ",\"batch\":%d", subscription->attempts,
                      shown->dead_letters, wish->batch);
    ese_buffer_printf(buffer, ",\"retry\":{\"tries\":%d,\"first_ms\":%" PRId64 ",\"most_ms\":%" PRId64 "}",
                      wish->retry.tries, wish->retry.first_ms, wish->retry.most_ms);
    write_member(buffer, "poison", wish->poison == ESE_WEBHOOK_ASIDE ? "aside" : "stop");
    write_member(buffer, "signed", wish->signed_by);
    if (shown->with_newest)
        write_count(buffer, "newest", shown->newest);
    if (shown->problem[0] != '\0')
        write_member(buffer, "problem", shown->problem);
}

void ese_webhook_subscription_write_json(struct ese_buffer *buffer,
                                         const struct ese_webhook_subscription_shown *shown)
{
    const struct ese_webhook_subscription *subscription = shown->subscription;

    ese_buffer_text(buffer, "{\"name\":");
    ese_json_write_string(buffer, subscription->wish.name);
    write_member(buffer, "stream", subscription->wish.stream);
    write_member(buffer, "url", subscription->wish.url);
    ese_buffer_printf(buffer, ",\"position\":%" PRId64, subscription->position);
    write_headers(buffer, subscription->wish.headers);
    ese_buffer_printf(buffer, ",\"active\":%s", subscription->active ? "true" : "false");
    write_member(buffer, "pause_reason", subscription->pause_reason);
    write_member(buffer, "created", subscription->created);
    write_member(buffer, "updated", subscription->updated);
    write_ours(buffer, shown);
    ese_buffer_text(buffer, "}");
}

void ese_webhook_dead_letter_write_json(struct ese_buffer *buffer, const struct ese_webhook_dead_letter *letter)
{
    ese_webhook_event_write_json(buffer, letter->stream, &letter->event);
    if (buffer->overflowed)
        return;
    buffer->length--; /* its brace: it goes on */
    write_member(buffer, "reason", letter->reason);
    write_member(buffer, "when", letter->when);
    ese_buffer_text(buffer, "}");
}
