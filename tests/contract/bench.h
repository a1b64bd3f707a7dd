/*
 * bench.h - one transport on the test bench: a place, a journey of events through it, its two ends.
 *
 * Everything here asserts what every transport owes at every moment (an outcome is for a pending
 * event, a batch is within its bounds, offsets rise); what a test wants beyond that it checks
 * itself.
 */
#ifndef ESE_BENCH_H
#define ESE_BENCH_H

#include "tests/contract/journey.h"
#include "tests/contract/rig.h"

#define ESE_BENCH_PARTITIONS 16
#define ESE_BENCH_PATIENCE_MS 60000 /* for what must come: a bound for a broken transport */

struct ese_bench {
    const char *specification;
    const struct ese_transport *transport;
    struct ese_rig_place *place;
    struct ese_journey *journey;

    struct ese_config *produce_config;
    struct ese_producer *producer;

    struct ese_config *consume_config;
    struct ese_consumer *consumer;
    int64_t from;                        /* where partitions begin that have no position yet */
    struct ese_bench_partition {
        int32_t number;
        bool held;
        int64_t next; /* behind the last record handed; -3 before the first */
    } partitions[ESE_BENCH_PARTITIONS];
    int partition_count;
    bool at_end, away;                   /* as the last batch said, */
    int64_t end_ns;                      /* and of which moment; monotonic */
    int unreadable;
};

/* Starts a place at this level and begins a journey over so many lanes. Skips the test where a part
 * of the environment is missing. */
struct ese_bench *ese_bench_open(const char *specification, enum ese_durability durability,
                                 int lanes);
void ese_bench_close(struct ese_bench **bench);

/* The configuration of a face, as a binary would make it. */
struct ese_config *ese_bench_config(const struct ese_bench *bench, enum ese_face face, bool wrong);

void ese_bench_open_producer(struct ese_bench *bench, int inflight, int64_t retry_deadline_ms);
/* Sends one event of so many keys, polling while there is no room. */
void ese_bench_send(struct ese_bench *bench, int keys);
void ese_bench_poll(struct ese_bench *bench, int timeout_ms);
/* Polls until nothing is pending. */
void ese_bench_flush(struct ese_bench *bench);

/* Goes on where the bench has read to before (`next`), else at `from`. */
void ese_bench_open_consumer(struct ese_bench *bench, int max_batch);
void ese_bench_close_consumer(struct ese_bench *bench);
void ese_bench_forget_positions(struct ese_bench *bench);
/* Takes the next batch and notes it; of its records at most `most` (what follows is as if never
 * handed). Returns how many it took. */
int ese_bench_read(struct ese_bench *bench, int timeout_ms, int most);
/* How many acknowledged events are still to be handed: none of a transport that may lose them. */
int ese_bench_awaited(const struct ese_bench *bench);
/* Reads until every acknowledged event was handed and a batch said that this is the end. */
void ese_bench_read_all(struct ese_bench *bench);
/* Reads until a batch said that this is the end, of a moment after this call began. */
void ese_bench_read_to_end(struct ese_bench *bench);

/* Fails the test with what a check has found. */
#define ESE_BENCH_GOOD(check)                                                                     \
    do {                                                                                          \
        const char *found_wrong = (check);                                                        \
        if (found_wrong != NULL)                                                                  \
            fail_msg("%s", found_wrong);                                                          \
    } while (0)

#endif
