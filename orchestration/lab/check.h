/*
 * check.h - for whoever wants the verdict of a run repeated, as `ese-lab check` does.
 */
#ifndef ESE_LAB_CHECK_H
#define ESE_LAB_CHECK_H

#include "orchestration/lab/results.h"

/* Judges a transport of a run that is over anew, from its artifacts, into its judgement; transport->look is shown what
 * it is judged by. Where nothing of it can be judged, that is the judgement. ESE_E_INVALID: this program knows no
 * transport of that name. */
int ese_check_again(const char *directory, const struct ese_results *results, struct ese_results_transport *transport,
                    struct ese_error *error);

#endif
