/*
 * rule.h - the contract of a rule: business logic, and nothing else.
 *
 * A rule is handed the events of one key in order, one at a time, with what it kept of that key so
 * far, and says what to keep and whether it has concluded something. It does no input or output and
 * reads no clock: the same events give the same decisions, on every transport and after every
 * crash. Keeping the state, the position and the decision together in one transaction is turn.c's
 * work.
 *
 * One more rule is one file here and one line in rules.c.
 */
#ifndef ESE_RULE_H
#define ESE_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ese-consumer/decision.h"
#include "ese-core/error.h"
#include "ese-core/event.h"

#define ESE_RULE_STATE_LIMIT 256

/* What a rule keeps of one key: a blob that only the rule can read. */
struct ese_rule_state {
    size_t length;     /* 0: nothing is kept */
    int64_t leaves_ms; /* once event time has passed this it means nothing and may be deleted; of an
                          event that is late itself, this and by how much it is */
    uint8_t bytes[ESE_RULE_STATE_LIMIT];
};

struct ese_rule {
    const char *name;    /* "steady-click": --rule, and part of every decision's id */
    const char *summary; /* one line */
    size_t state_size;   /* bytes it keeps of a key at most; not above ESE_RULE_STATE_LIMIT */

    /* False: apply would change nothing, whatever is kept; so nothing need be looked up. */
    bool (*wants)(const struct ese_event *event);

    /* The next event of its key. Changes state in place (length 0: keep nothing). Returns 1 when it
     * concluded something and filled decision, else 0. An event whose state was deleted because it
     * had left is applied as the first of its key. */
    int (*apply)(struct ese_rule_state *state, const struct ese_event *event,
                 struct ese_decision *decision);
};

/* By name; "none" gives NULL: events are read and counted, nothing is concluded. ESE_E_USAGE names
 * the known ones. */
int ese_rule_find(const char *name, const struct ese_rule **rule, struct ese_error *error);

#endif
