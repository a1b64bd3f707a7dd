/*
 * state_probe.h - one number out of a consumer's state file, as a ledger reads it, while the
 * consumer runs; and all that a batch can change in it.
 */
#ifndef ESE_TEST_STATE_PROBE_H
#define ESE_TEST_STATE_PROBE_H

#include <stdint.h>

/* -1 while there is no state file yet, or nothing in it that answers. */
int64_t state_probe_number(const char *path, const char *sql);

/* Positions, what rules keep, repeats and decisions as one text, to be compared and freed. NULL while
 * there is no state file. */
char *state_probe_picture(const char *path);

#endif
