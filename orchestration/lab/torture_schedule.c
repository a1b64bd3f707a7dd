#include "orchestration/lab/torture_schedule.h"

#include <assert.h>

#include "ese-core/memory.h"
#include "ese-core/random.h"

#define ACTS_MOST 5            /* behind the anchor; with it they are ESE_DEEDS at most */
#define DRAWS 16               /* for them: what does not fit is drawn again */
#define REST_MS 1000           /* for which somebody who is back is left alone, */
#define BROKER_REST_MS 6000    /* and a broker: until then it may not lead its partitions yet */
#define QUIET_END_MS 1000      /* at the end of the load, when all are there */
#define SHORT_LEAST_MS 300
#define SHORT_SPAN_MS 2200
#define LONG_LEAST_MS 6500     /* beyond a group's session and ESE_TORTURE_SMTP_MS */
#define LONG_SPAN_MS 1500
#define ANCHOR_LEAST_MS 1200   /* for which the consumers stand still before the kill */
#define ANCHOR_TIMES 4         /* so many times ESE_TORTURE_WAITING come meanwhile */
#define CALM_MS 3000           /* behind it, in which what has come is stored, if it was not */

#define BIT(role) ESE_ROLE_BIT(ESE_ROLE_##role)

static const struct ese_fault_part clients = {"clients", BIT(CLIENT)};
static const struct ese_fault_part servers = {"servers", BIT(SERVER)};
static const struct ese_fault_part consumers = {"consumers", BIT(CONSUMER)};
static const struct ese_fault_part mailers = {"mailers", BIT(MAILER)};
static const struct ese_fault_part sinks = {"SMTP servers", BIT(SINK)};
static const struct ese_fault_part brokers = {"brokers", BIT(BROKER)};
/* Whoever keeps the events may be missing in a journey; together with the consumer there is somebody. */
static const struct ese_fault_part readers_and_keepers = {"servers and consumers",
                                                          ESE_ROLES_KEEPING | BIT(CONSUMER)};

static const struct ese_fault_part *const everybody[] = {&clients, &servers, &consumers,
                                                         &mailers, &sinks,   &brokers};
/* Not the clients: what only they know of dies with them, and waits for nobody. */
static const struct ese_fault_part *const victims[] = {&consumers, &mailers, &sinks, &readers_and_keepers};

static const struct ese_fault_part members[] = {{"member 1", BIT(CONSUMER), ESE_MEMBER_BIT(1)},
                                                {"member 2", BIT(CONSUMER), ESE_MEMBER_BIT(2)},
                                                {"member 3", BIT(CONSUMER), ESE_MEMBER_BIT(3)}};

struct draft {
    struct ese_random random;
    uint64_t members;          /* that may be struck one by one; 0: there is no group */
    struct ese_torture_round *round;
    int64_t free_ms[ESE_ROLES]; /* before, none is struck */
};

static int64_t draw(struct draft *draft, int64_t least, int64_t span)
{
    return least + (int64_t)ese_random_below(&draft->random, (uint64_t)span);
}

/* In the order of time; of the same instant, as they were added. */
static void add_step(struct draft *draft, enum ese_act act, const struct ese_fault_part *part, int64_t at_ms)
{
    struct ese_torture_round *round = draft->round;
    assert(round->fault.count < ESE_DEEDS);
    int place = round->fault.count++;
    for (; place > 0 && round->steps[place - 1].after_ms > at_ms; place--)
        round->steps[place] = round->steps[place - 1];
    round->steps[place] = (struct ese_fault_step){.act = act, .part = part, .after_ms = at_ms};
}

static void leave_alone(struct draft *draft, unsigned roles, int64_t until_ms)
{
    for (enum ese_role role = 0; role < ESE_ROLES; role++) {
        if ((roles & ESE_ROLE_BIT(role)) != 0 && draft->free_ms[role] < until_ms)
            draft->free_ms[role] = until_ms;
    }
}

static void add_absence(struct draft *draft, enum ese_act leaving, const struct ese_fault_part *part,
                        int64_t at_ms, int64_t away_ms)
{
    add_step(draft, leaving, part, at_ms);
    add_step(draft, leaving == ESE_ACT_KILL ? ESE_ACT_START : ESE_ACT_THAW, part, at_ms + away_ms);
    leave_alone(draft, part->roles, at_ms + away_ms + REST_MS);
    leave_alone(draft, part->roles & BIT(BROKER), at_ms + away_ms + BROKER_REST_MS);
}

