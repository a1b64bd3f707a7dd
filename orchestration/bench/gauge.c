#include "orchestration/bench/gauge.h"

#include <unistd.h>

#include "ese-core/clock.h"
#include "orchestration/bench/machine.h"
#include "orchestration/bench/round.h"

void ese_gauge_begin(struct ese_gauge *gauge, pid_t server, const char *directory)
{
    *gauge = (struct ese_gauge){
        .server = server,
        .directory = directory,
        .ours_ns = ese_machine_tree_ns(getpid()),
        .server_ns = server == 0 ? 0 : ese_machine_tree_ns(server),
        .flushes = ese_machine_flushes(directory),
        .busy_ns = ese_machine_busy_ns(),
        .time_ns = ese_clock_monotonic_ns(),
    };
}

void ese_gauge_end(struct ese_gauge *gauge)
{
    int64_t flushes = ese_machine_flushes(gauge->directory);

    gauge->time_ns = ese_clock_monotonic_ns() - gauge->time_ns;
    gauge->busy_ns = ese_machine_busy_ns() - gauge->busy_ns;
    gauge->ours_ns = ese_machine_tree_ns(getpid()) - gauge->ours_ns;
    gauge->server_ns = gauge->server == 0 ? 0 : ese_machine_tree_ns(gauge->server) - gauge->server_ns;
    gauge->flushes = flushes < 0 || gauge->flushes < 0 ? -1 : flushes - gauge->flushes;
}

double ese_gauge_foreign_cores(const struct ese_gauge *gauge)
{
    int64_t foreign_ns = gauge->busy_ns - gauge->ours_ns;

    return foreign_ns <= 0 || gauge->time_ns <= 0 ? 0 : (double)foreign_ns / (double)gauge->time_ns;
}

double ese_gauge_flushes_per_s(const struct ese_gauge *gauge)
{
    return gauge->flushes < 0 ? ESE_ROUND_UNKNOWN
                              : (double)gauge->flushes * (double)ESE_NS_PER_S / (double)gauge->time_ns;
}

double ese_gauge_server_us(const struct ese_gauge *gauge, double events)
{
    return events <= 0 ? 0 : (double)gauge->server_ns / 1000 / events;
}
