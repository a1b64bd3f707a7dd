/*
 * key.h - what decides whether rounds of two runs may stand side by side: how they were measured, and with which
 * binaries.
 */
#ifndef ESE_BENCH_KEY_H
#define ESE_BENCH_KEY_H

#include "orchestration/bench/plan.h"

#define ESE_KEY_SIZE 65 /* a SHA-256 in hexadecimal */

/* chosen: of the rows. Programs that are missing are left away. */
int ese_key_make(const struct ese_plan *plan, const bool *chosen, const struct ese_place *place, char key[ESE_KEY_SIZE],
                 struct ese_error *error);

#endif
