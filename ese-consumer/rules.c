#include "ese-consumer/rule.h"
#include "ese-core/buffer.h"
#include "ese-core/memory.h"

extern const struct ese_rule ese_rule_steady_click;
extern const struct ese_rule ese_rule_stuck_order;
extern const struct ese_rule ese_rule_stumble;

static const struct ese_rule *const rules[] = {
    &ese_rule_steady_click,
    &ese_rule_stuck_order,
    &ese_rule_stumble,
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

static bool has(const struct ese_rules *chosen, const struct ese_rule *rule)
{
    int i = 0;
    while (i < chosen->count && chosen->items[i] != rule)
        i++;
    return i < chosen->count;
}

static int add(struct ese_rules *chosen, const char *name, struct ese_error *error)
{
    const struct ese_rule *rule;
    if (ese_rule_find(name, &rule, error) != 0)
        return -1;
    if (rule == NULL)
        return ese_fail(error, ESE_E_USAGE, "--rule: 'none' stands alone, not among others");
    if (has(chosen, rule))
        return ese_fail(error, ESE_E_USAGE, "--rule: '%s' is there twice", name);
    chosen->items[chosen->count++] = rule;
    return 0;
}

int ese_rules_choose(const char *names, struct ese_rules *chosen, struct ese_error *error)
{
    _Static_assert(ESE_COUNT_OF(rules) <= ESE_RULES_LIMIT, "room for all rules");
    chosen->count = 0;
    snprintf(chosen->names, sizeof chosen->names, "%s", names);
    if (strcmp(names, "none") == 0)
        return 0;
    int result = 0;
    char *list = ese_copy_text(names), *rest = list;
    for (char *name = strsep(&rest, ","); name != NULL && result == 0; name = strsep(&rest, ","))
        result = add(chosen, name, error);
    free(list);
    return result;
}
