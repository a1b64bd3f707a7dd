/*
 * store_room.h - how much room a request needs in the store (ese-core/sqlite_grant.h).
 */
#ifndef ESE_TRANSPORT_HTTP_STORE_ROOM_H
#define ESE_TRANSPORT_HTTP_STORE_ROOM_H

#include <stdint.h>

#include "ese-core/event_json.h"

/* What a request with these events takes at most. */
int64_t ese_store_room_needed(const struct ese_event_list *list);
/* The same for the largest event there may be. */
int64_t ese_store_room_largest(void);

#endif
