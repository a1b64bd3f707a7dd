#include "orchestration/bench/delivery.h"

#include <stdint.h>

#include "ese-core/clock.h"
#include "ese-core/service.h"

#define PAUSE_NS (ESE_NS_PER_MS)
#define PATIENCE_NS (10 * ESE_NS_PER_S)

void ese_delivery_begin(struct ese_delivery *delivery)
{
    ese_gauge_begin(&delivery->gauge, delivery->child->pid, delivery->directory);
    delivery->sink_ns = ese_sink_cpu_ns(delivery->sink);
    delivery->events = ese_sink_events(delivery->sink);
    delivery->began_ns = ese_clock_monotonic_ns();
}

void ese_delivery_end(struct ese_delivery *delivery, struct ese_round *round)
{
    double span_ns = (double)(ese_clock_monotonic_ns() - delivery->began_ns);
    double events = (double)(ese_sink_events(delivery->sink) - delivery->events);

    ese_gauge_end(&delivery->gauge);
    *round = (struct ese_round){
        .rate = events * 1e9 / span_ns,
        .load_cores = (double)(ese_sink_cpu_ns(delivery->sink) - delivery->sink_ns) / span_ns,
        .server_us = ese_gauge_server_us(&delivery->gauge, events),
        .foreign_cores = ese_gauge_foreign_cores(&delivery->gauge),
        .flushes_per_s = ese_gauge_flushes_per_s(&delivery->gauge),
        .syncs_per_s = ESE_ROUND_UNKNOWN,
        .commits_per_s = ESE_ROUND_UNKNOWN,
        .all_there = true,
    };
}

/* Until so many have come, or the time is over. */
static int wait_for(const struct ese_delivery *delivery, int64_t events, int64_t until_ns, struct ese_error *error)
{
    int64_t heard_ns = ese_clock_monotonic_ns(), come = ese_sink_events(delivery->sink), now_ns = heard_ns;

    while (come < events && now_ns < until_ns) {
        if (ese_service_stopping())
            return ese_fail(error, ESE_E_CLOSED, "was asked to stop");
        if (now_ns > heard_ns + PATIENCE_NS || !ese_child_running(delivery->child, NULL))
            return ese_child_complain(delivery->child, "pushes no more", error);
        ese_clock_sleep_until(now_ns + PAUSE_NS);
        int64_t before = come;
        come = ese_sink_events(delivery->sink);
        now_ns = ese_clock_monotonic_ns();
        heard_ns = come > before ? now_ns : heard_ns;
    }
    return 0;
}

int ese_delivery_measure(struct ese_delivery *delivery, struct ese_round *round, struct ese_error *error)
{
    int64_t total = delivery->total;

    if (wait_for(delivery, 1, INT64_MAX, error) != 0 ||
        wait_for(delivery, total / 10, ese_clock_monotonic_ns() + delivery->stint->warm_up_ns, error) != 0)
        return -1;
    ese_delivery_begin(delivery);
    int status = wait_for(delivery, total - total / 20, delivery->began_ns + delivery->stint->measure_ns, error);
    ese_delivery_end(delivery, round);
    return status;
}
