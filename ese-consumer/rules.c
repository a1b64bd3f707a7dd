#include "ese-core/buffer.h"
#include "ese-consumer/rule.h"

extern const struct ese_rule ese_rule_steady_click;

static const struct ese_rule *const rules[] = {
    &ese_rule_steady_click,
    NULL,
};

int ese_rule_find(const char *name, const struct ese_rule **rule, struct ese_error *error)
{
    *rule = NULL;
    if (strcmp(name, "none") == 0)
        return 0;
    struct ese_buffer known = ESE_BUFFER_INIT(400);
    for (int i = 0; rules[i] != NULL; i++) {
        if (strcmp(rules[i]->name, name) == 0)
            *rule = rules[i];
        ese_buffer_printf(&known, "%s, ", rules[i]->name);
    }
    if (*rule == NULL)
        ese_fail(error, ESE_E_USAGE, "--rule: there is no rule '%.40s'; known are %snone", name,
                 known.text);
    ese_buffer_free(&known);
    return *rule == NULL ? -1 : 0;
}
