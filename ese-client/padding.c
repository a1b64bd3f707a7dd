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
    size_t at = kept + strlen(comma);
    memcpy(padded, data, kept);
    memcpy(padded + kept, comma, at - kept);
    memcpy(padded + at, empty, sizeof empty - 3); /* up to what fills it */
    memset(padded + at + sizeof empty - 3, 'x', fill);
    memcpy(padded + at + sizeof empty - 3 + fill, "\"}", 2);
    free(event->data);
    event->data = padded;
}
