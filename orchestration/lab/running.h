/*
 * running.h - a walk that goes on, in one directory (docs/endless-runs.md): which transports it has, and
 * what each has come to.
 *
 *     RUN/<transport>/   its artifacts (artifacts.h)
 *     RUN/mailer/        the mailer's history and outbox, where several transports share it
 *     RUN/watched        which transports are watched (watched.h)
 */
#ifndef ESE_LAB_RUNNING_H
#define ESE_LAB_RUNNING_H

#include "orchestration/lab/fold.h"
#include "orchestration/lab/results.h"

#define ESE_RUNNING_MAILER "mailer"

/* Whether a directory is such a run: ese-lab watch has been there. */
bool ese_running_is(const char *run);

struct ese_running_options {
    const char *run;
    const char *transport; /* its name */
    int64_t until_ns, fold_ns; /* as in fold.h */
};

/* One turn for one transport; name and judgement of `result` are filled, and its durability lowered
 * to what the transport has. */
int ese_running_turn(const struct ese_running_options *options, struct ese_results_transport *result,
                     struct ese_fold_progress *progress, struct ese_error *error);

/* Judges all transports of the run that are watched as of now: waits until what was due before has settled, or
 * nothing has moved for some seconds. One that cannot be judged is untold; those that have books and are not watched
 * any more are only named. Nothing is committed. -1: there is nothing to judge from. */
int ese_running_check(const char *run, struct ese_results *results, struct ese_error *error);

#endif
