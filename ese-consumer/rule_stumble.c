/*
 * stumble: the lesson. It concludes nothing, and fails over events that ask for it in their data:
 *
 *     {"stumble": "fail"}    an error
 *     {"stumble": "crash"}   the process ends at once, as if by a bug
 *
 * So that dead letters can be looked at (docs/dead-letters.md): it is only there where --rule names
 * it, and the cause is gone once it does not any more.
 */
#include <signal.h>

#include <jansson.h>

#include "ese-consumer/rule.h"

#define MEMBER "stumble"

extern const struct ese_rule ese_rule_stumble;

static bool wants(const struct ese_event *event)
{
    return strstr(ese_event_data(event), "\"" MEMBER "\"") != NULL;
}

static int apply(const struct ese_rule_settings *settings, struct ese_rule_state *state,
                 const struct ese_event *event, struct ese_decision *decision,
                 struct ese_error *error)
{
    (void)settings, (void)state, (void)decision;
    json_t *data = json_loads(ese_event_data(event), 0, NULL);
    const char *asked = json_string_value(json_object_get(data, MEMBER));
    bool fails = asked != NULL && strcmp(asked, "fail") == 0;
    if (asked != NULL && strcmp(asked, "crash") == 0)
        raise(SIGKILL);
    json_decref(data);
    return fails ? ese_fail(error, ESE_E_INVALID, "rule stumble: the event asked for it") : 0;
}

const struct ese_rule ese_rule_stumble = {
    .name = "stumble",
    .summary = "a lesson: fails, or crashes, over events that ask for it",
    .state_size = 1,
    .wants = wants,
    .apply = apply,
    .expire = NULL,
};
