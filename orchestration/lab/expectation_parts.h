/*
 * expectation_parts.h - what an expectation is made of, for the two files that know it: expectation.c reads and looks,
 * expectation_check.c says whether it could hold at all. One thread.
 */
#ifndef ESE_LAB_EXPECTATION_PARTS_H
#define ESE_LAB_EXPECTATION_PARTS_H

#include <stdint.h>

#include "orchestration/lab/expectation.h"

#define ESE_EXPECTATION_EACH ".*." /* of an array, in a figure's path */

enum ese_comparison_sign { EQUAL, UNEQUAL, LESS, AT_MOST, MORE, AT_LEAST, COMPARISONS };

struct ese_expectation {
    char *text;   /* what the others point into */
    char *claim;  /* as it was written */
    char *who, *member, *value, *reason;
    char *other;  /* whose member the value is; NULL: of the same transport */
    enum ese_comparison_sign comparison;
    double factor; /* of a member */
    double number;
    enum { NUMBER, WORD, MEMBER } kind; /* of the value */
};

/* "ledger.lost_by.clash", "readers.0.missed": what lies there, or NULL. element: of an array, by what stands for it. */
const struct json_t *ese_expectation_walk(const struct json_t *value, const char *path,
                                          const struct json_t *(*element)(const struct json_t *array,
                                                                          const char *name));
/* Whether the name of an element is one: its number, from 0 on. */
bool ese_expectation_is_index(const char *name, int64_t *index);

#endif
