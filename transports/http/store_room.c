#include "transports/http/store_room.h"

#include <string.h>

/* Beside its data an event has texts of half a kilobyte and places in two indexes; data that goes
 * over several pages leaves the last of them partly empty, and a page that was split is half so. */
#define EVENT_BYTES 2048
#define DATA_TIMES 2

int64_t ese_store_room_needed(const struct ese_event_list *list)
{
    int64_t bytes = EVENT_BYTES; /* of the request itself */

    for (size_t i = 0; i < list->count; i++)
        bytes += EVENT_BYTES + DATA_TIMES * (int64_t)strlen(ese_event_data(&list->events[i]));
    return bytes;
}

int64_t ese_store_room_largest(void)
{
    return 2 * EVENT_BYTES + DATA_TIMES * (int64_t)ESE_EVENT_DATA_LIMIT;
}
