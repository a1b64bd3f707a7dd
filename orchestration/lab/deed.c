#include "orchestration/lab/deed.h"

#include <assert.h>
#include <string.h>

const char *ese_act_name(enum ese_act act)
{
    static const char *const names[ESE_ACTS] = {[ESE_ACT_KILL] = "kill",
                                                [ESE_ACT_START] = "start",
                                                [ESE_ACT_FREEZE] = "freeze",
                                                [ESE_ACT_THAW] = "thaw"};
    return names[act];
}

enum ese_act ese_act_find(const char *name)
{
    enum ese_act act = 0;
    while (act < ESE_ACTS && strcmp(ese_act_name(act), name) != 0)
        act++;
    return act;
}

void ese_deeds_add(struct ese_deeds *deeds, const struct ese_deed *deed)
{
    assert(deeds->count < ESE_DEEDS);
    deeds->list[deeds->count++] = *deed;
}

static bool is_of(const struct ese_deed *deed, enum ese_act act, unsigned roles)
{
    return deed->act == act && (deed->roles & roles) != 0;
}

int64_t ese_deeds_first(const struct ese_deeds *deeds, enum ese_act act, unsigned roles, int64_t from_ns)
{
    for (int i = 0; i < deeds->count; i++) {
        if (is_of(&deeds->list[i], act, roles) && deeds->list[i].done_ns >= from_ns)
            return deeds->list[i].done_ns;
    }
    return 0;
}

int64_t ese_deeds_last(const struct ese_deeds *deeds, enum ese_act act, unsigned roles)
{
    int64_t last_ns = 0;
    for (int i = 0; i < deeds->count; i++) {
        if (is_of(&deeds->list[i], act, roles))
            last_ns = deeds->list[i].done_ns;
    }
    return last_ns;
}

bool ese_deeds_passed_over(const struct ese_deeds *deeds, unsigned roles)
{
    for (int i = 0; i < deeds->count; i++) {
        if ((deeds->list[i].passed_over & roles) != 0)
            return true;
    }
    return false;
}