/* A client that dies takes along what nobody has kept yet: it is left alone until who keeps events has been
 * there for a while. */
static void keep_what_waits(struct draft *draft, int64_t killed_ms)
{
    leave_alone(draft, ~0U, killed_ms + 1);
    leave_alone(draft, ESE_ROLES_KEEPING, killed_ms + CALM_MS);
    for (enum ese_role role = 0; role < ESE_ROLES; role++) {
        if ((ESE_ROLES_KEEPING & ESE_ROLE_BIT(role)) != 0)
            leave_alone(draft, BIT(CLIENT), draft->free_ms[role]);
    }
}

static void draw_anchor(struct draft *draft, int64_t rate)
{
    const struct ese_fault_part *victim = victims[ese_random_below(&draft->random, ESE_COUNT_OF(victims))];
    int64_t frozen_ms = draw(draft, REST_MS, 1000);
    int64_t still_ms = ANCHOR_TIMES * ESE_TORTURE_WAITING * INT64_C(1000) / rate;
    int64_t killed_ms = frozen_ms + (still_ms < ANCHOR_LEAST_MS ? ANCHOR_LEAST_MS : still_ms);
    if ((victim->roles & BIT(CONSUMER)) != 0)
        add_step(draft, ESE_ACT_FREEZE, &consumers, frozen_ms); /* and killed as it stands */
    else
        add_absence(draft, ESE_ACT_FREEZE, &consumers, frozen_ms,
                    killed_ms - frozen_ms + draw(draft, SHORT_LEAST_MS, SHORT_SPAN_MS));
    add_absence(draft, ESE_ACT_KILL, victim, killed_ms, draw(draft, SHORT_LEAST_MS, SHORT_SPAN_MS));
    keep_what_waits(draft, killed_ms);
}

static const struct ese_fault_part *draw_part(struct draft *draft)
{
    uint64_t which = ese_random_below(&draft->random, ESE_COUNT_OF(everybody) + draft->members);
    return which < ESE_COUNT_OF(everybody) ? everybody[which] : &members[which - ESE_COUNT_OF(everybody)];
}

/* One of four absences is a long one. */
static void draw_act(struct draft *draft)
{
    const struct ese_fault_part *part = draw_part(draft);
    enum ese_act leaving = ese_random_below(&draft->random, 2) == 0 ? ESE_ACT_KILL : ESE_ACT_FREEZE;
    bool is_long = ese_random_below(&draft->random, 4) == 0;
    int64_t away_ms = is_long ? draw(draft, LONG_LEAST_MS, LONG_SPAN_MS)
                              : draw(draft, SHORT_LEAST_MS, SHORT_SPAN_MS);
    enum ese_role role = 0;
    while ((part->roles & ESE_ROLE_BIT(role)) == 0)
        role++;
    int64_t from_ms = draft->free_ms[role];
    int64_t span_ms = ESE_TORTURE_LOAD_MS - QUIET_END_MS - away_ms - from_ms;
    if (span_ms > 0)
        add_absence(draft, leaving, part, draw(draft, from_ms, span_ms), away_ms);
}

static uint64_t members_of(const struct ese_torture_lot *lot)
{
    if (lot->consumers <= 1)
        return 0;
    return (size_t)lot->consumers < ESE_COUNT_OF(members) ? (uint64_t)lot->consumers : ESE_COUNT_OF(members);
}

void ese_torture_draw(const struct ese_torture_lot *lot, struct ese_torture_round *round)
{
    assert(lot->rate >= ESE_TORTURE_RATE_LEAST);
    *round = (struct ese_torture_round){
        .number = lot->number,
        .fault = {.name = "torture",
                  .story = "anybody may be killed or frozen, and comes back",
                  .steps = round->steps,
                  .from_the_start = true},
    };
    struct draft draft = {.random = ese_random_seeded((uint64_t)lot->seed, (uint64_t)lot->number),
                          .members = members_of(lot), .round = round};
    round->load_seed = (int64_t)(ese_random_next(&draft.random) >> 1);
    draw_anchor(&draft, lot->rate);
    int anchor = round->fault.count;
    for (int i = 0; i < DRAWS && round->fault.count < anchor + 2 * ACTS_MOST; i++)
        draw_act(&draft);
}
