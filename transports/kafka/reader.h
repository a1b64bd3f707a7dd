/*
 * reader.h - all that the topics hold since a moment, read once.
 *
 * Partitions are assigned, never subscribed to: no group is joined, nothing is committed, and
 * nobody else's reading or writing notices. A reading goes from the offsets of that moment
 * (ListOffsets by timestamp) to the ends as they are when it begins. One thread, but for the
 * cluster.
 */
#ifndef ESE_KAFKA_READER_H
#define ESE_KAFKA_READER_H

#include "ese-core/config.h"
#include "transports/kafka/cluster.h"
#include "transports/kafka/snapshot.h"

struct ese_reader;

/* Does not wait for the cluster; of whether it is there, its owner tells. */
int ese_reader_open(const struct ese_config *config, struct ese_reader **reader,
                    struct ese_error *error);
/* NULL behind the pointer is allowed; nulls it. */
void ese_reader_close(struct ese_reader **reader);

/* As its handle knows it; the reader's. */
const struct ese_cluster *ese_reader_cluster(const struct ese_reader *reader);

struct ese_reading {
    int64_t since_ms; /* Unix time; what was appended before is left out */
    int64_t most;     /* records; where there are more none is read: ESE_E_FULL */
    int timeout_ms;   /* for all of it: ESE_E_TIMEOUT */
    /* Asked time and again. False, with why in text: the reading is given up, ESE_E_CLOSED. */
    bool (*goes_on)(void *context, char *text, size_t size);
    void *context;
    int64_t unreadable; /* filled: records passed over because they are no events */
};

/* Adds the events to the snapshot, and sorts it. */
int ese_reader_read(struct ese_reader *reader, struct ese_reading *reading,
                    struct ese_snapshot *snapshot, struct ese_error *error);

#endif
