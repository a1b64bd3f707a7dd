/*
 * flow.h - bytes on their way, one way of one connection: each part with the time at which it is due at the other end.
 *
 * What was put in first comes out first, whatever the times: a part is due no earlier than the one before it. The room
 * is fixed, and whoever finds none reads no more. Where latency is asked for, parts are due a little later than that,
 * at most by 1/256 of latency and jitter, so that their number stays within bounds. Times are monotonic. One thread.
 */
#ifndef ESE_PROXY_FLOW_H
#define ESE_PROXY_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ese-core/random.h"

#define ESE_PROXY_PARTS 512

struct ese_proxy_flow {
    char *bytes; /* a ring */
    size_t size, first, length;
    struct {
        int64_t due_ns;
        size_t length;
    } parts[ESE_PROXY_PARTS]; /* a ring, too */
    int first_part, part_count;
    bool has_ended; /* nothing comes behind what is there */
    int64_t end_due_ns;
    struct ese_random random; /* decides the jitter */
};

/* What is put in now takes so long. */
struct ese_proxy_delay {
    int64_t latency_ns, jitter_ns;
};

void ese_proxy_flow_open(struct ese_proxy_flow *flow, size_t size, struct ese_random random);
void ese_proxy_flow_close(struct ese_proxy_flow *flow);

/* Where to put the next bytes, and how many in one piece; length is 0 where there is no room. */
char *ese_proxy_flow_room(struct ese_proxy_flow *flow, size_t *length);
/* So many were put there. */
void ese_proxy_flow_put(struct ese_proxy_flow *flow, size_t length, const struct ese_proxy_delay *delay,
                        int64_t now_ns);
/* Its source sends no more. */
void ese_proxy_flow_end(struct ese_proxy_flow *flow, const struct ese_proxy_delay *delay, int64_t now_ns);

/* What is due, in one piece; length is 0 where nothing is. */
const char *ese_proxy_flow_due(const struct ese_proxy_flow *flow, int64_t now_ns, size_t *length);
/* So many of these have left. */
void ese_proxy_flow_take(struct ese_proxy_flow *flow, size_t length);
/* All has left, and the end is due. */
bool ese_proxy_flow_is_over(const struct ese_proxy_flow *flow, int64_t now_ns);

/* When the next part, or the end, is due, which may be past. INT64_MAX: there is nothing. */
int64_t ese_proxy_flow_next_ns(const struct ese_proxy_flow *flow);

#endif
