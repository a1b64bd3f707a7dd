/*
 * told.h - what a binary of ours tells at /metrics (docs/metrics.md).
 */
#ifndef ESE_BENCH_TOLD_H
#define ESE_BENCH_TOLD_H

#include <stdint.h>

#include "ese-core/error.h"

/* All of it; the caller frees. */
int ese_told_ask(const char *address, char **text, struct ese_error *error);

/* The sum of a metric over its labels; -1 where there is none of the name. `label`: only with it; may be NULL. */
int64_t ese_told_value(const char *text, const char *name, const char *label);

/* Both in one, of a metric without labels. ESE_E_INVALID where it is not told. */
int ese_told_one(const char *address, const char *name, int64_t *value, struct ese_error *error);

#endif
