#include "orchestration/lab/reader_cells.h"

#include <inttypes.h>
#include <stdio.h>

bool ese_reader_cells_any(const struct ese_results *results)
{
    for (int i = 0; i < results->count; i++) {
        if (results->transports[i].reader_count > 0)
            return true;
    }
    return false;
}

void ese_reader_cell_count(const struct ese_results_transport *transport, char text[ESE_FAULT_CELL_SIZE])
{
    snprintf(text, ESE_FAULT_CELL_SIZE, "%d", transport->reader_count);
}

void ese_reader_cell_missed(const struct ese_results_transport *transport, char text[ESE_FAULT_CELL_SIZE])
{
    int64_t most = 0;
    for (int i = 0; i < transport->reader_count; i++)
        most = transport->readers[i].missed > most ? transport->readers[i].missed : most;
    snprintf(text, ESE_FAULT_CELL_SIZE, "%" PRId64, most);
}

void ese_reader_cell_again(const struct ese_results_transport *transport, char text[ESE_FAULT_CELL_SIZE])
{
    int64_t sum = 0;
    for (int i = 0; i < transport->reader_count; i++)
        sum += transport->readers[i].again;
    snprintf(text, ESE_FAULT_CELL_SIZE, "%" PRId64, sum);
}

void ese_reader_cell_caught_up(const struct ese_results_transport *transport, char text[ESE_FAULT_CELL_SIZE])
{
    int64_t slowest_us = 0;
    bool all = transport->reader_count > 0;
    for (int i = 0; i < transport->reader_count; i++) {
        int64_t us = transport->readers[i].caught_up_us;
        all = all && us >= 0;
        slowest_us = us > slowest_us ? us : slowest_us;
    }
    if (all)
        snprintf(text, ESE_FAULT_CELL_SIZE, "%.2f s", (double)slowest_us / 1e6);
    else
        snprintf(text, ESE_FAULT_CELL_SIZE, "never");
}
