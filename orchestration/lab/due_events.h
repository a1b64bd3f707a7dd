/*
 * due_events.h - what was acknowledged to a run's clients, and when each of these events was due, by id: from their
 * histories, for who tells of readers beside the ledger.
 *
 * One thread; 40 bytes an event, at most ESE_JUDGE_MOST of them.
 */
#ifndef ESE_LAB_DUE_EVENTS_H
#define ESE_LAB_DUE_EVENTS_H

#include <stddef.h>

#include "ese-core/error.h"
#include "ese-core/id.h"

struct ese_due_event {
    struct ese_id id;
    int64_t due_ns;
    int64_t acknowledged_ns; /* 0: it was not */
    int line;                /* its lane and run, of all that there are; from 0 */
};

struct ese_due_events {
    struct ese_due_event *list; /* those that were acknowledged, by id */
    size_t count;
    int lines;                  /* how many there are */
    int64_t last_ns;            /* when the last of them was acknowledged */
};

/* ESE_E_FULL: there are more. Give back what it holds, whatever it says. */
int ese_due_events_read(const char *directory, struct ese_due_events *events, struct ese_error *error);
void ese_due_events_free(struct ese_due_events *events);
/* NULL: nobody has acknowledged it. */
struct ese_due_event *ese_due_events_find(const struct ese_due_events *events, const struct ese_id *id);

#endif
