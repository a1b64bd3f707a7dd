/*
 * rule.h - the contract of a rule: business logic, and nothing else.
 *
 * A rule is handed the events of one key in order, one at a time, with what it kept of that key so
 * far, and says what to keep and whether it has concluded something. It does no input or output and
 * reads no clock: the same events give the same decisions, on every transport and after every
 * crash. Keeping the state, the position and the decision together in one transaction is turn.c's
 * work.
 *
 * A rule that waits for what may not come says until when it keeps a key (leaves_ms), and is asked
 * once more when event time has passed that: the end of the waiting is what it concludes from.
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
#define ESE_RULES_LIMIT 8

/* What a rule keeps of one key: a blob that only the rule can read. */
struct ese_rule_state {
    size_t length;     /* 0: nothing is kept */
    int64_t leaves_ms; /* once event time has passed this it means nothing and may be deleted; of an
                          event that is late itself, this and by how much it is */
    uint8_t bytes[ESE_RULE_STATE_LIMIT];
};

/* What rules are told: each reads its own. */
struct ese_rule_settings {
    int64_t stuck_after_ms;
};

struct ese_rule {
    const char *name;    /* "steady-click": --rule, and part of every decision's id */
    const char *summary; /* one line */
    size_t state_size;   /* bytes it keeps of a key at most; not above ESE_RULE_STATE_LIMIT */

    /* False: apply would change nothing, whatever is kept; so nothing need be looked up. */
    bool (*wants)(const struct ese_event *event);

    /* The next event of its key. Changes state in place (length 0: keep nothing). Returns 1 when it
     * concluded something and filled decision, else 0. An event whose state was deleted because it
     * had left is applied as the first of its key. -1: it cannot be processed, and error says why;
     * it is tried again, and a dead letter in the end. */
    int (*apply)(const struct ese_rule_settings *settings, struct ese_rule_state *state,
                 const struct ese_event *event, struct ese_decision *decision,
                 struct ese_error *error);

    /* NULL: what it keeps of a key leaves without a word. Else event time has passed leaves_ms and
     * the key leaves; returns as apply does, but has to succeed. An event that comes so late that its key may have left
     * is then applied only to what is still kept. */
    int (*expire)(const struct ese_rule_settings *settings, const struct ese_rule_state *state,
                  const char *key, struct ese_decision *decision);
};

/* By name; "none" gives NULL: events are read and counted, nothing is concluded. ESE_E_USAGE names
 * the known ones. */
int ese_rule_find(const char *name, const struct ese_rule **rule, struct ese_error *error);

/* Those that are applied to every event, in this order. */
struct ese_rules {
    const struct ese_rule *items[ESE_RULES_LIMIT];
    int count;
    char names[100]; /* "steady-click,stuck-order", or "none" */
    struct ese_rule_settings settings;
};

/* From names with commas between, or "none". Leaves the settings as they are. ESE_E_USAGE as above,
 * and for a rule that is there twice. */
int ese_rules_choose(const char *names, struct ese_rules *rules, struct ese_error *error);

#endif
