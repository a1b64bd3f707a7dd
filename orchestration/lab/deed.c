#include "orchestration/lab/deed.h"

#include <assert.h>
#include <string.h>

#include "orchestration/lab/network.h"

const char *ese_act_name(enum ese_act act)
{
    static const char *const names[ESE_ACTS] = {[ESE_ACT_KILL] = "kill",
                                                [ESE_ACT_START] = "start",
                                                [ESE_ACT_FREEZE] = "freeze",
                                                [ESE_ACT_THAW] = "thaw",
                                                [ESE_ACT_DISK] = "disk",
                                                [ESE_ACT_CLOCK] = "clock",
                                                [ESE_ACT_SMTP] = "smtp",
                                                [ESE_ACT_NETWORK] = "network",
                                                [ESE_ACT_RULE] = "rule",
                                                [ESE_ACT_POWER] = "power"};
    return names[act];
}

bool ese_act_is_death(enum ese_act act)
{
    return act == ESE_ACT_KILL || act == ESE_ACT_POWER;
}

bool ese_act_has_how(enum ese_act act)
{
    return act >= ESE_ACT_DISK && act < ESE_ACTS;
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
    bool is_this = deed->act == act || (act == ESE_ACT_KILL && ese_act_is_death(deed->act));
    return is_this && (deed->roles & roles) != 0;
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

/* ---- in words -------------------------------------------------------------------------------- */

static void put_members(unsigned members, struct ese_buffer *text)
{
    const char *between = " ";
    for (int member = 1; member <= ESE_MEMBERS; member++) {
        if ((members & ESE_MEMBER_BIT(member)) == 0)
            continue;
        ese_buffer_printf(text, "%s%d", between, member);
        between = ", ";
    }
}

void ese_deed_words(const struct ese_deed *deed, struct ese_buffer *text)
{
    ese_buffer_text(text, ese_act_name(deed->act));
    for (enum ese_line line = 0; line < ESE_LINES; line++) {
        if ((deed->lines & ESE_LINE_BIT(line)) != 0)
            ese_buffer_printf(text, " %s", ese_line_name(line));
    }
    for (enum ese_role role = 0; deed->lines == 0 && role < ESE_ROLES; role++) {
        if ((deed->roles & ESE_ROLE_BIT(role)) == 0)
            continue;
        ese_buffer_printf(text, " %s", ese_role_name(role));
        if (role == ESE_ROLE_CONSUMER)
            put_members(deed->members, text);
    }
    if (deed->how[0] != '\0')
        ese_buffer_printf(text, " %s", deed->how);
}

/* ---- for how long ---------------------------------------------------------------------------- */

static bool is_word(const char *how, const char *word)
{
    return strcmp(how, word) == 0;
}

/* What begins something, and not an end, nor over at once. */
static bool is_beginning(const struct ese_deed *deed)
{
    if (ese_act_is_death(deed->act) || deed->act == ESE_ACT_FREEZE)
        return true;
    return ese_act_has_how(deed->act) && !is_word(deed->how, "well") && !is_word(deed->how, "restore") &&
           !is_word(deed->how, "reset");
}

/* The later one says the same of the same thing: what it says counts from then on ("latency 40" after "latency 5"). */
static bool is_same_word(const char *how, const char *other)
{
    size_t length = strcspn(how, " ");
    return length == strcspn(other, " ") && strncmp(how, other, length) == 0;
}

static bool ends(const struct ese_deed *later, const struct ese_deed *deed)
{
    if (ese_act_is_death(deed->act))
        return later->act == ESE_ACT_START;
    if (deed->act == ESE_ACT_FREEZE)
        return later->act == ESE_ACT_THAW || ese_act_is_death(later->act);
    if (later->act != deed->act)
        return false;
    bool is_one_at_a_time = deed->act == ESE_ACT_CLOCK || deed->act == ESE_ACT_DISK || deed->act == ESE_ACT_SMTP;
    return is_one_at_a_time || is_word(later->how, "well") || is_word(later->how, "restore") ||
           is_same_word(later->how, deed->how);
}

/* Of a consumer the members are struck, of the others the whole. */
static unsigned members_of(const struct ese_deed *deed, enum ese_role role, int group)
{
    unsigned all = ESE_MEMBER_BIT((group > 0 ? group : 1) + 1) - 1;
    return role == ESE_ROLE_CONSUMER && deed->members != 0 ? deed->members : all;
}

bool ese_deeds_is_in_force(const struct ese_deeds *deeds, int number, int group, int64_t at_ns)
{
    const struct ese_deed *deed = &deeds->list[number];
    unsigned lines = deed->lines, roles = deed->roles;
    if (!is_beginning(deed) || roles == 0 || deed->done_ns > at_ns)
        return false;
    unsigned members = members_of(deed, ESE_ROLE_CONSUMER, group);
    for (int i = number + 1; i < deeds->count && deeds->list[i].done_ns <= at_ns; i++) {
        const struct ese_deed *later = &deeds->list[i];
        if (!ends(later, deed))
            continue;
        lines &= ~later->lines;
        if ((later->roles & ESE_ROLE_BIT(ESE_ROLE_CONSUMER)) != 0)
            members &= ~members_of(later, ESE_ROLE_CONSUMER, group);
        roles &= ~(later->roles & ~(members != 0 ? ESE_ROLE_BIT(ESE_ROLE_CONSUMER) : 0));
    }
    return deed->lines != 0 ? lines != 0 : roles != 0;
}
