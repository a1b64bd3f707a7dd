/*
 * sink.h - a receiver of pushes that takes each at once and does nothing with it: one thread, one epoll.
 *
 * Its subscribers are paths, "/0" to "/127", and what their pushes hold is counted: an event, or as many as
 * X-Event-Count says. Of each the positions (X-Event-Position: the last one's) are held against those before: what is
 * left out, doubled or comes in another order is a gap. The first push of a path may begin anywhere, as at memory
 * durability a stream begins at the microsecond at which it was opened. Whoever posts to "/hang" gets no answer; what
 * is no push to one of these paths ends its connection.
 */
#ifndef ESE_BENCH_SINK_H
#define ESE_BENCH_SINK_H

#include <stdint.h>

#include "ese-core/error.h"

#define ESE_SINK_PATHS 128
#define ESE_SINK_HANG (-1)
#define ESE_SINK_URL_SIZE 64

struct ese_sink;

/* On a port of its own. In any case to be closed. */
int ese_sink_open(struct ese_sink **sink, struct ese_error *error);
void ese_sink_close(struct ese_sink **sink);

/* Of a path, or ESE_SINK_HANG. */
void ese_sink_url(const struct ese_sink *sink, int path, char url[ESE_SINK_URL_SIZE]);

/* So far; any thread. */
int64_t ese_sink_events(const struct ese_sink *sink);  /* that were taken, of all paths */
int64_t ese_sink_gaps(const struct ese_sink *sink);    /* pushes that did not go on where the last one ended */
int64_t ese_sink_hanging(const struct ese_sink *sink); /* requests that were left without an answer */
int64_t ese_sink_cpu_ns(const struct ese_sink *sink);  /* that its thread has used */

#endif
