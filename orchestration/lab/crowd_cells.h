/*
 * crowd_cells.h - how the report's table tells what a crowd's destinations came to: of the healthy, of those that were
 * ill for a while, and of the one that hangs.
 */
#ifndef ESE_LAB_CROWD_CELLS_H
#define ESE_LAB_CROWD_CELLS_H

#include "orchestration/lab/fault_cells.h"

/* Whether there were any. */
ese_fault_cells_shown ese_crowd_cells_any;

ese_fault_cell ese_crowd_cell_count, ese_crowd_cell_missed, ese_crowd_cell_again, ese_crowd_cell_order,
    ese_crowd_cell_healthy, ese_crowd_cell_healthy_behind, ese_crowd_cell_hung_behind;

#endif
