/*
 * protocol.h - how a server is spoken to under load: what a request of some events looks like, and where its answers
 * end.
 */
#ifndef ESE_BENCH_PROTOCOL_H
#define ESE_BENCH_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "ese-core/buffer.h"
#include "orchestration/bench/payload.h"

/* The bytes of a request, whose events are numbered anew each time it is sent. */
struct ese_bench_request {
    struct ese_buffer bytes;
    size_t *events; /* where each begins */
    size_t key;     /* where the first one's id stands once more, as the key of a repeat; 0: nowhere */
    int count;
    int answers; /* that many come for it */
};

/* What was found at the beginning of some bytes. */
struct ese_bench_answer {
    size_t length; /* of the answer; may be more than is there yet */
    bool right;    /* it says that all was stored */
};

struct ese_bench_protocol {
    const char *name;
    /* Appends a request of `count` events to a server at host ("127.0.0.1:80"), ese_bench_request_event for each. */
    void (*write)(struct ese_bench_request *request, const char *host, const struct ese_payload *payload, int count);
    int (*answers)(int count);
    /* 1: an answer begins there, whose length is known; 0: more bytes are needed to tell; -1: this is none. */
    int (*read)(const char *bytes, size_t length, struct ese_bench_answer *answer);
};

extern const struct ese_bench_protocol ese_bench_http; /* POST /event, or /events of many; keep-alive */
extern const struct ese_bench_protocol ese_bench_webhook; /* POST /streams/NAME, of one; every other lane has the other
                                                           * of two streams, and each event its Idempotency-Key */
extern const struct ese_bench_protocol ese_bench_resp; /* Redis: an XADD an event, pipelined; RESP2 */

void ese_bench_request_make(struct ese_bench_request *request, const struct ese_bench_protocol *protocol,
                            const char *host, const struct ese_payload *payload, int count);
void ese_bench_request_clear(struct ese_bench_request *request);

/* For write: appends an event's bytes and notes where. */
void ese_bench_request_event(struct ese_bench_request *request, const struct ese_payload *payload);

/* Likewise: appends the id that such an event has. */
void ese_bench_request_key(struct ese_bench_request *request, const struct ese_payload *payload);

/* Gives its events the numbers from `first` on. */
void ese_bench_request_number(struct ese_bench_request *request, const struct ese_payload *payload, uint32_t first);

#endif
