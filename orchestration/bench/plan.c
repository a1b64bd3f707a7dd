#include "orchestration/bench/plan.h"

#include <assert.h>

#include "ese-core/clock.h"
#include "ese-core/log.h"
#include "ese-core/memory.h"
#include "ese-core/service.h"

struct side {
    const struct ese_side *side;
    bool peer;
    struct ese_contest *contest; /* NULL: not opened yet */
    int rounds;                  /* finished */
};

static int run_once(struct side *side, const struct ese_row *row, int repeats, struct ese_round *round,
                    struct ese_error *error)
{
    for (int i = 0;; i++) {
        if (side->side->contender->run(side->contest, round, error) != 0)
            return ese_fail_within(error, "%s: %s", row->id, side->side->contender->name);
        if (round->foreign_cores <= ESE_FOREIGN_MOST || i == repeats)
            return 0;
        ese_log_info("%s: others used %.2f processors: once more", row->id, round->foreign_cores);
    }
}

static int one_round(const struct ese_plan *plan, struct side *side, const struct ese_row *row, struct ese_place *place,
                     struct ese_journal *journal, struct ese_error *error)
{
    struct ese_stint stint = plan->stint;
    struct ese_round round;

    stint.durability = row->durability;
    stint.sync_us = row->sync_us;
    if (side->contest == NULL && side->side->contender->open(place, side->side, &stint, &side->contest, error) != 0)
        return ese_fail_within(error, "%s: %s", row->id, side->side->contender->name);
    if (run_once(side, row, plan->repeats, &round, error) != 0)
        return -1;
    side->rounds++;
    ese_log_info("%s, round %d of %d: %s: %.*f %s%s%s", row->id, side->rounds, plan->rounds,
                 side->side->contender->name, ese_measure_digits(row->measure), ese_measure_of(row->measure, &round),
                 ese_measure_unit(row->measure), round.reason[0] == '\0' ? "" : ", void: ", round.reason);
    return ese_journal_note(journal, ese_row_rounds(row), side->peer, &round, error);
}

static int measure(const struct ese_plan *plan, struct side sides[2], const struct ese_row *row,
                   struct ese_place *place, struct ese_journal *journal, struct ese_error *error)
{
    int count = plan->ours_only ? 1 : 2;

    for (int round = 0; round < plan->rounds; round++) {
        for (int i = 0; i < count; i++) {
            if (sides[i].rounds <= round && one_round(plan, &sides[i], row, place, journal, error) != 0)
                return -1;
        }
    }
    return 0;
}

/* What takes minutes is measured once. */
static struct ese_plan plan_for(const struct ese_plan *plan, const struct ese_row *row)
{
    struct ese_plan own = *plan;

    if (row->span_ms > 0) {
        own.rounds = 1;
        own.repeats = 0;
        own.stint.measure_ns = plan->is_brief ? plan->stint.measure_ns : row->span_ms * ESE_NS_PER_MS;
    }
    return own;
}

int ese_plan_row(const struct ese_plan *all, const struct ese_row *row, struct ese_place *place,
                 struct ese_journal *journal, struct ese_row_figures *figures, struct ese_error *error)
{
    const struct ese_plan own = plan_for(all, row), *plan = &own;
    struct ese_round ours[ESE_JOURNAL_ROUNDS], peer[ESE_JOURNAL_ROUNDS];
    struct side sides[2] = {{.side = &row->ours}, {.side = &row->peer, .peer = true}};

    assert(plan->rounds > 0 && plan->rounds <= ESE_JOURNAL_ROUNDS);
    for (int i = 0; i < 2; i++)
        sides[i].rounds = ese_journal_rounds(journal, ese_row_rounds(row), sides[i].peer, sides[i].peer ? peer : ours);
    struct ese_error problem = {0};
    int status = measure(plan, sides, row, place, journal, &problem);
    for (int i = 0; i < 2; i++) {
        if (sides[i].contest != NULL)
            sides[i].side->contender->close(&sides[i].contest);
    }
    if (status != 0 && ese_service_stopping())
        return ese_fail(error, ESE_E_CLOSED, "asked to stop; what is finished is kept for another time");
    int our_count = ese_journal_rounds(journal, ese_row_rounds(row), false, ours);
    int peer_count = plan->ours_only ? 0 : ese_journal_rounds(journal, ese_row_rounds(row), true, peer);
    ese_figures_make(row, ours, our_count, peer, peer_count, figures);
    if (status != 0)
        snprintf(figures->reason, sizeof figures->reason, "%s", problem.text);
    return 0;
}
