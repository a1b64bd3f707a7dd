/*
 * record.h - an event as a Kafka record, and back.
 *
 *   key      the event's key (the ip, or the orderId): the partition goes by it
 *   value    {"sub_type","ip","client_timestamp":ms,"data":"<JSON text>"}, as the original's
 *   headers  the event as a CloudEvent (Kafka protocol binding 1.0.2, binary content mode):
 *            ce_specversion  1.0
 *            ce_id           } our id, as text: a UUIDv7, from "urn:ese-lab"; or, where the event
 *            ce_source       } came with a name of its own, that: its id, and who gave it
 *            ce_type         the event's type
 *            content-type    application/json
 *            ce_time         of somebody else's: passed over
 *            ese_foreign_id  an id that is not ours where that is no such name: nobody said who
 *                            gave it, or the event has an id that was not made from it
 *            traceparent     W3C Trace Context, where there is one
 *   time     the broker's, at the append (LogAppendTime): server_ts
 *
 * The original's own clients send no key and no header. Their records are told apart by where they
 * are stored: the id is made from topic, partition and offset, the type follows from the topic. A
 * CloudEvent of somebody else has the id that is made from (source, id), whoever brought it here:
 * who sends it twice means one event (CloudEvents 1.0.2, "id"). No librdkafka here, so that this can
 * be tested without.
 */
#ifndef ESE_KAFKA_RECORD_H
#define ESE_KAFKA_RECORD_H

#include <stdbool.h>

#include "ese-core/buffer.h"
#include "ese-core/error.h"
#include "ese-core/event.h"

#define ESE_KAFKA_HEADERS 8
#define ESE_KAFKA_VALUE_LIMIT (1000 * 1000) /* bytes; Kafka's own message.max.bytes */

struct ese_kafka_header {
    const char *name;
    const char *value; /* NULL: not there */
    size_t length;
};

/* Of the usual ones, so many at the end differ from record to record: they tell which event it is. */
#define ESE_KAFKA_HEADERS_OWN 2

/* What travels beside the value. The texts are the event's, but for the id's. */
struct ese_kafka_headers {
    struct ese_kafka_header headers[ESE_KAFKA_HEADERS];
    int count;
    bool is_usual; /* all of them there that an event of our own has, and no others */
    char id[ESE_ID_TEXT_SIZE];
};

/* Appends the value, and fills the headers: valid as long as the event, and where they are. */
void ese_record_write(const struct ese_event *event, struct ese_buffer *value,
                      struct ese_kafka_headers *headers);

/* A record as it was read. */
struct ese_kafka_record {
    int topic; /* index, see partition.h */
    const char *topic_name;
    int32_t partition;
    int64_t offset;
    int64_t timestamp_ms; /* -1: none */
    const char *value;
    size_t length;
    struct ese_kafka_header headers[2 * ESE_KAFKA_HEADERS]; /* those with one of the names above, of
                                                               each the first two */
    int header_count;
};

/* ESE_E_INVALID when the value is no event, or a header that says which one it is is there twice. One
 * that is no good counts as not there. */
int ese_record_read(const struct ese_kafka_record *record, struct ese_event *event,
                    struct ese_error *error);

/* The place of a name among those above; -1: it is none of them. */
int ese_record_header_number(const char *name);

#endif
