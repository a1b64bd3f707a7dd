/*
 * client.h - the open loop: an event is offered when it is due, whatever became of those before it.
 *
 * Per event, in this order: noted as offered, noted as sent, sent. What does not fit into the
 * transport's bounded buffers is `not_sent` at once, never a hidden delay; only a source without a
 * schedule (source.h, at_once) waits for room. Latency runs from the due time.
 *
 * Events are due by the monotonic clock. client_ts is the same moment by the wall clock, to which
 * transports compare it (the retry deadline runs from it) and consumers (event time). So where the
 * wall clock is set, by more than a tenth of a second, the client_ts of what is offered afterwards
 * go along, forward or back, and the log says so; the schedule stays.
 */
#ifndef ESE_CLIENT_H
#define ESE_CLIENT_H

#include <stdint.h>

#include "ese-client/lanes.h"
#include "ese-client/progress.h"
#include "ese-client/source.h"
#include "ese-client/vitals.h"
#include "ese-core/history.h"
#include "transports/transport.h"

#define ESE_CLIENT_LATE_NS (5 * INT64_C(1000000))

/* Everything is borrowed. */
struct ese_client {
    struct ese_source *source;
    const struct ese_produce_face *produce;
    struct ese_producer *producer;
    struct ese_history *history;
    struct ese_lanes *lanes;
    struct ese_progress *progress;
    struct ese_vitals *vitals;
    struct ese_produce_settings settings; /* as given to the producer's open */
    int64_t
        start_at_ms; /* Unix time at which the schedule begins; what is over is skipped. 0: now */
    int64_t duration_ns; /* events due later are not offered; 0: no such end */
    int64_t count;       /* the schedule ends behind so many events; 0: no such end */
    size_t payload_bytes; /* see padding.h */
    int64_t poison_every; /* each so manieth of the schedule is poison.h's; 0: none */
    int64_t resend_every; /* each so manieth that was sent is sent again (again.h); 0: none */
};

/* Runs until the source, duration or count ends and nothing is pending, or until a stop is asked
 * for (ese_service_stopping): then waits two seconds at most for what is pending. What has no
 * outcome even then is unknown. totals->latency_us must be there. -1 when the source cannot go on
 * or the transport refuses for good: totals are filled in that case too. */
int ese_client_run(const struct ese_client *client, struct ese_totals *totals,
                   struct ese_error *error);

#endif
