/*
 * retention.h - a length of time as a person writes it: "600", "600s", "10m", "2h", "7d".
 */
#ifndef ESE_RETENTION_H
#define ESE_RETENTION_H

#include <stdint.h>

#include "ese-core/error.h"

/* Whole seconds where no unit is given; from one second to ten years. */
int ese_retention_parse(const char *text, int64_t *retention_ms, struct ese_error *error);

#endif
