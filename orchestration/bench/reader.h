/*
 * reader.h - somebody who reads events as they are stored, and notes when each has come to him.
 *
 * He is started beside whoever stores, before that is loaded, and notes by himself, in a process or a thread of his
 * own. What he has noted is taken over behind the load, so that taking it is no part of what is measured.
 */
#ifndef ESE_BENCH_READER_H
#define ESE_BENCH_READER_H

#include "orchestration/bench/contender.h"
#include "orchestration/bench/dues.h"

struct ese_bench_reading; /* each reader's own */

struct ese_bench_reader {
    /* At a server's or a broker's address. Returns once he waits for what comes: nothing that is stored from then on
     * passes him by. */
    int (*start)(struct ese_place *place, const struct ese_stint *stint, const char *address,
                 struct ese_bench_reading **reading, struct ese_error *error);
    /* Tells dues of what has come until nothing is missing, or has come for some seconds. */
    int (*follow)(struct ese_bench_reading *reading, struct ese_dues *dues, struct ese_error *error);
    /* NULL behind the pointer is allowed; nulls it. */
    void (*stop)(struct ese_bench_reading **reading);
};

extern const struct ese_bench_reader ese_bench_reader_http;  /* ese-consumer, by long poll: when its rule had it */
extern const struct ese_bench_reader ese_bench_reader_kafka; /* ese-consumer, in a group: likewise */
extern const struct ese_bench_reader ese_bench_reader_redis; /* XREAD BLOCK: when the answer with it was there */

/* What dues say of a round: its latency; and that it does not count where something has not come. */
void ese_bench_reader_tell(const struct ese_dues *dues, struct ese_round *round);

#endif
