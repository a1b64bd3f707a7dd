/*
 * state_probe.h - one number out of a consumer's state file, as a ledger reads it, while the
 * consumer runs.
 */
#ifndef ESE_TEST_STATE_PROBE_H
#define ESE_TEST_STATE_PROBE_H

#include <stdint.h>

/* -1 while there is no state file yet, or nothing in it that answers. */
int64_t state_probe_number(const char *path, const char *sql);

#endif
