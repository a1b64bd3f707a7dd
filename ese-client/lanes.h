/*
 * lanes.h - gives events their names: key -> lane, a sequence number a lane, one run a process.
 *
 * One thread.
 */
#ifndef ESE_LANES_H
#define ESE_LANES_H

#include <stdint.h>

#include "ese-core/event.h"

struct ese_lanes;

/* count: 1 to ESE_ID_LANES. run: see ese_id_draw_run. */
struct ese_lanes *ese_lanes_new(int count, uint32_t run);
void ese_lanes_free(struct ese_lanes **lanes);

/* Sets the event's client_ts, its id (the next of its key's lane) and the traceparent that names
 * it. */
void ese_lanes_name(struct ese_lanes *lanes, struct ese_event *event, int64_t client_ts);

#endif
