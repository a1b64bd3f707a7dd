/*
 * judged.h - a run's judgement, proved to be the same however many passes it is made in.
 */
#ifndef ESE_TEST_JUDGED_H
#define ESE_TEST_JUDGED_H

#include "orchestration/lab/judgement.h"

/* As ese_judge, whose artifacts must be there: first as the options say, then in two passes, three or seven, in turn
 * from call to call, or as many as the lanes allow for. Fails the test where that comes to something else. */
struct ese_judgement judged(const struct ese_judge_options *options);

/* What the first difference is between two judgements, in words; NULL: there is none, but the number of passes. */
const char *judged_difference(const struct ese_judgement *judgement,
                              const struct ese_judgement *other);

#endif
