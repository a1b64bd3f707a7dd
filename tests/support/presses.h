/*
 * presses.h - events of a seed, and the decisions that have to follow from them: a rule as naive as
 * can be, which shares nothing with ese-consumer's.
 *
 * Events of any of some keys, mostly key presses, now and then after a pause of five seconds. Every
 * fiftieth comes twice, at once or after others of its lane, as retries do. None carries data:
 * there is nothing to clear.
 */
#ifndef ESE_TEST_PRESSES_H
#define ESE_TEST_PRESSES_H

#include "ese-core/event.h"
#include "tests/support/fake_mailer.h"

#define PRESSES_LANES 8 /* from 0 on */
#define PRESSES_RUN 7

struct presses;

struct presses *presses_new(int64_t from_ms); /* the time of the first */
void presses_free(struct presses **presses);  /* NULL behind the pointer is allowed */

struct ese_event presses_next(struct presses *presses);

/* Of what `next` has given. */
int64_t presses_distinct(const struct presses *presses);
int64_t presses_repeated(const struct presses *presses);
int presses_decisions(const struct presses *presses);

/* The state file holds exactly the decisions that have to follow, each answered, and the mailer has
 * each of them and no other. Fails the test otherwise. */
void presses_check_decisions(const struct presses *presses, const char *state_path,
                             struct fake_mailer *mailer);

#endif
