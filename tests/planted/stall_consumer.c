/* A consumer that stands still right before it commits a decision. */
#include "ese-consumer/decisions.h"
#include "ese-consumer/state.h"
#include "tests/planted/stall.h"

static _Thread_local bool has_decided; /* in this transaction; the sender's thread has others */

int __real_ese_decisions_add(struct ese_decisions *decisions, const struct ese_decision *decision, bool *added,
                             struct ese_error *error);
int __wrap_ese_decisions_add(struct ese_decisions *decisions, const struct ese_decision *decision, bool *added,
                             struct ese_error *error);
int __real_ese_state_commit(struct ese_state *state, struct ese_error *error);
int __wrap_ese_state_commit(struct ese_state *state, struct ese_error *error);

int __wrap_ese_decisions_add(struct ese_decisions *decisions, const struct ese_decision *decision, bool *added,
                             struct ese_error *error)
{
    has_decided = true;
    return __real_ese_decisions_add(decisions, decision, added, error);
}

int __wrap_ese_state_commit(struct ese_state *state, struct ese_error *error)
{
    if (has_decided)
        stall_here();
    return __real_ese_state_commit(state, error);
}
