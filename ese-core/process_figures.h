/*
 * process_figures.h - what Prometheus' own client libraries tell of a process, read from /proc(5).
 *
 * process_cpu_seconds_total, process_resident_memory_bytes, process_open_fds,
 * process_start_time_seconds.
 * https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics
 */
#ifndef ESE_PROCESS_FIGURES_H
#define ESE_PROCESS_FIGURES_H

#include "ese-core/buffer.h"

/* Appends them with their heads. A figure that cannot be read is 0. Any thread. */
void ese_process_figures_render(struct ese_buffer *buffer);

#endif
