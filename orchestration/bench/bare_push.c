/* bare_push.c - ese-bare-push, a loop of libcurl's and nothing else; and a figure without a program, to be reached. */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "ese-core/memory.h"
#include "orchestration/bench/delivery.h"

#define GRACE_MS 5000
#define BOUND 100000 /* events a second */

struct ese_contest {
    struct ese_place *place;
    struct ese_stint stint;
};

static int program(const struct ese_place *place, char path[ESE_PLACE_PATH_SIZE], struct ese_error *error)
{
    (void)place;
    return ese_place_binary("ese-bare-push", path, error);
}

static int open_contest(struct ese_place *place, const struct ese_side *side, const struct ese_stint *stint,
                        struct ese_contest **contest, struct ese_error *error)
{
    char path[ESE_PLACE_PATH_SIZE];

    *contest = NULL;
    if (side->contender->program(place, path, error) != 0)
        return -1;
    *contest = ese_alloc(sizeof **contest);
    **contest = (struct ese_contest){.place = place, .stint = *stint};
    return 0;
}

static void close_contest(struct ese_contest **contest)
{
    free(*contest);
    *contest = NULL;
}

static int push(const struct ese_contest *contest, struct ese_sink *sink, struct ese_round *round,
                struct ese_error *error)
{
    char binary[ESE_PLACE_PATH_SIZE], log[ESE_PLACE_PATH_SIZE], url[ESE_SINK_URL_SIZE];

    if (program(contest->place, binary, error) != 0 ||
        ese_place_path(contest->place->directory, "outside.log", log, error) != 0)
        return -1;
    unlink(log);
    ese_sink_url(sink, 0, url);
    struct ese_child child = {.words = {binary, "--url", url}, .log = log};
    struct ese_delivery delivery = {.sink = sink, .child = &child, .stint = &contest->stint,
                                    .directory = contest->place->directory, .total = INT64_MAX};
    int status = ese_child_start(&child, error);
    if (status == 0)
        status = ese_delivery_measure(&delivery, round, error);
    ese_child_stop(&child, SIGTERM, GRACE_MS);
    return status;
}

static int run(struct ese_contest *contest, struct ese_round *round, struct ese_error *error)
{
    struct ese_sink *sink = NULL;
    int status = ese_sink_open(&sink, error);

    *round = (struct ese_round){.rate = 0};
    if (status == 0)
        status = push(contest, sink, round, error);
    ese_sink_close(&sink);
    if (status == 0)
        ese_round_judge(round, contest->stint.durability, 0);
    return status;
}

const struct ese_contender ese_contender_bare_push = {
    .name = "bare libcurl loop",
    .open = open_contest,
    .run = run,
    .close = close_contest,
    .program = program,
};

/* ---- a bound --------------------------------------------------------------------------------------------------- */

/* It has none: that of who is held against it. */
static int server_program(const struct ese_place *place, char path[ESE_PLACE_PATH_SIZE], struct ese_error *error)
{
    (void)place;
    return ese_place_binary("ese-server", path, error);
}

static int run_bound(struct ese_contest *contest, struct ese_round *round, struct ese_error *error)
{
    (void)contest;
    (void)error;
    *round = (struct ese_round){.rate = BOUND, .all_there = true, .syncs_per_s = ESE_ROUND_UNKNOWN,
                                .commits_per_s = ESE_ROUND_UNKNOWN, .flushes_per_s = ESE_ROUND_UNKNOWN};
    return 0;
}

const struct ese_contender ese_contender_bound_rate = {
    .name = "100,000 a second",
    .open = open_contest,
    .run = run_bound,
    .close = close_contest,
    .program = server_program,
};
