#include "orchestration/lab/fault.h"

#include "ese-core/clock.h"
#include "ese-core/memory.h"

/* ---- the faults there are -------------------------------------------------------------------- */

static const struct ese_fault_part consumers = {"consumers", ESE_ROLE_BIT(ESE_ROLE_CONSUMER)};
static const struct ese_fault_part servers = {"servers", ESE_ROLES_KEEPING};
static const struct ese_fault_part brokers = {"brokers", ESE_ROLE_BIT(ESE_ROLE_BROKER)};
static const struct ese_fault_part mailers = {"mailers", ESE_ROLE_BIT(ESE_ROLE_MAILER)};

static const struct ese_fault_part member_2 = {"member 2", ESE_ROLE_BIT(ESE_ROLE_CONSUMER),
                                               ESE_MEMBER_BIT(2)};
static const struct ese_fault_part member_3 = {"member 3", ESE_ROLE_BIT(ESE_ROLE_CONSUMER),
                                               ESE_MEMBER_BIT(3)};

static const struct ese_fault_part clients = {"clients", ESE_ROLE_BIT(ESE_ROLE_CLIENT)};
static const struct ese_fault_part part_of_lines = {"lines", 0};
static const struct ese_fault_part readers = {"readers", ESE_ROLE_BIT(ESE_ROLE_READER)};
static const struct ese_fault_part destinations = {"destinations", ESE_ROLE_BIT(ESE_ROLE_CROWD)};
static const struct ese_fault_part sinks = {"smtp", ESE_ROLE_BIT(ESE_ROLE_SINK)};
static const struct ese_fault_part member_1 = {"member 1", ESE_ROLE_BIT(ESE_ROLE_CONSUMER),
                                               ESE_MEMBER_BIT(1)};
static const struct ese_fault_part member_4 = {"member 4", ESE_ROLE_BIT(ESE_ROLE_CONSUMER),
                                               ESE_MEMBER_BIT(4)};
static const struct ese_fault_part member_5 = {"member 5", ESE_ROLE_BIT(ESE_ROLE_CONSUMER),
                                               ESE_MEMBER_BIT(5)};
static const struct ese_fault_part member_6 = {"member 6", ESE_ROLE_BIT(ESE_ROLE_CONSUMER),
                                               ESE_MEMBER_BIT(6)};

const struct ese_fault_part *ese_fault_part_lines(void)
{
    return &part_of_lines;
}

const struct ese_fault_part *ese_fault_part_find(const char *name)
{
    static const struct ese_fault_part *const parts[] = {&consumers, &servers,  &brokers,  &mailers,  &clients,
                                                         &readers, &destinations, &sinks, &member_1, &member_2,
                                                         &member_3, &member_4, &member_5, &member_6};
    for (size_t i = 0; i < ESE_COUNT_OF(parts); i++) {
        if (strcmp(parts[i]->name, name) == 0)
            return parts[i];
    }
    return NULL;
}

#define SERVERS_AWAY_MS 2000
/* Past a member's session, which is six seconds: it comes back to partitions that others have. And below the ten for
 * which they wait for the state file, should it have stopped in the midst of a commit. */
#define FROZEN_MS 8000

/* The consumers stay away until the slowest of the servers is through with starting, at the default gap:
 * their own recovery is told apart from its. */
static const struct ese_fault_step bad_day[] = {
    {.act = ESE_ACT_KILL, .part = &consumers, .gaps = 0, .after_ms = 0},
    {.act = ESE_ACT_KILL, .part = &servers, .gaps = 1, .after_ms = 0},
    {.act = ESE_ACT_START, .part = &servers, .gaps = 1, .after_ms = SERVERS_AWAY_MS},
    {.act = ESE_ACT_START, .part = &consumers, .gaps = 2, .after_ms = SERVERS_AWAY_MS},
};

static const struct ese_fault_step server_down[] = {
    {.act = ESE_ACT_KILL, .part = &servers, .gaps = 0, .after_ms = 0},
    {.act = ESE_ACT_START, .part = &servers, .gaps = 0, .after_ms = SERVERS_AWAY_MS},
};

static const struct ese_fault_step broker_down[] = {
    {.act = ESE_ACT_KILL, .part = &brokers, .gaps = 0, .after_ms = 0},
    {.act = ESE_ACT_START, .part = &brokers, .gaps = 0, .after_ms = SERVERS_AWAY_MS},
};

static const struct ese_fault_step mailer_down[] = {
    {.act = ESE_ACT_KILL, .part = &mailers, .gaps = 0, .after_ms = 0},
    {.act = ESE_ACT_START, .part = &mailers, .gaps = 1, .after_ms = 0},
};

static const struct ese_fault_step consumer_down[] = {
    {.act = ESE_ACT_KILL, .part = &consumers, .gaps = 0, .after_ms = 0},
    {.act = ESE_ACT_START, .part = &consumers, .gaps = 1, .after_ms = 0},
};

