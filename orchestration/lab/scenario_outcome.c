#include "orchestration/lab/scenario_outcome.h"

#include <jansson.h>
#include <string.h>

#include "ese-core/json_text.h"
#include "orchestration/lab/expectation.h"

#define NOT_MET "NO"

struct looking {
    struct ese_scenario_outcome *outcome;
    int timed; /* of those that were looked at */
};

static void note(struct looking *looking, const struct ese_expectation *expectation, const char *transport,
                 enum ese_expectation_word word, const char *found)
{
    static const char *const words[] = {[ESE_EXPECTATION_MET] = "yes",
                                        [ESE_EXPECTATION_NOT_MET] = NOT_MET,
                                        [ESE_EXPECTATION_NOT_LOOKED_AT] = "-",
                                        [ESE_EXPECTATION_WITHHELD] = "-"};
    struct ese_scenario_outcome *outcome = looking->outcome;
    bool is_looked_at = word == ESE_EXPECTATION_MET || word == ESE_EXPECTATION_NOT_MET;
    outcome->count++;
    outcome->met += word == ESE_EXPECTATION_MET;
    outcome->withheld += word == ESE_EXPECTATION_WITHHELD;
    outcome->looked_at += is_looked_at;
    looking->timed += is_looked_at && ese_expectation_is_timed(expectation);
    json_array_append_new(outcome->expectations,
                          json_pack("{s:s, s:s, s:s, s:s, s:s}", "transport", transport, "claim",
                                    ese_expectation_claim(expectation), "holds", words[word], "found", found, "because",
                                    ese_expectation_reason(expectation)));
}

static void judge(const struct looking *looking, bool is_about_time)
{
    struct ese_scenario_outcome *outcome = looking->outcome;
    int broken = outcome->looked_at - outcome->met;
    bool is_untold = is_about_time && outcome->withheld > 0 && looking->timed == 0;
    const char *reason = outcome->looked_at == 0 ? "nothing was looked at"
                         : is_untold             ? "it is about time, and all of that is withheld"
                                                 : "";
    outcome->verdict.word = broken > 0          ? ESE_VERDICT_FAIL
                            : reason[0] != '\0' ? ESE_VERDICT_CANNOT_TELL
                                                : ESE_VERDICT_PASS;
    if (broken > 0)
        snprintf(outcome->verdict.reason, sizeof outcome->verdict.reason, "%d of %d expectations do not hold", broken,
                 outcome->looked_at);
    else
        snprintf(outcome->verdict.reason, sizeof outcome->verdict.reason, "%s", reason);
}

void ese_scenario_look(const struct ese_scenario *scenario, const struct ese_results *results,
                       struct ese_scenario_outcome *outcome)
{
    *outcome = (struct ese_scenario_outcome){.expectations = json_array()};
    struct looking looking = {.outcome = outcome};
    char *text = ese_results_text(results);
    json_t *root = json_loads(text, 0, NULL), *transports = json_object_get(root, "transports");
    for (int i = 0; i < scenario->expectation_count; i++) {
        const struct ese_expectation *expectation = scenario->expectations[i];
        for (size_t k = 0; k < json_array_size(transports); k++) {
            const json_t *transport = json_array_get(transports, k);
            const char *name = json_string_value(json_object_get(transport, "name"));
            char found[200];
            if (!ese_expectation_is_of(expectation, name))
                continue;
            enum ese_expectation_word word =
                ese_expectation_look(expectation, transport, transports, found, sizeof found);
            ese_json_make_utf8(found); /* it may have been cut */
            note(&looking, expectation, name, word, found);
        }
    }
    judge(&looking, scenario->is_alone);
    json_decref(root);
    free(text);
}

void ese_scenario_outcome_free(struct ese_scenario_outcome *outcome)
{
    json_decref(outcome->expectations);
    outcome->expectations = NULL;
}

static const char *text_of(const json_t *expectation, const char *name)
{
    return json_string_value(json_object_get(expectation, name));
}

void ese_scenario_outcome_write(const struct ese_scenario_outcome *outcome, bool only_broken, struct ese_buffer *text)
{
    const json_t *one;
    size_t i;
    json_array_foreach(outcome->expectations, i, one) {
        const char *holds = text_of(one, "holds");
        if (!only_broken || strcmp(holds, NOT_MET) == 0)
            ese_buffer_printf(text, "  %-3s  %-18s %-42s %-20s %s\n", holds, text_of(one, "transport"),
                              text_of(one, "claim"), text_of(one, "found"), text_of(one, "because"));
    }
}
