/*
 * gateway.h - requests on their way through to Kafka: each is answered when all its events have an
 * outcome.
 *
 *   all stored                    201, server_ts is the record's LogAppendTime
 *   certainly none stored         503, and why: no room, the cluster is away, or it refused
 *   anything else                 504: a retry produces again what has no known outcome
 *
 * Certain is only what is new: a request some of whose events were produced before, or are under
 * way, is never answered 503.
 *
 * What was stored, is in flight or ended unknown is remembered by name (window.h): stored before
 * is answered as before; in flight waits for the outcome of the first; another content under the
 * same name is a conflict; unknown is produced again under the id it had, which is counted. Of an id of ours that was
 * stored long ago only that is remembered: it is answered without a time (server_ts 0), whatever its content is now.
 *
 * Everything is bounded: events in flight, entries remembered. No timer: what has arrived goes out
 * at once, and librdkafka makes batches of what comes while a request to the broker is under way.
 */
#ifndef ESE_KAFKA_GATEWAY_H
#define ESE_KAFKA_GATEWAY_H

#include "ese-core/event_intake.h"
#include "ese-core/metrics.h"
#include "transports/kafka/outlet.h"

struct ese_gateway;

struct ese_gateway_options {
    int most_in_flight;
    int64_t keep_ms;
    int64_t most_kept;
    int64_t most_whole; /* of ids of ours that are stored; older ones are remembered by their place */
    struct ese_metrics *metrics;
    /* False while the cluster is known to be away; then text says why and what to do. Called on
     * the thread of append. */
    bool (*reachable)(void *context, char *text, size_t size);
    void *context;
};

struct ese_gateway *ese_gateway_new(const struct ese_gateway_options *options);

/* Where its events go; before the first append. */
void ese_gateway_connect(struct ese_gateway *gateway, struct ese_outlet *outlet);

/* One thread at a time; answers at once or from the other two. */
void ese_gateway_append(struct ese_gateway *gateway, struct ese_append *append);

/* For the outlet: `context` is the gateway. Whose last event it was is answered by the next call to answer, which needs
 * no more than one for all reports that are there; or by an append that comes before. */
void ese_gateway_delivered(void *context, const struct ese_delivery_report *report);
void ese_gateway_answer(struct ese_gateway *gateway);

int ese_gateway_in_flight(struct ese_gateway *gateway);

/* After every report has come. */
void ese_gateway_free(struct ese_gateway **gateway);

#endif