/* One after the other, so that the first of three alone has all partitions meanwhile; who comes back joins anew. */
static const struct ese_fault_step members_down[] = {
    {.act = ESE_ACT_KILL, .part = &member_2, .gaps = 0, .after_ms = 0},
    {.act = ESE_ACT_KILL, .part = &member_3, .gaps = 1, .after_ms = 0},
    {.act = ESE_ACT_START, .part = &member_2, .gaps = 2, .after_ms = 0},
    {.act = ESE_ACT_START, .part = &member_3, .gaps = 3, .after_ms = 0},
};

static const struct ese_fault_step member_frozen[] = {
    {.act = ESE_ACT_FREEZE, .part = &member_2, .gaps = 0, .after_ms = 0},
    {.act = ESE_ACT_THAW, .part = &member_2, .gaps = 0, .after_ms = FROZEN_MS},
};

#define STEPS(table) .steps = table, .count = (int)ESE_COUNT_OF(table)

static const struct ese_fault faults[] = {
    {.name = "none", .story = "nothing is broken", .steps = NULL, .count = 0},
    {.name = "bad-day", .story = "consumers die, then servers; servers come back, then consumers",
     STEPS(bad_day)},
    {.name = "server-down", .story = "servers die, and come back two seconds later", STEPS(server_down)},
    {.name = "broker-down", .story = "brokers die, and come back two seconds later", STEPS(broker_down)},
    {.name = "mailer-down", .story = "mailers die, and come back a while later", STEPS(mailer_down)},
    {.name = "consumer-down", .story = "consumers die, and come back a while later", STEPS(consumer_down)},
    {.name = "members-down", .story = "members of the group die one by one, and come back one by one",
     STEPS(members_down)},
    {.name = "member-frozen", .story = "a member of the group stands still for longer than its session",
     STEPS(member_frozen)},
};

int ese_fault_find(const char *name, const struct ese_fault **fault, struct ese_error *error)
{
    for (size_t i = 0; i < ESE_COUNT_OF(faults); i++) {
        if (strcmp(faults[i].name, name) == 0) {
            *fault = &faults[i];
            return 0;
        }
    }
    return ese_fail(error, ESE_E_USAGE, "--fault: there is no fault '%.60s', only " ESE_FAULT_NAMES, name);
}

int64_t ese_fault_step_ms(const struct ese_fault_step *step, int64_t gap_ms)
{
    return step->gaps * gap_ms + step->after_ms;
}

int ese_fault_members(const struct ese_fault *fault)
{
    int most = 0;
    for (int i = 0; i < fault->count; i++) {
        for (int member = most + 1; member <= ESE_MEMBERS; member++) {
            if ((fault->steps[i].part->members & ESE_MEMBER_BIT(member)) != 0)
                most = member;
        }
    }
    return most;
}

unsigned ese_fault_befallen(const struct ese_fault *fault, enum ese_act act)
{
    unsigned roles = 0;
    for (int i = 0; i < fault->count; i++)
        roles |= fault->steps[i].act == act ? fault->steps[i].part->roles : 0;
    return roles;
}

unsigned ese_fault_lines(const struct ese_fault *fault)
{
    unsigned lines = 0;
    for (int i = 0; i < fault->count; i++)
        lines |= fault->steps[i].lines;
    return lines;
}

/* ---- how long nobody acknowledges ------------------------------------------------------------ */

/* From its start until it takes events again, on a machine that has other things to do as well. A broker
 * leads its partitions again once the dead one's session is over: 3.5 s were measured on an idle one. */
static int64_t comes_back_ms(enum ese_role role)
{
    return role == ESE_ROLE_BROKER ? 5000 : 1000;
}

#define TRY_AGAIN_MS 2000 /* the longest pause of whoever tries again (ese-core/event_poster.c) */

/* Of one role: from the step that takes it away to the one that brings it back. */
static int64_t away_ms(const struct ese_fault *fault, int64_t gap_ms, enum ese_role role)
{
    int64_t gone_ms = 0, longest_ms = 0;
    for (int i = 0; i < fault->count; i++) {
        const struct ese_fault_step *step = &fault->steps[i];
        int64_t due_ms = ese_fault_step_ms(step, gap_ms);
        if ((step->part->roles & ESE_ROLE_BIT(role)) == 0)
            continue;
        if (ese_act_is_death(step->act) || step->act == ESE_ACT_FREEZE)
            gone_ms = due_ms;
        else if ((step->act == ESE_ACT_START || step->act == ESE_ACT_THAW) && due_ms - gone_ms > longest_ms)
            longest_ms = due_ms - gone_ms;
    }
    return longest_ms;
}

int64_t ese_fault_outage_ms(const struct ese_fault *fault, int64_t gap_ms, unsigned roles)
{
    int64_t longest_ms = 0;
    for (enum ese_role role = 0; role < ESE_ROLES; role++) {
        if ((roles & ESE_ROLES_KEEPING & ESE_ROLE_BIT(role)) == 0)
            continue;
        int64_t gone_ms = away_ms(fault, gap_ms, role);
        int64_t outage_ms = gone_ms == 0 ? 0 : gone_ms + comes_back_ms(role) + TRY_AGAIN_MS;
        if (outage_ms > longest_ms)
            longest_ms = outage_ms;
    }
    return longest_ms;
}
