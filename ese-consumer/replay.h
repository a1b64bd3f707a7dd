/*
 * replay.h - dead letters are handed to the rules once more: the chosen ones as one batch, in the
 * order in which they were passed over, on state of its own.
 *
 * That state begins empty, and nothing is left of it: what rules keep of a key is neither seen nor
 * changed. As nothing comes behind the batch, event time has passed all of it in the end: an order
 * that it has created and not completed is a stuck one.
 *
 * All of it is one transaction: the decisions are added, and the letters settled, or nothing is, as
 * where a rule fails again. Decisions are brought to the mailer by whoever owns the partition of the
 * first letter, be it now or later. A consumer may be at work meanwhile.
 */
#ifndef ESE_REPLAY_H
#define ESE_REPLAY_H

#include "ese-consumer/rule.h"
#include "ese-consumer/state.h"

#define ESE_REPLAY_MOST 10000 /* letters */

struct ese_replay_choice {
    const int64_t *numbers; /* ascending; NULL: all that are events, and not settled */
    int count;
};

struct ese_replay_result {
    int64_t number; /* of the replay; 0: there was nothing to replay */
    int letters;
    int decisions; /* that are new */
};

/* transport: the name of the state's. ESE_E_USAGE names a letter that is none, is settled or is no
 * event. */
int ese_replay(struct ese_state *state, const char *transport, const struct ese_rules *rules,
               const struct ese_replay_choice *choice, struct ese_replay_result *result,
               struct ese_error *error);

#endif
