/*
 * plan.h - which of a crowd's destinations is flaky, and how: drawn from a seed, the same seed the same plan.
 *
 * Of so many per cent one hangs for ever, and the others are, in turn, slow, failing and away: each from a moment on,
 * and for as long, as is drawn for it. That moment is counted in events, not in time: so it befalls a destination at
 * the same place of what it is handed over each transport, however long its program took to start.
 *
 * Pure: no clock, no thread.
 */
#ifndef ESE_CROWD_PLAN_H
#define ESE_CROWD_PLAN_H

#include <stdint.h>

#include "ese-core/buffer.h"

#define ESE_CROWD_MOST 200 /* destinations of one program */

enum ese_crowd_kind {
    ESE_CROWD_HEALTHY,
    ESE_CROWD_SLOW,    /* waits before it acknowledges a batch, each time */
    ESE_CROWD_FAILING, /* for a while acknowledges nothing: it is handed the same again and again */
    ESE_CROWD_AWAY,    /* for a while is not there */
    ESE_CROWD_HUNG,    /* takes a batch, acknowledges it never, and asks for no other */
    ESE_CROWD_KINDS
};

struct ese_crowd_way {
    enum ese_crowd_kind kind;
    int after;   /* with its so manieth event, from 1 on, it begins */
    int for_ms;  /* of failing and away: how long that lasts */
    int wait_ms; /* of slow: before it acknowledges */
};

/* "healthy", "slow", ... */
const char *ese_crowd_kind_name(enum ese_crowd_kind kind);

/* Of `count` destinations `percent` per cent are flaky, rounded up. ways: as many as count. */
void ese_crowd_draw(int64_t seed, int count, int percent, struct ese_crowd_way ways[]);

/* The plan in words, a line each destination that is flaky. */
void ese_crowd_plan_write(const struct ese_crowd_way ways[], int count, struct ese_buffer *text);

#endif
