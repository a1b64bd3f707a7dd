/*
 * hearing.h - whether a consumer still hears of its cluster.
 *
 * librdkafka tries again by itself and says nothing while it does. What it hands is a sign of life;
 * where none came for a second the cluster is asked, once a second, for its list of brokers. One
 * thread.
 */
#ifndef ESE_KAFKA_HEARING_H
#define ESE_KAFKA_HEARING_H

#include <librdkafka/rdkafka.h>
#include <stdint.h>

struct ese_hearing {
    int64_t sign_ns;    /* when the last one came */
    int64_t ask_due_ns; /* not before this again */
    char why[160];      /* nothing is heard; "" when something is */
};

/* Something came from the cluster. */
void ese_hearing_note(struct ese_hearing *hearing);

/* NULL: it is heard. Else why not, in words, valid until the next call. Waits at most 200 ms, and
 * that only where there is nothing else to do: no sign came for a second. */
const char *ese_hearing_ask(struct ese_hearing *hearing, rd_kafka_t *handle);

#endif
