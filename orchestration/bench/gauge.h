/*
 * gauge.h - what the machine spent between two moments: the processor time of some, and of all others.
 */
#ifndef ESE_BENCH_GAUGE_H
#define ESE_BENCH_GAUGE_H

#include <stdint.h>
#include <sys/types.h>

struct ese_gauge {
    pid_t server;
    const char *directory; /* on the device in question */
    int64_t time_ns, busy_ns, ours_ns, server_ns, flushes; /* as of the beginning; then what was spent since */
};

/* server: 0 for none. */
void ese_gauge_begin(struct ese_gauge *gauge, pid_t server, const char *directory);
void ese_gauge_end(struct ese_gauge *gauge);

/* What neither this process nor any that descends from it used, in processors. */
double ese_gauge_foreign_cores(const struct ese_gauge *gauge);
/* ESE_ROUND_UNKNOWN where the device does not count. */
double ese_gauge_flushes_per_s(const struct ese_gauge *gauge);
double ese_gauge_server_us(const struct ese_gauge *gauge, double events);

#endif
