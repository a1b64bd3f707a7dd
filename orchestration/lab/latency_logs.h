/*
 * latency_logs.h - a run's latencies over its time, in files that HdrHistogram's own tools read
 * (ese-core/histogram_log.h):
 *
 *     DIR/ack.hlog, DIR/end_to_end.hlog, DIR/mail.hlog
 *
 * In each a line for every interval in which anything was due: a second, or where ESE_LATENCY_INTERVALS of these are
 * not enough, two, four and so on. A latency belongs to the interval in which its event was due. All of them together
 * are what results.json tells percentiles of. Values are microseconds; the maxima that stand beside them in plain text,
 * milliseconds. All passes of a judgement record into the same logs. One thread.
 */
#ifndef ESE_LAB_LATENCY_LOGS_H
#define ESE_LAB_LATENCY_LOGS_H

#include <stdint.h>

#include "ese-core/error.h"

#define ESE_LATENCY_INTERVALS 64

enum ese_latency_log { ESE_LATENCY_ACK, ESE_LATENCY_END_TO_END, ESE_LATENCY_MAIL, ESE_LATENCY_LOGS };

struct ese_latency_logs;

/* from_ns: where the first interval begins. */
struct ese_latency_logs *ese_latency_logs_new(int64_t from_ns);
void ese_latency_logs_free(struct ese_latency_logs **logs);

/* Of an event that was due at due_ns, from_ns or later. */
void ese_latency_logs_record(struct ese_latency_logs *logs, enum ese_latency_log log, int64_t due_ns,
                             int64_t latency_us);
/* What the wall clock is beyond the one of these times. */
void ese_latency_logs_set_wall(struct ese_latency_logs *logs, int64_t wall_offset_ns);

/* what: the transport, for whoever finds the files elsewhere. */
int ese_latency_logs_write(const struct ese_latency_logs *logs, const char *directory, const char *what,
                           struct ese_error *error);

#endif
