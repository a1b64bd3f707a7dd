/*
 * expectation.h - what must hold of a run: one figure of results.json, a comparison, a value.
 *
 *     WHO MEMBER OPERATOR VALUE [-- WHY]
 *
 * docs/scenarios.md has the grammar. Knows nothing of runs but their results.json. One thread.
 */
#ifndef ESE_LAB_EXPECTATION_H
#define ESE_LAB_EXPECTATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ese-core/error.h"

#define ESE_EXPECTATION_PATH_SIZE 160 /* of a figure's place in results.json */

struct json_t;

struct ese_expectation; /* freed with ese_expectation_free, NULL too */

/* ESE_E_USAGE says what is wrong with the text. */
int ese_expectation_read(const char *text, struct ese_expectation **expectation, struct ese_error *error);
void ese_expectation_free(struct ese_expectation **expectation);

/* Where " -- " begins, behind which stands why; NULL: nobody says why. */
const char *ese_expectation_find_reason(const char *text);

/* As it is written: "http,kafka", "ledger.lost = 0", and why it should be so; "" where nobody says. */
const char *ese_expectation_who(const struct ese_expectation *expectation);
const char *ese_expectation_claim(const struct ese_expectation *expectation);
const char *ese_expectation_reason(const struct ese_expectation *expectation);

/* The i-th specification that it names, of those it is about ("all" is none) and of whom it compares with, which is
 * not ended by a NUL. NULL: there are no more. */
const char *ese_expectation_named(const struct ese_expectation *expectation, int i, size_t *length);

/* Whether a name of so many bytes stands for that specification: "log" for all of log's, "log:via=direct" for one. */
bool ese_expectation_is_named(const char *name, size_t length, const char *specification);

/* Whether it is about a transport of this specification. */
bool ese_expectation_is_of(const struct ese_expectation *expectation, const char *specification);

enum ese_expectation_word {
    ESE_EXPECTATION_MET,
    ESE_EXPECTATION_NOT_MET,
    ESE_EXPECTATION_NOT_LOOKED_AT, /* whom it is to be compared with does not take part */
    ESE_EXPECTATION_WITHHELD       /* it is about time, and of that nothing can be told of the run */
};

/* Whether it could hold: a transport has such figures, both those it is about and those it compares them with, as the
 * specimen has (results.h), and of its arrays all elements; and they are of the kind of what they are compared with: a
 * number with a number, and a word with one that the figure can be. ESE_E_USAGE names what cannot be.
 * expectation_check.c. */
int ese_expectation_check(const struct ese_expectation *expectation, const struct json_t *specimen,
                          struct ese_error *error);
/* And whether there are so many readers as it counts ("readers.3.missed"); each reader's ("readers.*.missed") may be
 * asked for where there is none: then it does not hold. */
int ese_expectation_check_readers(const struct ese_expectation *expectation, int64_t readers, struct ese_error *error);

/* Whether it is about time: when, for how long, how much in a second. Beside 0 or -1 it is not: whether at all. */
bool ese_expectation_is_timed(const struct ese_expectation *expectation);

/* Of one transport (an element of `transports`) among all. found: what there is instead, or beside it ("3", or "there
 * is no such figure", which is not met, as little as a figure that was not measured is in any order). */
enum ese_expectation_word ese_expectation_look(const struct ese_expectation *expectation,
                                               const struct json_t *transport, const struct json_t *transports,
                                               char *found, size_t size);

#endif
