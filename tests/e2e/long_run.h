/*
 * long_run.h - the artifacts of a run of as many events as one likes, written fast: for what must not grow with
 * them.
 *
 * Persons take turns, five events each at 2,000 a second; of every twentieth turn the first three are key presses,
 * and a mail comes of them. All is as it should be, but for one press in the middle of the run, the third of
 * its turn: the store does not have it, nobody was handed it, and no mail came of it. What the client says of
 * it is the test's to choose.
 */
#ifndef ESE_TEST_LONG_RUN_H
#define ESE_TEST_LONG_RUN_H

#include <stdint.h>

#include "ese-core/history.h"

struct long_run;

struct long_run *long_run_make(int64_t events);
void long_run_free(struct long_run **run);

/* Mails that come, where that press is none of the client's. */
int64_t long_run_mails(const struct long_run *run);
struct ese_id long_run_gap(const struct long_run *run); /* that press */

/* client.history; the one before is gone. */
void long_run_write_client(const struct long_run *run, const char *directory,
                           enum ese_history_kind outcome_of_gap);
/* All else. */
void long_run_write_rest(const struct long_run *run, const char *directory);

#endif
