/*
 * condition.h - what a line between two parties is told to be like, in words and as data.
 *
 *     latency MS [jitter MS]          what comes, either way, arrives so much later; by chance up to the jitter more
 *     bandwidth BYTES                 so many bytes a second pass, each way, of all connections of the line together
 *     cut forward|backward|both       bytes of that way stand still
 *     half-open near|far              that end has gone, and the other is not told
 *     reset                           at once: every connection of the line is reset, at both ends
 *     restore                         as it was at the start: none of these is in force
 *
 * Who connects to the line is its near end, who is connected to from it its far end. Forward is from near to far.
 * docs/network-faults.md says what each does, to the byte.
 */
#ifndef ESE_PROXY_CONDITION_H
#define ESE_PROXY_CONDITION_H

#include <stdbool.h>
#include <stdint.h>

#include "ese-core/error.h"

/* A way is numbered as the end that it comes from. */
enum ese_proxy_way { ESE_PROXY_FORWARD, ESE_PROXY_BACKWARD, ESE_PROXY_WAYS };
enum ese_proxy_end { ESE_PROXY_NEAR, ESE_PROXY_FAR, ESE_PROXY_ENDS };

enum ese_proxy_verb {
    ESE_PROXY_LATENCY,
    ESE_PROXY_BANDWIDTH,
    ESE_PROXY_CUT,
    ESE_PROXY_HALF_OPEN,
    ESE_PROXY_RESET,
    ESE_PROXY_RESTORE
};

/* Of the members those that the verb speaks of; the others are 0. */
struct ese_proxy_condition {
    enum ese_proxy_verb verb;
    int64_t latency_ns, jitter_ns;
    int64_t bytes_per_s;
    bool cut[ESE_PROXY_WAYS];
    enum ese_proxy_end gone;
};

#define ESE_PROXY_LATENCY_MOST_MS 60000
#define ESE_PROXY_BANDWIDTH_MOST INT64_C(10000000000)

/* Words are separated by one blank. ESE_E_USAGE says what may stand there. */
int ese_proxy_condition_parse(const char *text, struct ese_proxy_condition *condition, struct ese_error *error);

#endif
