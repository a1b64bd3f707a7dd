#include "transports/webhook/stream_name.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "ese-core/dead_letter_event.h"
#include "ese-core/event.h"
#include "ese-core/json_text.h"
#include "ese-core/mail_request.h"
#include "ese-core/memory.h"

#define NAME_MOST (ESE_WEBHOOK_STREAM_SIZE - 1)

static const struct {
    const char *name;
    const char *event_type;
} streams[ESE_WEBHOOK_STREAMS_ALL] = {
    {"click-events", ESE_TYPE_CLICK},
    {"order-events", ESE_TYPE_ORDER},
    {ESE_TOPIC_MAIL_REQUESTS, ESE_TYPE_MAIL_REQUEST},
    {"dlq.click-events", ESE_TYPE_CLICK},
    {"dlq.order-events", ESE_TYPE_ORDER},
};

/* The store's own files, and those the original has. */
static const char *const reserved[] = {".", "..", "_meta", "_introspect", "_itrospect"};

static int refuse(const char *what, const char *name, const char *why, struct ese_error *error)
{
    char shown[81];

    snprintf(shown, sizeof(shown), "%s", name);
    ese_json_make_utf8(shown);
    return ese_fail(error, ESE_E_INVALID, "The %s '%s' %s", what, shown, why);
}

int ese_webhook_stream_check(const char *name, struct ese_error *error)
{
    size_t length = strlen(name);

    if (length == 0)
        return refuse("stream", name, "has no name", error);
    if (length > NAME_MOST)
        return refuse("stream", name, "has a name of more than 200 bytes", error);
    for (size_t i = 0; i < length; i++) {
        if (name[i] < 0x20 || name[i] > 0x7e || name[i] == '/')
            return refuse("stream", name, "has a '/', a control character or one beyond ASCII in its name", error);
    }
    for (size_t i = 0; i < ESE_COUNT_OF(reserved); i++) {
        if (strcasecmp(name, reserved[i]) == 0)
            return refuse("stream", name, "has a name that is reserved: choose another", error);
    }
    return 0;
}

int ese_webhook_subscription_check(const char *name, struct ese_error *error)
{
    size_t length = strlen(name);

    for (size_t i = 0; i < length; i++) {
        if (name[i] != '_' && ((unsigned char)name[i] > 0x7f || !isalnum((unsigned char)name[i])))
            length = 0;
    }
    if (length > 0 && length <= NAME_MOST)
        return 0;
    return ese_fail(error, ESE_E_INVALID, "Subscription name must be of letters, digits and underscores, at most 200");
}

const char *ese_webhook_stream_of(int32_t partition)
{
    return partition >= 0 && partition < ESE_WEBHOOK_STREAMS_ALL ? streams[partition].name : NULL;
}

const char *ese_webhook_stream_event_type(int32_t partition)
{
    return partition >= 0 && partition < ESE_WEBHOOK_STREAMS_ALL ? streams[partition].event_type : NULL;
}

void ese_webhook_stream_range(const char *topic, int32_t *first, int *count)
{
    bool is_mails = strcmp(topic, ESE_TOPIC_MAIL_REQUESTS) == 0;
    bool is_letters = strcmp(topic, ESE_TOPIC_DEAD_LETTERS) == 0;

    *first = is_mails ? 2 : is_letters ? 3 : 0;
    *count = is_mails ? 1 : 2;
}

int32_t ese_webhook_stream_for(const char *topic, const char *event_type)
{
    int32_t first;
    int count;

    ese_webhook_stream_range(topic, &first, &count);
    return count > 1 && strcmp(event_type, ESE_TYPE_ORDER) == 0 ? first + 1 : first;
}
