/*
 * fault_cells.h - the rows of the report on who was away in a fault, and how long it took until all was well
 * again. Where a transport has no such part, its cell says that the step was passed over.
 */
#ifndef ESE_LAB_FAULT_CELLS_H
#define ESE_LAB_FAULT_CELLS_H

#include "orchestration/lab/results.h"

#define ESE_FAULT_CELL_SIZE 64

typedef void ese_fault_cell(const struct ese_results_transport *transport, char text[ESE_FAULT_CELL_SIZE]);

/* From death to return: "2.00 s". Of a server in the fault's sense it is the first of its parties; of consumers, also
 * while they stood still, each absence: "10.00 s, 10.00 s". */
ese_fault_cell ese_fault_cell_server, ese_fault_cell_consumer, ese_fault_cell_mailer;
/* Of struct ese_recovery (judgement.h): a time, "never", or "-" where nothing of it was struck. */
ese_fault_cell ese_fault_cell_acknowledges, ese_fault_cell_reads, ese_fault_cell_backlog,
    ese_fault_cell_gone;
/* And of struct ese_lag_curve: until less waited than comes in a second. */
ese_fault_cell ese_fault_cell_caught_up;

/* Whether such a row says anything: on any transport the part was struck, or was meant to be. */
typedef bool ese_fault_cells_shown(const struct ese_results *results);

ese_fault_cells_shown ese_fault_cells_server, ese_fault_cells_consumer, ese_fault_cells_mailer;
ese_fault_cells_shown ese_fault_cells_events;  /* server or consumer */
ese_fault_cells_shown ese_fault_cells_restart; /* a consumer came back */
ese_fault_cells_shown ese_fault_cells_any;

#endif
