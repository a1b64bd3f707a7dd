/* CloudEvents as they come over HTTP: headers, and a body. What is taken has a name that is text without control
 * characters; what is refused says why; and what has none of the headers that make one is none. */
#include "ese-core/cloud_event.h"

#include <string.h>
#include <strings.h>

#include "ese-core/json_text.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/headers.h"

static int find_header(const void *context, const char *name, const char **value)
{
    const struct ese_fuzz_headers *headers = context;
    int count = 0;
    for (int i = 0; i < headers->count; i++) {
        if (strcasecmp(headers->list[i].name, name) != 0)
            continue;
        if (count++ == 0)
            *value = headers->list[i].value;
    }
    return count;
}

static void look_at_text(const char *text, size_t size)
{
    ESE_HOLDS(text[0] != '\0' && memchr(text, '\0', size) != NULL && ese_json_is_utf8(text));
    for (const char *at = text; *at != '\0'; at++)
        ESE_HOLDS((unsigned char)*at >= 0x20 && *at != 0x7f);
}

static void take(const struct ese_cloud_event *cloud_event, const struct ese_fuzz_headers *headers)
{
    struct ese_event event = {.data = NULL};
    struct ese_error error = {.text = ""};
    if (ese_cloud_event_take(cloud_event, headers->rest, headers->rest_length, &event, &error) == 0) {
        ESE_HOLDS(strcmp(event.foreign_id, cloud_event->id) == 0 && strcmp(event.source, cloud_event->source) == 0);
        ESE_HOLDS(strcmp(event.type, cloud_event->type) == 0);
    } else {
        ESE_HOLDS(error.text[0] != '\0');
    }
    ese_event_clear(&event);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct ese_fuzz_headers headers;
    struct ese_cloud_event cloud_event;
    struct ese_error error = {.text = ""};
    const char *value;
    ese_fuzz_headers_read(bytes, length, &headers);
    int is_one = ese_cloud_event_read(find_header, &headers, &cloud_event, &error);
    ESE_HOLDS(is_one != -1 || (error.code == ESE_E_INVALID && error.text[0] != '\0'));
    ESE_HOLDS(is_one != 0 || find_header(&headers, "ce-id", &value) == 0);
    if (is_one == 1) {
        look_at_text(cloud_event.id, sizeof cloud_event.id);
        look_at_text(cloud_event.source, sizeof cloud_event.source);
        look_at_text(cloud_event.type, sizeof cloud_event.type);
        take(&cloud_event, &headers);
    }
    ese_fuzz_headers_clear(&headers);
    return 0;
}
