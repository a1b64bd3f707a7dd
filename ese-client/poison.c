#include "ese-client/poison.h"

#include "ese-core/memory.h"

void ese_poison_add(struct ese_event *event)
{
    static const char member[] = "{\"stumble\":\"fail\"";
    const char *data = ese_event_data(event);
    const char *comma = strcmp(data, "{}") == 0 ? "" : ",";
    size_t size = strlen(data) + sizeof member + 1;
    char *poisoned = ese_alloc(size);
    snprintf(poisoned, size, "%s%s%s", member, comma, data + 1);
    free(event->data);
    event->data = poisoned;
}
