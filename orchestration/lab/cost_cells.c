#include "orchestration/lab/cost_cells.h"

#include <stdio.h>

#define CELL_SIZE ESE_FAULT_CELL_SIZE
#define EVENTS 1000.0

bool ese_cost_cells_any(const struct ese_results *results)
{
    for (int i = 0; i < results->count; i++) {
        if (results->transports[i].cost.processes != 0)
            return true;
    }
    return false;
}

static void put_bytes(double bytes, char text[CELL_SIZE])
{
    snprintf(text, CELL_SIZE, bytes < 1e7 ? "%.1f MB" : "%.0f MB", bytes / 1e6);
}

void ese_cost_cell_processes(const struct ese_results_transport *transport, char text[CELL_SIZE])
{
    snprintf(text, CELL_SIZE, "%d", transport->cost.processes);
}

void ese_cost_cell_cpu(const struct ese_results_transport *transport, char text[CELL_SIZE])
{
    snprintf(text, CELL_SIZE, "%.1f s", (double)transport->cost.cpu_ns / 1e9);
}

void ese_cost_cell_memory(const struct ese_results_transport *transport, char text[CELL_SIZE])
{
    put_bytes((double)transport->cost.rss_peak_bytes, text);
}

void ese_cost_cell_wire(const struct ese_results_transport *transport, char text[CELL_SIZE])
{
    put_bytes((double)transport->cost.wire_bytes, text);
}

void ese_cost_cell_disk(const struct ese_results_transport *transport, char text[CELL_SIZE])
{
    put_bytes((double)transport->cost.disk_bytes, text);
}

void ese_cost_cell_written(const struct ese_results_transport *transport, char text[CELL_SIZE])
{
    put_bytes((double)transport->cost.disk_written_bytes, text);
}

/* ---- for a thousand -------------------------------------------------------------------------- */

/* -1: of none. */
static double each(const struct ese_results_transport *transport, double all)
{
    double processed = (double)transport->judgement.ledger.processed;
    return processed > 0 ? all / processed * EVENTS : -1;
}

static void put_bytes_each(double bytes, char text[CELL_SIZE])
{
    if (bytes < 0)
        snprintf(text, CELL_SIZE, "-");
    else if (bytes < 1e6)
        snprintf(text, CELL_SIZE, "%.0f kB", bytes / 1e3);
    else
        put_bytes(bytes, text);
}

void ese_cost_cell_cpu_each(const struct ese_results_transport *transport, char text[CELL_SIZE])
{
    double ms = each(transport, (double)transport->cost.cpu_ns / 1e6);
    snprintf(text, CELL_SIZE, ms < 0 ? "-" : "%.0f ms", ms);
}

void ese_cost_cell_wire_each(const struct ese_results_transport *transport, char text[CELL_SIZE])
{
    put_bytes_each(each(transport, (double)transport->cost.wire_bytes), text);
}

void ese_cost_cell_written_each(const struct ese_results_transport *transport, char text[CELL_SIZE])
{
    put_bytes_each(each(transport, (double)transport->cost.disk_written_bytes), text);
}
