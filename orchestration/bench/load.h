/*
 * load.h - the one generator of load, for all protocols: one thread, one epoll, some connections.
 *
 * Closed loop: each connection has a request under way and sends the next as soon as that is answered: for what a
 * server can take. Open loop: requests are due at even distances, whether or not the server keeps up, and latency runs
 * from when a request was due (never from when it could be sent): for how long it takes at a given rate. Gil Tene,
 * "How NOT to measure latency"; the README of wrk2.
 *
 * First it warms up, then it measures, then it waits for the answers that are still to come. Requests that were due
 * before measuring began count by their answers, but their latency is not told.
 */
#ifndef ESE_BENCH_LOAD_H
#define ESE_BENCH_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "ese-core/error.h"
#include "ese-core/histogram.h"
#include "orchestration/bench/protocol.h"

#define ESE_LOAD_CONNECTIONS 4096 /* one lane each (id.h) */

struct ese_load_shape {
    int connections;
    int batch; /* events a request: in one POST, or pipelined */
    int rate;  /* events a second: open loop; 0: closed */
};

/* Events that may be sent and not yet answered. */
int ese_load_under_way(const struct ese_load_shape *shape);

struct ese_load_options {
    const struct ese_bench_protocol *protocol;
    const char *address; /* "127.0.0.1:80" */
    struct ese_load_shape shape;
    int64_t first_ms, step_ms; /* client_ts of each lane's first event, and to the next (payload.h); 0: stands still */
    int64_t warm_up_ns;
    int64_t measure_ns;
    /* Called on this thread where measuring begins and where it ends; no part of what is measured. May be NULL. */
    void (*mark)(void *context, bool begins);
    /* Of each request that is sent, whose events are the next of the lane; may be NULL. */
    void (*sent)(void *context, uint16_t lane, int events, int64_t due_ns);
    void *context;
};

struct ese_load_result {
    int64_t measured; /* events, answered while it was measured */
    int64_t stored;   /* events, answered right in all this time */
    int64_t wrong;    /* events whose answer was another */
    char wrong_words[64]; /* how the first of these began */
    int64_t began_ns;     /* to be measured */
    int64_t measured_ns;
    int64_t cpu_ns; /* what this thread used while it was measured */
    struct ese_histogram *latency_us;
    struct ese_histogram *late_us; /* open loop: by how much the generator itself was behind its schedule */
};

/* Fails where the server cannot be reached, closes a connection, answers what is no answer, or none for ten seconds;
 * ESE_E_CLOSED when this process is asked to stop. The result is the caller's to clear in any case. */
int ese_load_run(const struct ese_load_options *options, struct ese_load_result *result, struct ese_error *error);
void ese_load_clear(struct ese_load_result *result);

#endif
