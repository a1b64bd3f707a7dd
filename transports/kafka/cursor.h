/*
 * cursor.h - where a reader of GET /events?after= stands in the topics: one offset for each
 * partition of all topics of events, as text that only servers understand.
 *
 * A version, the offsets, and a check over both and over the cluster and the topics they belong to,
 * in hexadecimal: so that a cursor that was cut short, mistyped, made up, or handed out for another
 * cluster is refused, and not taken for some other place. It needs nothing that a server remembers.
 */
#ifndef ESE_KAFKA_CURSOR_H
#define ESE_KAFKA_CURSOR_H

#include "ese-core/buffer.h"
#include "ese-core/error.h"
#include "transports/kafka/partition.h"

#define ESE_CURSOR_PARTITIONS 256 /* of all topics */

/* In order of their codes (partition.h): of each topic those from 0 on, without gaps. */
struct ese_kafka_cursor {
    int count;
    struct ese_kafka_place {
        int32_t partition;
        int64_t next; /* the offset to read next */
    } places[ESE_CURSOR_PARTITIONS];
};

/* Appends it. origin: what its offsets belong to, in any words. */
void ese_kafka_cursor_text(const struct ese_kafka_cursor *cursor, const char *origin,
                           struct ese_buffer *text);

/* ESE_E_INVALID says what is wrong with it. */
int ese_kafka_cursor_parse(const char *text, const char *origin, struct ese_kafka_cursor *cursor,
                           struct ese_error *error);

#endif
