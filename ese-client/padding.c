#include "ese-client/padding.h"

#include "ese-core/memory.h"

void ese_padding_add(struct ese_event *event, size_t bytes)
{
    static const char empty[] = "\"padding\":\"\"}";
    const char *data = ese_event_data(event);
    size_t kept = strlen(data) - 1; /* without the closing brace */
    const char *comma = strcmp(data, "{}") == 0 ? "" : ",";
    size_t least = kept + strlen(comma) + strlen(empty);
    if (bytes < least)
        return;
    size_t fill = bytes - least;
    char *padded = ese_alloc(bytes + 1);
    size_t at = (size_t)snprintf(padded, bytes + 1, "%.*s%s\"padding\":\"", (int)kept, data, comma);
    memset(padded + at, 'x', fill);
    memcpy(padded + at + fill, "\"}", 2);
    free(event->data);
    event->data = padded;
}
