#include "ese-client/lanes.h"

#include <assert.h>

#include "ese-core/memory.h"

struct ese_lanes {
    uint32_t count;
    uint32_t run;
    uint32_t next[ESE_ID_LANES]; /* sequence numbers */
};

struct ese_lanes *ese_lanes_new(int count, uint32_t run)
{
    assert(count >= 1 && count <= ESE_ID_LANES);
    struct ese_lanes *lanes = ese_alloc(sizeof *lanes);
    lanes->count = (uint32_t)count;
    lanes->run = run;
    return lanes;
}

void ese_lanes_free(struct ese_lanes **lanes)
{
    free(*lanes);
    *lanes = NULL;
}

void ese_lanes_name(struct ese_lanes *lanes, struct ese_event *event, int64_t client_ts)
{
    uint16_t lane = (uint16_t)(ese_event_key_hash(event->key) % lanes->count);
    struct ese_id_parts parts = {
        .time_ms = client_ts, .lane = lane, .run = lanes->run, .sequence = lanes->next[lane]++};
    event->client_ts = client_ts;
    event->id = ese_id_make(&parts);
    ese_event_set_traceparent(event);
}
