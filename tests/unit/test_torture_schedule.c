/* Rounds of torture as they are drawn: what holds of each, over many seeds, rounds and rates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-core/memory.h"
#include "orchestration/lab/torture_schedule.h"

#define CLIENT ESE_ROLE_BIT(ESE_ROLE_CLIENT)
#define CONSUMER ESE_ROLE_BIT(ESE_ROLE_CONSUMER)
#define CALM_MS 3000
#define BROKER_REST_MS 6000

enum { SEEDS = 10000 };
static const int64_t rates[] = {ESE_TORTURE_RATE_LEAST, 200, 5000};
static const int64_t numbers[] = {1, 17, 100000};

static void draw(int64_t seed, int64_t number, int64_t rate, int consumers, struct ese_torture_round *round)
{
    ese_torture_draw(&(struct ese_torture_lot){.seed = seed, .number = number, .rate = rate, .consumers = consumers},
                     round);
}

/* Calls it with every round there is here, for one consumer and for a group. */
static void with_each(void (*look)(const struct ese_torture_round *round, int64_t rate))
{
    for (size_t r = 0; r < ESE_COUNT_OF(rates); r++) {
        for (int64_t seed = 0; seed < SEEDS; seed++) {
            for (size_t n = 0; n < ESE_COUNT_OF(numbers); n++) {
                struct ese_torture_round round;
                draw(seed, numbers[n], rates[r], seed % 2 == 0 ? 1 : 3, &round);
                look(&round, rates[r]);
            }
        }
    }
}

static bool are_equal(const struct ese_torture_round *one, const struct ese_torture_round *other)
{
    if (one->load_seed != other->load_seed || one->fault.count != other->fault.count)
        return false;
    for (int i = 0; i < one->fault.count; i++) {
        const struct ese_fault_step *a = &one->steps[i], *b = &other->steps[i];
        if (a->act != b->act || a->part != b->part || a->after_ms != b->after_ms || a->gaps != b->gaps)
            return false;
    }
    return true;
}

static void a_round_is_the_same_whatever_was_drawn_before(void **state)
{
    (void)state;
    struct ese_torture_round once, again, other;
    draw(7, 17, 200, 1, &once);
    for (int64_t number = 1; number < 17; number++)
        draw(7, number, 200, 1, &again);
    draw(7, 17, 200, 1, &again);
    assert_true(are_equal(&once, &again));
    draw(8, 17, 200, 1, &other);
    assert_false(are_equal(&once, &other));
    assert_true(once.load_seed != other.load_seed);
    draw(7, 18, 200, 1, &other);
    assert_false(are_equal(&once, &other));
    assert_true(once.load_seed != other.load_seed);
}

/* Known for ever: whoever tells of a round by its numbers has told all of it. */
static void a_seed_means_the_same_in_every_build(void **state)
{
    (void)state;
    struct ese_torture_round round;
    draw(1, 1, 200, 1, &round);
    assert_int_equal(round.load_seed, INT64_C(6812752822554229138));
    assert_int_equal(round.fault.count, 12);
    assert_int_equal(round.steps[0].after_ms, 1236);
    assert_int_equal(round.steps[11].after_ms, 12855);
}

static void look_at_absences(const struct ese_torture_round *round, int64_t rate)
{
    (void)rate;
    enum ese_act by[ESE_ROLES];
    unsigned away = 0;
    int64_t before_ms = 0;
    assert_in_range(round->fault.count, 3, ESE_DEEDS);
    assert_ptr_equal(round->fault.steps, round->steps);
    assert_true(round->fault.from_the_start);
    for (int i = 0; i < round->fault.count; i++) {
        const struct ese_fault_step *step = &round->steps[i];
        bool leaves = step->act == ESE_ACT_KILL || step->act == ESE_ACT_FREEZE;
        assert_int_equal(step->gaps, 0);
        assert_true(step->after_ms >= before_ms);
        before_ms = step->after_ms;
        for (enum ese_role role = 0; role < ESE_ROLES; role++) {
            unsigned bit = step->part->roles & ESE_ROLE_BIT(role);
            bool is_away = (away & bit) != 0;
            if (bit == 0)
                continue;
            if (leaves && is_away) /* who stands still may be killed */
                assert_true(by[role] == ESE_ACT_FREEZE && step->act == ESE_ACT_KILL);
            if (!leaves) {
                assert_true(is_away);
                assert_int_equal(by[role], step->act == ESE_ACT_START ? ESE_ACT_KILL : ESE_ACT_FREEZE);
            }
            by[role] = step->act;
            away = leaves ? away | bit : away & ~bit;
        }
    }
    assert_int_equal(away, 0);
    assert_true(before_ms <= ESE_TORTURE_LOAD_MS - 1000); /* the last is back, and events are still to come */
}

static void whoever_is_taken_away_comes_back_in_time(void **state)
{
    (void)state;
    with_each(look_at_absences);
}

/* Until the first kill nobody but the consumers is touched, and they stand still for four times the events. */
static void look_at_anchor(const struct ese_torture_round *round, int64_t rate)
{
    assert_int_equal(round->steps[0].act, ESE_ACT_FREEZE);
    assert_int_equal(round->steps[0].part->roles, CONSUMER);
    assert_int_equal(round->steps[1].act, ESE_ACT_KILL);
    int64_t still_ms = round->steps[1].after_ms - round->steps[0].after_ms;
    assert_true(still_ms * rate >= INT64_C(4000) * ESE_TORTURE_WAITING);
    assert_true(round->steps[0].after_ms >= 1000);
    /* somebody whom every journey has is among those who are killed */
    unsigned everywhere = CONSUMER | ESE_ROLE_BIT(ESE_ROLE_MAILER) | ESE_ROLE_BIT(ESE_ROLE_SINK);
    assert_true((round->steps[1].part->roles & everywhere) != 0);
}

