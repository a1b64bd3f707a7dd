/*
 * reader_cells.h - how the report's table tells what the further readers saw: the one that saw least, or was slowest.
 */
#ifndef ESE_LAB_READER_CELLS_H
#define ESE_LAB_READER_CELLS_H

#include "orchestration/lab/fault_cells.h"

/* Whether there were any. */
ese_fault_cells_shown ese_reader_cells_any;

ese_fault_cell ese_reader_cell_count, ese_reader_cell_missed, ese_reader_cell_again, ese_reader_cell_caught_up;

#endif
