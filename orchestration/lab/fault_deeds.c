/* A fault's steps are done, and noted. */
#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "orchestration/lab/fault.h"

/* ---- on a role ------------------------------------------------------------------------------- */

static int kill_role(struct ese_journey *journey, enum ese_role role, unsigned members, struct ese_error *error)
{
    (void)error;
    ese_journey_kill(journey, role, members);
    return 0;
}

static int freeze_role(struct ese_journey *journey, enum ese_role role, unsigned members, struct ese_error *error)
{
    (void)error;
    ese_journey_freeze(journey, role, members);
    return 0;
}

static int thaw_role(struct ese_journey *journey, enum ese_role role, unsigned members, struct ese_error *error)
{
    (void)error;
    ese_journey_thaw(journey, role, members);
    return 0;
}

static int (*const acts[ESE_ACTS])(struct ese_journey *journey, enum ese_role role, unsigned members,
                                   struct ese_error *error) = {
    [ESE_ACT_KILL] = kill_role,
    [ESE_ACT_START] = ese_journey_start,
    [ESE_ACT_FREEZE] = freeze_role,
    [ESE_ACT_THAW] = thaw_role,
};

static int do_to_role(const struct ese_fault_step *step, struct ese_journey *journey, enum ese_role role,
                      const struct ese_deed *deed, struct ese_error *error)
{
    unsigned members = deed->members == 0 ? ESE_MEMBERS_ALL : deed->members;
    if (acts[step->act] != NULL)
        return acts[step->act](journey, role, members, error);
    if (step->act == ESE_ACT_POWER)
        return ese_journey_power(journey, role, step->how, error);
    return ese_trouble_set(ese_journey_directory(journey), role, step->act, step->how, error);
}

/* Those of a group that are meant and are there; 0 where a consumer reads alone. */
static unsigned members_of(const struct ese_fault_step *step, const struct ese_journey *journey)
{
    int members = ese_journey_members(journey);
    return members == 1 ? 0 : step->part->members & (ESE_MEMBER_BIT(members + 1) - 1);
}

/* Whether a role of this journey can be struck so. */
static bool can_be(const struct ese_fault_step *step, const struct ese_journey *journey, enum ese_role role)
{
    return ese_journey_owns(journey, role) && (acts[step->act] != NULL || ese_trouble_is_for(role, step->act));
}

/* Where somebody else's cluster stands behind a server of ours, only that one is struck; where nobody is,
 * the whole part is passed over. */
static struct ese_deed deed_of(const struct ese_fault_step *step, const struct ese_journey *journey)
{
    struct ese_deed deed = {.act = step->act, .done_ns = ese_clock_monotonic_ns(),
                            .members = members_of(step, journey)};
    ese_fit_text(deed.how, sizeof deed.how, step->how);
    for (enum ese_role role = 0; role < ESE_ROLES; role++) {
        unsigned bit = step->part->roles & ESE_ROLE_BIT(role);
        bool is_missing = role == ESE_ROLE_CONSUMER && step->part->members != 0 && deed.members == 0;
        if (can_be(step, journey, role) && !is_missing)
            deed.roles |= bit;
        else if (ese_journey_has(journey, role))
            deed.passed_over |= bit;
    }
    if (deed.roles == 0)
        deed.passed_over = step->part->roles;
    return deed;
}

static int do_to_roles(const struct ese_fault_step *step, struct ese_journey *journey, struct ese_deeds *deeds,
                       struct ese_error *error)
{
    struct ese_deed deed = deed_of(step, journey);
    ese_deeds_add(deeds, &deed);
    for (enum ese_role role = 0; role < ESE_ROLES; role++) {
        if ((deed.roles & ESE_ROLE_BIT(role)) != 0 && do_to_role(step, journey, role, &deed, error) < 0)
            return -1;
    }
    return 0;
}

/* ---- on a line ------------------------------------------------------------------------------- */

/* Who connects. */
static const enum ese_role near_ends[ESE_LINES] = {
    [ESE_LINE_CLIENT_SERVER] = ESE_ROLE_CLIENT,     [ESE_LINE_CONSUMER_SERVER] = ESE_ROLE_CONSUMER,
    [ESE_LINE_SERVER_CONSUMER] = ESE_ROLE_SERVER,   [ESE_LINE_CONSUMER_MAILER] = ESE_ROLE_CONSUMER,
    [ESE_LINE_MAILER_SMTP] = ESE_ROLE_MAILER,       [ESE_LINE_CLIENT_BROKER] = ESE_ROLE_CLIENT,
    [ESE_LINE_SERVER_BROKER] = ESE_ROLE_SERVER,     [ESE_LINE_CONSUMER_BROKER] = ESE_ROLE_CONSUMER,
};

/* It is noted as what befell these lines, and their near ends; where none of the lines is there, as passed over. */
static int do_to_lines(const struct ese_fault_step *step, struct ese_journey *journey, struct ese_deeds *deeds,
                       struct ese_error *error)
{
    struct ese_deed deed = {.act = step->act, .done_ns = ese_clock_monotonic_ns()};
    unsigned meant = 0;
    ese_fit_text(deed.how, sizeof deed.how, step->how);
    for (enum ese_line line = 0; line < ESE_LINES; line++) {
        if ((step->lines & ESE_LINE_BIT(line)) == 0)
            continue;
        meant |= ESE_ROLE_BIT(near_ends[line]);
        if (!ese_journey_has_line(journey, line))
            continue;
        deed.roles |= ESE_ROLE_BIT(near_ends[line]);
        deed.lines |= ESE_LINE_BIT(line);
    }
    deed.passed_over = deed.roles == 0 ? meant : 0;
    ese_deeds_add(deeds, &deed);
    for (enum ese_line line = 0; line < ESE_LINES; line++) {
        if ((step->lines & ESE_LINE_BIT(line)) != 0 && ese_journey_has_line(journey, line) &&
            ese_journey_network(journey, line, step->how, error) < 0)
            return -1;
    }
    return 0;
}

int ese_fault_do(const struct ese_fault_step *step, struct ese_journey *journey, struct ese_deeds *deeds,
                 struct ese_error *error)
{
    return step->act == ESE_ACT_NETWORK ? do_to_lines(step, journey, deeds, error)
                                        : do_to_roles(step, journey, deeds, error);
}
