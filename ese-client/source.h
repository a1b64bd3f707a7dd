/*
 * source.h - where events come from: one after the other, each with the moment it is due.
 *
 * A source knows nothing of ids, lanes or transports. It fills type, sub_type, ip, key and data;
 * who sends gives the event its id and its client_ts. One thread.
 */
#ifndef ESE_SOURCE_H
#define ESE_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "ese-core/error.h"
#include "ese-core/event.h"

struct ese_source;

enum ese_source_said {
    ESE_SOURCE_END,   /* there will be no more */
    ESE_SOURCE_EVENT, /* event and due_ns are filled */
    ESE_SOURCE_LATER  /* nothing now: wait for `fd` to become readable and ask again */
};

struct ese_source_face {
    /* Fills event (cleared by the caller, who owns it) and due_ns: nanoseconds after the schedule's
     * start, never less than the one before. Returns what it has to say, or -1: the source cannot
     * go on. */
    int (*next)(struct ese_source *source, struct ese_event *event, int64_t *due_ns,
                struct ese_error *error);
    /* NULL, or: the event is offered now, as due at client_ts. What of its data tells the time is
     * written in. */
    void (*stamp)(struct ese_event *event, int64_t client_ts);
    void (*close)(struct ese_source *source);
};

/* The first member of every source. */
struct ese_source {
    const struct ese_source_face *face;
    bool at_once; /* no schedule: an event is due when it is asked for, and waits for room */
    int fd;       /* see ESE_SOURCE_LATER; -1 where that is never said */
};

/* NULL behind the pointer is allowed; nulls it. */
static inline void ese_source_close(struct ese_source **source)
{
    if (*source != NULL)
        (*source)->face->close(*source);
    *source = NULL;
}

#endif
