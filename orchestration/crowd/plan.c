#include "orchestration/crowd/plan.h"

#include <assert.h>

#include "ese-core/random.h"

/* Early enough that a run of some seconds sees the end of it, at a rate of some ten events a second. */
#define AFTER_MOST 60
#define LASTS_LEAST_MS 500
#define LASTS_MOST_MS 2000
#define WAITS_LEAST_MS 50
#define WAITS_MOST_MS 400

#define OF_WHO 0 /* the stream of random numbers that says who is flaky; the destinations' own follow */

const char *ese_crowd_kind_name(enum ese_crowd_kind kind)
{
    static const char *const names[ESE_CROWD_KINDS] = {"healthy", "slow", "failing", "away", "hung"};
    return names[kind];
}

static int draw(struct ese_random *random, int least, int most)
{
    return least + (int)ese_random_below(random, (uint64_t)(most - least + 1));
}

/* All figures are drawn, whatever the kind: so a destination's do not depend on who else is flaky. */
static struct ese_crowd_way draw_way(int64_t seed, int number, enum ese_crowd_kind kind)
{
    struct ese_random random = ese_random_seeded((uint64_t)seed, (uint64_t)number);
    int after = draw(&random, 1, AFTER_MOST);
    int for_ms = draw(&random, LASTS_LEAST_MS, LASTS_MOST_MS);
    int wait_ms = draw(&random, WAITS_LEAST_MS, WAITS_MOST_MS);
    return (struct ese_crowd_way){
        .kind = kind,
        .after = kind == ESE_CROWD_HEALTHY ? 0 : kind == ESE_CROWD_SLOW ? 1 : after,
        .for_ms = kind == ESE_CROWD_FAILING || kind == ESE_CROWD_AWAY ? for_ms : 0,
        .wait_ms = kind == ESE_CROWD_SLOW ? wait_ms : 0,
    };
}

/* The first of those who are flaky hangs, the others take turns. */
static enum ese_crowd_kind kind_of(int place)
{
    static const enum ese_crowd_kind others[] = {ESE_CROWD_SLOW, ESE_CROWD_FAILING, ESE_CROWD_AWAY};
    return place == 0 ? ESE_CROWD_HUNG : others[(place - 1) % 3];
}

void ese_crowd_draw(int64_t seed, int count, int percent, struct ese_crowd_way ways[])
{
    struct ese_random random = ese_random_seeded((uint64_t)seed, OF_WHO);
    int order[ESE_CROWD_MOST], flaky = (count * percent + 99) / 100;
    assert(count <= ESE_CROWD_MOST && percent <= 100);
    for (int i = 0; i < count; i++)
        order[i] = i;
    for (int i = 0; i < count; i++) {
        int other = draw(&random, i, count - 1), taken = order[other];
        order[other] = order[i];
        order[i] = taken;
        ways[taken] = draw_way(seed, taken + 1, i < flaky ? kind_of(i) : ESE_CROWD_HEALTHY);
    }
}

static void write_way(const struct ese_crowd_way *way, int number, struct ese_buffer *text)
{
    ese_buffer_printf(text, "destination %d: %s", number, ese_crowd_kind_name(way->kind));
    if (way->kind == ESE_CROWD_SLOW)
        ese_buffer_printf(text, ", %d ms for each batch\n", way->wait_ms);
    else if (way->kind == ESE_CROWD_HUNG)
        ese_buffer_printf(text, " from its event %d on\n", way->after);
    else
        ese_buffer_printf(text, " from its event %d on, for %d ms\n", way->after, way->for_ms);
}

void ese_crowd_plan_write(const struct ese_crowd_way ways[], int count, struct ese_buffer *text)
{
    for (int i = 0; i < count; i++) {
        if (ways[i].kind != ESE_CROWD_HEALTHY)
            write_way(&ways[i], i + 1, text);
    }
}
