/*
 * number.h - numbers read strictly from text: whole string, in range, no locale, no sign where min >= 0.
 */
#ifndef ESE_NUMBER_H
#define ESE_NUMBER_H

#include <stdint.h>

#include "ese-core/error.h"

/* what names the value in the error text ("--rate"). Accepts an optional '-' and decimal digits only. */
int ese_number_parse(const char *text, const char *what, int64_t min, int64_t max, int64_t *value,
                     struct ese_error *error);

#endif
