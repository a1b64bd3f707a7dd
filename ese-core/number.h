/*
 * number.h - numbers read strictly from text: whole string, in range, no locale, no sign where min >= 0;
 * by themselves, or with a unit; and those with a fraction.
 */
#ifndef ESE_NUMBER_H
#define ESE_NUMBER_H

#include <stdint.h>

#include "ese-core/error.h"

/* what names the value in the error text ("--rate"). Accepts an optional '-' and decimal digits only. */
int ese_number_parse(const char *text, const char *what, int64_t min, int64_t max, int64_t *value,
                     struct ese_error *error);

/* A unit's name, and how many of the smallest one it is; the list begins with that one, which is 1, and ends with a
 * NULL. */
struct ese_unit {
    const char *name;
    int64_t size;
};

/* "1500ms", "10s": digits, and behind them a unit of these. min, max and value count the smallest one. */
int ese_number_parse_in_units(const char *text, const char *what, const struct ese_unit *units, int64_t min,
                              int64_t max, int64_t *value, struct ese_error *error);

/* A number with a fraction, at the beginning of text: "10", "0.5", ".5", "1e-3", no sign before it; neither
 * hexadecimal, nor inf or nan. end: what stands behind it. -1: there is none, or none that is finite. */
int ese_number_read_decimal(const char *text, const char **end, double *number);

#endif