static void at_the_first_kill_events_wait(void **state)
{
    (void)state;
    with_each(look_at_anchor);
}

/* Since when whoever keeps events has been there and had time to store what had come; the anchor is the
 * round's first kill. */
static int64_t stored_ms(const struct ese_torture_round *round)
{
    int64_t since_ms = round->steps[1].after_ms + CALM_MS;
    if ((round->steps[1].part->roles & ESE_ROLES_KEEPING) == 0)
        return since_ms;
    int back = 2;
    while (round->steps[back].act != ESE_ACT_START || round->steps[back].part != round->steps[1].part)
        back++;
    int64_t rested_ms = round->steps[back].after_ms + BROKER_REST_MS;
    return since_ms > rested_ms ? since_ms : rested_ms;
}

/* What is with a client alone dies with it, and has waited for nobody. */
static void look_at_what_waits(const struct ese_torture_round *round, int64_t rate)
{
    (void)rate;
    int64_t calm_until_ms = stored_ms(round);
    unsigned on_the_way = ESE_ROLES_KEEPING | CLIENT;
    assert_int_equal(round->steps[1].part->roles & CLIENT, 0);
    for (int i = 2; i < round->fault.count; i++) {
        const struct ese_fault_step *step = &round->steps[i];
        if (step->act != ESE_ACT_START && (step->part->roles & on_the_way) != 0)
            assert_true(step->after_ms >= round->steps[1].after_ms + CALM_MS);
        if ((step->part->roles & CLIENT) != 0)
            assert_true(step->after_ms >= calm_until_ms);
    }
}

static void what_waits_at_the_first_kill_is_stored_before_a_client_is_struck(void **state)
{
    (void)state;
    with_each(look_at_what_waits);
}

static int64_t struck[ESE_ROLES][ESE_ACTS];
static int64_t long_ones, rounds, acts;

static void count_acts(const struct ese_torture_round *round, int64_t rate)
{
    (void)rate;
    rounds++;
    for (int i = 0; i < round->fault.count; i++) {
        acts++;
        for (enum ese_role role = 0; role < ESE_ROLES; role++)
            struck[role][round->steps[i].act] += (round->steps[i].part->roles & ESE_ROLE_BIT(role)) != 0;
        for (int j = i + 1; j < round->fault.count; j++) {
            if (round->steps[i].act == ESE_ACT_FREEZE && round->steps[j].act == ESE_ACT_THAW &&
                round->steps[i].part == round->steps[j].part) {
                long_ones += round->steps[j].after_ms - round->steps[i].after_ms > ESE_TORTURE_SMTP_MS;
                break;
            }
        }
    }
}

static void everybody_is_struck_in_both_ways(void **state)
{
    (void)state;
    with_each(count_acts);
    for (enum ese_role role = 0; role < ESE_ROLES; role++) {
        if (role == ESE_ROLE_READER || role == ESE_ROLE_CROWD) /* a torture has none */
            continue;
        assert_true(struck[role][ESE_ACT_KILL] > rounds / 20);
        assert_true(struck[role][ESE_ACT_FREEZE] > rounds / 20);
    }
    assert_true(long_ones > rounds / 20);
    assert_true(acts > 6 * rounds); /* some acts behind the anchor, of two steps each */
}

/* Which members of a group are struck by themselves, in a hundred rounds. */
static unsigned members_struck(int consumers)
{
    unsigned members = 0;
    for (int64_t number = 1; number <= 100; number++) {
        struct ese_torture_round round;
        draw(1, number, 200, consumers, &round);
        for (int i = 0; i < round.fault.count; i++) {
            members |= round.steps[i].part->members;
            assert_true(round.steps[i].part->members == 0 || round.steps[i].part->roles == CONSUMER);
        }
    }
    return members;
}

static void members_of_a_group_are_struck_one_by_one(void **state)
{
    (void)state;
    assert_int_equal(members_struck(0), 0);
    assert_int_equal(members_struck(1), 0);
    assert_int_equal(members_struck(2), 3);
    assert_int_equal(members_struck(3), 7);
    assert_int_equal(members_struck(16), 7);
    struct ese_torture_round alone, group;
    draw(7, 17, 200, 1, &alone);
    draw(7, 17, 200, 3, &group);
    assert_int_equal(alone.load_seed, group.load_seed); /* the events are the same */
}

/* What is due last, and is tried until its deadline, leaves time for the drain. */
static void a_round_has_time_for_its_drain(void **state)
{
    (void)state;
    assert_true(ESE_TORTURE_LIMIT_MS <= 40000);
    assert_true(ESE_TORTURE_LOAD_MS + ESE_TORTURE_RETRY_MS + 10000 <= ESE_TORTURE_LIMIT_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_round_is_the_same_whatever_was_drawn_before),
        cmocka_unit_test(a_seed_means_the_same_in_every_build),
        cmocka_unit_test(whoever_is_taken_away_comes_back_in_time),
        cmocka_unit_test(at_the_first_kill_events_wait),
        cmocka_unit_test(what_waits_at_the_first_kill_is_stored_before_a_client_is_struck),
        cmocka_unit_test(everybody_is_struck_in_both_ways),
        cmocka_unit_test(members_of_a_group_are_struck_one_by_one),
        cmocka_unit_test(a_round_has_time_for_its_drain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
