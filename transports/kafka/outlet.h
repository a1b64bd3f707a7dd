/*
 * outlet.h - events go out to the brokers here, and their delivery reports come back.
 *
 * Idempotent, acks=all, partitioned by key as the Java client does it (murmur2). librdkafka itself
 * sends again until message.timeout.ms is over; nobody above it ever does. `put` may be called
 * from any thread, reports come only from inside poll, flush and close.
 */
#ifndef ESE_KAFKA_OUTLET_H
#define ESE_KAFKA_OUTLET_H

#include <stdbool.h>

#include "ese-core/config.h"
#include "ese-core/event.h"
#include "transports/kafka/partition.h"

struct ese_cluster;
struct ese_outlet;

enum ese_delivery_result {
    ESE_DELIVERED,
    ESE_DELIVERY_NOT_SENT, /* certainly not stored: it never got to a broker */
    ESE_DELIVERY_REFUSED,  /* certainly not stored: the broker said no */
    ESE_DELIVERY_UNKNOWN   /* perhaps stored */
};

struct ese_delivery_report {
    void *token; /* as given to put */
    const char *topic;    /* by name */
    enum ese_delivery_result result;
    int32_t partition;    /* code of partition.h, and offset: where delivered; else -1 */
    int64_t offset;
    int64_t timestamp_ms; /* LogAppendTime, or -1 */
    const char *reason;   /* in words; "" when delivered */
};

struct ese_outlet_options {
    struct ese_topic_range topics;
    int64_t timeout_ms; /* message.timeout.ms */
    const char *linger_ms;
    const char *requests; /* on their way to a broker at most: max.in.flight.requests.per.connection, 1 to 5 */
    int most_records;   /* held at most */
    bool keeps_headers; /* tokens begin with a struct ese_outlet_kept; none has two records under way */
    bool is_watched;    /* the owner asks and tells whether the cluster is there: not said twice */
    void (*delivered)(void *context, const struct ese_delivery_report *report);
    void *context;
};

/* A record's list of headers, which is not made anew for each: it takes longer to make than all else of a record.
 * Where the options say so it is what each token begins with, zeroed at first. */
struct ese_outlet_kept {
    void *headers; /* librdkafka's; NULL: none */
    bool is_lent;  /* to the record under way */
    int topic;     /* whose type they name */
};
void ese_outlet_kept_free(struct ese_outlet_kept *kept);

/* Does not wait for the cluster. */
int ese_outlet_open(const struct ese_config *config, const struct ese_outlet_options *options,
                    struct ese_outlet **outlet, struct ese_error *error);

/* Takes a copy. ESE_E_FULL when librdkafka's queue is full. */
int ese_outlet_put(struct ese_outlet *outlet, const struct ese_event *event, void *token,
                   struct ese_error *error);

/* Waits at most timeout_ms for reports. */
void ese_outlet_poll(struct ese_outlet *outlet, int timeout_ms);

/* Waits at most timeout_ms for all of them; then gives up on the rest, which is reported too. */
void ese_outlet_flush(struct ese_outlet *outlet, int timeout_ms);

/* As its producer knows it; the outlet's. */
const struct ese_cluster *ese_outlet_cluster(const struct ese_outlet *outlet);

/* Without further reports. NULL behind the pointer is allowed; nulls it. */
void ese_outlet_close(struct ese_outlet **outlet);

#endif
