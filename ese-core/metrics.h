/*
 * metrics.h - what a process tells Prometheus (text exposition format 0.0.4).
 *
 * A registry holds counters, gauges and histograms by name and labels. Making one is for start-up
 * (it locks); counting is lock-free and for any thread, except histograms, which lock shortly.
 * A family's help and type are written once. Process figures (process_cpu_seconds_total,
 * process_resident_memory_bytes, process_open_fds, process_start_time_seconds) are added by render.
 */
#ifndef ESE_METRICS_H
#define ESE_METRICS_H

#include <stdint.h>

#include "ese-core/buffer.h"

struct ese_metrics;
struct ese_metric;

struct ese_metrics *ese_metrics_new(void);
void ese_metrics_free(struct ese_metrics **metrics); /* frees its metrics too */

/* labels: "route=\"/event\",status=\"201\"" without braces, or NULL. All texts are kept as copies.
 * The same name and labels give the same metric again. At most 1,024 a registry (assert). */
struct ese_metric *ese_metrics_counter(struct ese_metrics *metrics, const char *name,
                                       const char *labels, const char *help);
struct ese_metric *ese_metrics_gauge(struct ese_metrics *metrics, const char *name,
                                     const char *labels, const char *help);
/* Seconds, in buckets 0.0001 0.00025 0.0005 0.001 0.0025 ... 10. */
struct ese_metric *ese_metrics_seconds(struct ese_metrics *metrics, const char *name,
                                       const char *labels, const char *help);

/* It is told no more, and freed; nobody may use it any longer. Unknown ones and NULL are ignored. */
void ese_metrics_forget(struct ese_metrics *metrics, struct ese_metric *metric);

void ese_metric_add(struct ese_metric *metric, int64_t amount);   /* counters and gauges */
void ese_metric_set(struct ese_metric *metric, int64_t value);    /* gauges */
int64_t ese_metric_value(const struct ese_metric *metric);
void ese_metric_observe_us(struct ese_metric *metric, int64_t microseconds); /* seconds */

void ese_metrics_render(struct ese_metrics *metrics, struct ese_buffer *buffer);

#endif
