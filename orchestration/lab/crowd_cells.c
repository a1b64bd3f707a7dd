#include "orchestration/lab/crowd_cells.h"

#include <inttypes.h>
#include <stdio.h>

bool ese_crowd_cells_any(const struct ese_results *results)
{
    return results->destinations > 0;
}

static void put(int64_t number, char text[ESE_FAULT_CELL_SIZE])
{
    snprintf(text, ESE_FAULT_CELL_SIZE, "%" PRId64, number);
}

void ese_crowd_cell_count(const struct ese_results_transport *transport, char text[ESE_FAULT_CELL_SIZE])
{
    const struct ese_crowd_sum *of = transport->crowd.of;
    int count = transport->crowd.all.count + of[ESE_CROWD_HUNG].count;
    snprintf(text, ESE_FAULT_CELL_SIZE, "%d / %d", count, count - of[ESE_CROWD_HEALTHY].count);
}

void ese_crowd_cell_missed(const struct ese_results_transport *transport, char text[ESE_FAULT_CELL_SIZE])
{
    put(transport->crowd.all.missed, text);
}

void ese_crowd_cell_again(const struct ese_results_transport *transport, char text[ESE_FAULT_CELL_SIZE])
{
    put(transport->crowd.all.again, text);
}

void ese_crowd_cell_order(const struct ese_results_transport *transport, char text[ESE_FAULT_CELL_SIZE])
{
    put(transport->crowd.all.out_of_order, text);
}

void ese_crowd_cell_healthy(const struct ese_results_transport *transport, char text[ESE_FAULT_CELL_SIZE])
{
    const struct ese_latency *latency = &transport->crowd.of[ESE_CROWD_HEALTHY].latency;
    if (latency->count == 0)
        snprintf(text, ESE_FAULT_CELL_SIZE, "-");
    else
        snprintf(text, ESE_FAULT_CELL_SIZE, "%.1f / %.1f ms", (double)latency->p50_us / 1000.0,
                 (double)latency->p99_us / 1000.0);
}

void ese_crowd_cell_healthy_behind(const struct ese_results_transport *transport, char text[ESE_FAULT_CELL_SIZE])
{
    put(transport->crowd.of[ESE_CROWD_HEALTHY].behind, text);
}

void ese_crowd_cell_hung_behind(const struct ese_results_transport *transport, char text[ESE_FAULT_CELL_SIZE])
{
    const struct ese_crowd_sum *hung = &transport->crowd.of[ESE_CROWD_HUNG];
    if (hung->count == 0)
        snprintf(text, ESE_FAULT_CELL_SIZE, "-");
    else
        put(hung->behind, text);
}
