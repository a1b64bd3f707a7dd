/*
 * store_room.h - whether the store has room for what is to come, and the words when it has not.
 *
 * The writer's thread, within its transaction.
 */
#ifndef ESE_TRANSPORT_HTTP_STORE_ROOM_H
#define ESE_TRANSPORT_HTTP_STORE_ROOM_H

#include "ese-core/event_json.h"
#include "ese-core/sqlite.h"

struct ese_store_room {
    struct ese_sqlite *sqlite;
    int64_t granted; /* bytes that there is room for, as far as it was asked and is not used up */
    char full[560]; /* why there was none, the last time */
};

/* What a request with these events takes at most. */
int64_t ese_store_room_needed(const struct ese_event_list *list);
/* The same for the largest event there may be. */
int64_t ese_store_room_largest(void);

/* A transaction begins: what there was room for may be gone. */
void ese_store_room_ask(struct ese_store_room *room);

/* Once in a while the database is asked; what there is room for is used up by what each may take at most, which is
 * more than it does. False: room->full says how it stands, and what can be done. */
bool ese_store_room_for(struct ese_store_room *room, int64_t bytes);

#endif
