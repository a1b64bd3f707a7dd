/*
 * cost_cells.h - how the report's table tells what a transport's run cost: in all, and for a thousand events.
 */
#ifndef ESE_LAB_COST_CELLS_H
#define ESE_LAB_COST_CELLS_H

#include "orchestration/lab/fault_cells.h"

/* Of a walk that others started nobody knows what it costs. */
ese_fault_cells_shown ese_cost_cells_any;

ese_fault_cell ese_cost_cell_processes, ese_cost_cell_cpu, ese_cost_cell_memory, ese_cost_cell_wire,
    ese_cost_cell_disk, ese_cost_cell_written;
/* For 1,000 events that were processed; "-" where none was. */
ese_fault_cell ese_cost_cell_cpu_each, ese_cost_cell_wire_each, ese_cost_cell_written_each;

#endif
