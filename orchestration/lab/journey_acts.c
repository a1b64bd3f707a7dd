/* What is done to the parties of a journey: by a fault, and at its end. */
#include "orchestration/lab/journey_parts.h"

#include "ese-core/clock.h"

#define STOP_LIMIT_MS 3000

bool ese_journey_has(const struct ese_journey *journey, enum ese_role role)
{
    return role == ESE_ROLE_BROKER ? journey->broker != NULL : journey->role[role].process != NULL;
}

bool ese_journey_owns(const struct ese_journey *journey, enum ese_role role)
{
    return ese_journey_has(journey, role) &&
           (role != ESE_ROLE_BROKER || ese_broker_life_is_own(journey->broker));
}

/* The first, or next, of the parties that are meant and are there. ESE_PARTIES: there is none. */
static int next_party(const struct ese_journey *journey, int party, enum ese_role role, unsigned members)
{
    do
        party = ese_party_next(party, role, members);
    while (party < ESE_PARTIES && role != ESE_ROLE_BROKER && journey->role[party].process == NULL);
    return party;
}

/* One act, on one party. */
struct act {
    void (*on_broker)(struct ese_broker_life *broker);
    void (*on_process)(struct ese_process *process);
    bool is_its_end; /* which is asked for, then */
};

/* It will end, and is meant to. What it did before by itself is noted still. */
static void let_go(struct ese_journey *journey, int party)
{
    ese_journey_look(journey, party);
    journey->role[party].is_wanted = false;
}

static void do_act(struct ese_journey *journey, enum ese_role role, unsigned members, const struct act *act)
{
    if (!ese_journey_owns(journey, role))
        return;
    for (int party = next_party(journey, -1, role, members); party < ESE_PARTIES;
         party = next_party(journey, party, role, members)) {
        if (act->is_its_end)
            let_go(journey, party);
        if (role == ESE_ROLE_BROKER)
            act->on_broker(journey->broker);
        else
            act->on_process(journey->role[party].process);
    }
}

void ese_journey_kill(struct ese_journey *journey, enum ese_role role, unsigned members)
{
    static const struct act kill = {ese_broker_life_shoot, ese_process_shoot, true};
    do_act(journey, role, members, &kill);
}

void ese_journey_freeze(struct ese_journey *journey, enum ese_role role, unsigned members)
{
    static const struct act freeze = {ese_broker_life_freeze, ese_process_freeze, false};
    do_act(journey, role, members, &freeze);
}

void ese_journey_thaw(struct ese_journey *journey, enum ese_role role, unsigned members)
{
    static const struct act thaw = {ese_broker_life_thaw, ese_process_thaw, false};
    do_act(journey, role, members, &thaw);
}

void ese_journey_note_start(struct ese_role_state *state)
{
    state->was_up = state->is_wanted = true;
    state->is_lost = state->is_coming = false;
    state->since_ns = ese_clock_monotonic_ns();
}

/* What was killed a moment ago may still be about to end. */
static int start_again(struct ese_journey *journey, int party, struct ese_error *error)
{
    if (party == ESE_ROLE_BROKER)
        return ese_broker_life_restart(journey->broker, error);
    ese_process_kill(journey->role[party].process);
    return ese_process_start(journey->role[party].process, error);
}

static int start_party(struct ese_journey *journey, int party, struct ese_error *error)
{
    struct ese_role_state *state = &journey->role[party];
    if (ese_journey_look(journey, party) && state->is_wanted)
        return 0;
    state->restarted_ns = ese_clock_monotonic_ns();
    if (start_again(journey, party, error) < 0)
        return -1;
    ese_journey_note_start(state);
    state->is_coming = true;
    return 0;
}

int ese_journey_start(struct ese_journey *journey, enum ese_role role, unsigned members,
                      struct ese_error *error)
{
    if (!ese_journey_owns(journey, role))
        return 0;
    for (int party = next_party(journey, -1, role, members); party < ESE_PARTIES;
         party = next_party(journey, party, role, members)) {
        if (start_party(journey, party, error) < 0)
            return -1;
    }
    return 0;
}

int ese_journey_stop(struct ese_journey *journey, enum ese_role role)
{
    int status = -1;
    for (int party = next_party(journey, -1, role, ESE_MEMBERS_ALL);
         role != ESE_ROLE_BROKER && party < ESE_PARTIES;
         party = next_party(journey, party, role, ESE_MEMBERS_ALL)) {
        let_go(journey, party);
        status = ese_process_stop(journey->role[party].process, STOP_LIMIT_MS);
    }
    return status;
}
