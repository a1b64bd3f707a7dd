/*
 * reader.h - reads the topics of events beside everybody else.
 *
 * Partitions are taken up by hand, never subscribed to: no group is joined, nothing is committed,
 * and nobody else's reading or writing notices. Asking is for any thread, reading for one.
 */
#ifndef ESE_KAFKA_READER_H
#define ESE_KAFKA_READER_H

#include "ese-core/config.h"
#include "transports/kafka/cluster.h"
#include "transports/kafka/cursor.h"
#include "transports/kafka/view.h"

struct ese_reader;

/* Does not wait for the cluster; of whether it is there, its owner tells. */
int ese_reader_open(const struct ese_config *config, struct ese_reader **reader,
                    struct ese_error *error);
/* One more, with connections of its own. */
int ese_reader_open_another(const struct ese_reader *reader, struct ese_reader **another,
                            struct ese_error *error);
/* NULL behind the pointer is allowed; nulls it. */
void ese_reader_close(struct ese_reader **reader);

/* ---- asking -------------------------------------------------------------------------------- */

/* As its handle knows it; the reader's. */
const struct ese_cluster *ese_reader_cluster(const struct ese_reader *reader);

/* What offsets belong to: cluster and topics, in words; allocated. NULL: it is not told. */
char *ese_reader_origin(const struct ese_reader *reader);

/* How many partitions the topic has; 0: it is not told just now. */
int ese_reader_count(const struct ese_reader *reader, int topic);

/* Fills each place with the offset of the first record of that Unix time (in ms) or later, or -1
 * where there is none; RD_KAFKA_OFFSET_BEGINNING and _END ask for these. Tries again, as a
 * partition may be changing its leader. */
int ese_reader_ask(const struct ese_reader *reader, int64_t time, struct ese_kafka_cursor *places,
                   const struct ese_view_patience *patience, struct ese_error *error);

/* ---- reading ------------------------------------------------------------------------------- */

enum ese_reader_news {
    ESE_READER_NOTHING,
    ESE_READER_RECORD,
    ESE_READER_END, /* of the partition, at the offset: there is nothing in front of it any more */
    ESE_READER_LOST /* the partition's log has no such place (any more) */
};

struct ese_reader_record {
    int32_t partition;
    int64_t offset;
    bool is_event;                 /* else the record is none, */
    const struct ese_event *event; /* which is the reader's, valid until the next call */
};

/* From now on it reads these, from there on, and nothing else. */
int ese_reader_take_up(struct ese_reader *reader, const struct ese_kafka_cursor *places,
                       struct ese_error *error);

/* Waits at most timeout_ms. Of each partition the records come in order. */
enum ese_reader_news ese_reader_next(struct ese_reader *reader, int timeout_ms,
                                     struct ese_reader_record *record);

#endif
