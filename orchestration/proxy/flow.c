#include "orchestration/proxy/flow.h"

#include <assert.h>
#include <stdlib.h>

#include "ese-core/memory.h"

#define GRAINS 256 /* of latency and jitter: so many instants at which something may be due, and a few */

void ese_proxy_flow_open(struct ese_proxy_flow *flow, size_t size, struct ese_random random)
{
    *flow = (struct ese_proxy_flow){.bytes = ese_alloc(size), .size = size, .random = random};
}

void ese_proxy_flow_close(struct ese_proxy_flow *flow)
{
    free(flow->bytes);
    flow->bytes = NULL;
}

/* ---- in ---- */

char *ese_proxy_flow_room(struct ese_proxy_flow *flow, size_t *length)
{
    if (flow->length == 0)
        flow->first = 0; /* so that what passes at once touches few pages */
    size_t begin = (flow->first + flow->length) % flow->size;
    size_t free_bytes = flow->size - flow->length;
    *length = begin + free_bytes > flow->size ? flow->size - begin : free_bytes;
    return flow->bytes + begin;
}

static int64_t last_due_ns(const struct ese_proxy_flow *flow)
{
    return flow->part_count == 0 ? INT64_MIN
                                 : flow->parts[(flow->first_part + flow->part_count - 1) % ESE_PROXY_PARTS].due_ns;
}

/* Not before what is there already. */
static int64_t due_ns(struct ese_proxy_flow *flow, const struct ese_proxy_delay *delay, int64_t now_ns)
{
    int64_t span_ns = delay->latency_ns + delay->jitter_ns, due = now_ns, last = last_due_ns(flow);
    if (delay->jitter_ns > 0)
        due += (int64_t)ese_random_below(&flow->random, (uint64_t)delay->jitter_ns + 1);
    if (span_ns > 0) {
        int64_t grain_ns = span_ns / GRAINS + 1;
        due = ((due + delay->latency_ns) / grain_ns + 1) * grain_ns;
    }
    return due > last ? due : last;
}

void ese_proxy_flow_put(struct ese_proxy_flow *flow, size_t length, const struct ese_proxy_delay *delay,
                        int64_t now_ns)
{
    assert(length <= flow->size - flow->length && !flow->has_ended);
    int64_t due = due_ns(flow, delay, now_ns), last = last_due_ns(flow);
    int behind = (flow->first_part + flow->part_count) % ESE_PROXY_PARTS;
    bool is_with_last = flow->part_count > 0 && (due == last || due <= now_ns || flow->part_count == ESE_PROXY_PARTS);
    if (is_with_last)
        behind = (behind + ESE_PROXY_PARTS - 1) % ESE_PROXY_PARTS;
    else
        flow->parts[behind].length = 0;
    flow->parts[behind].due_ns = due;
    flow->parts[behind].length += length;
    flow->part_count += is_with_last ? 0 : 1;
    flow->length += length;
}

void ese_proxy_flow_end(struct ese_proxy_flow *flow, const struct ese_proxy_delay *delay, int64_t now_ns)
{
    flow->end_due_ns = due_ns(flow, delay, now_ns);
    flow->has_ended = true;
}

/* ---- out ---- */

const char *ese_proxy_flow_due(const struct ese_proxy_flow *flow, int64_t now_ns, size_t *length)
{
    size_t due = 0, in_one_piece = flow->size - flow->first;
    for (int i = 0; i < flow->part_count && due < in_one_piece; i++) {
        int part = (flow->first_part + i) % ESE_PROXY_PARTS;
        if (flow->parts[part].due_ns > now_ns)
            break;
        due += flow->parts[part].length;
    }
    *length = due < in_one_piece ? due : in_one_piece;
    return flow->bytes + flow->first;
}

void ese_proxy_flow_take(struct ese_proxy_flow *flow, size_t length)
{
    assert(length <= flow->length);
    flow->first = (flow->first + length) % flow->size;
    flow->length -= length;
    while (length > 0) {
        size_t *left = &flow->parts[flow->first_part].length;
        size_t taken = length < *left ? length : *left;
        *left -= taken;
        length -= taken;
        if (*left == 0) {
            flow->first_part = (flow->first_part + 1) % ESE_PROXY_PARTS;
            flow->part_count--;
        }
    }
}

bool ese_proxy_flow_is_over(const struct ese_proxy_flow *flow, int64_t now_ns)
{
    return flow->has_ended && flow->length == 0 && flow->end_due_ns <= now_ns;
}

int64_t ese_proxy_flow_next_ns(const struct ese_proxy_flow *flow)
{
    if (flow->part_count > 0)
        return flow->parts[flow->first_part].due_ns;
    return flow->has_ended ? flow->end_due_ns : INT64_MAX;
}
