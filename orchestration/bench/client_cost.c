/*
 * client_cost.c - what ese-client takes of a processor for an event, beside what ese-server takes that stores it. Both
 * sides are the same two programs, and differ by which of them is measured.
 */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "orchestration/bench/gauge.h"
#include "orchestration/bench/machine.h"
#include "orchestration/bench/served.h"
#include "orchestration/bench/told.h"

#define GRACE_MS 10000
#define DATA_BYTES "100"
#define ACKNOWLEDGED "ese_client_acknowledged_total"
#define LATE "ese_client_late_total"
#define LATE_MOST 0.01 /* of what was offered: beyond that it is behind its own schedule */

struct ese_contest {
    struct ese_place *place;
    struct ese_side side;
    struct ese_stint stint;
    bool of_server;
};

/* Both, and what they had used and done at some moment. */
struct pair {
    struct ese_served_life server;
    struct ese_child client;
    char address[64]; /* the client's */
};

struct moment {
    int64_t time_ns, client_ns, server_ns, acknowledged, late;
};

static int program_server(const struct ese_place *place, char path[ESE_PLACE_PATH_SIZE], struct ese_error *error)
{
    (void)place;
    return ese_place_binary("ese-server", path, error);
}

static int program_client(const struct ese_place *place, char path[ESE_PLACE_PATH_SIZE], struct ese_error *error)
{
    (void)place;
    return ese_place_binary("ese-client", path, error);
}

static int start_client(const struct ese_contest *contest, const char *directory, struct pair *pair,
                        struct ese_error *error)
{
    char binary[ESE_PLACE_PATH_SIZE], ready[ESE_PLACE_PATH_SIZE], log[ESE_PLACE_PATH_SIZE], url[80], rate[24];

    if (program_client(contest->place, binary, error) != 0 || ese_place_path(directory, "ready", ready, error) != 0 ||
        ese_place_path(contest->place->directory, "client.log", log, error) != 0)
        return -1;
    unlink(log);
    snprintf(url, sizeof url, "http://%s", pair->server.address);
    snprintf(rate, sizeof rate, "%d", contest->side.shape.rate);
    const char *const words[] = {binary, "--transport", "http", "--server", url, "--rate", rate, "--payload-bytes",
                                 DATA_BYTES, "--metrics", "127.0.0.1:0", "--ready-file", ready, "--quiet",
                                 "--log-level", "warning"};
    memcpy(pair->client.words, words, sizeof words);
    pair->client.log = log;
    int status = ese_child_start(&pair->client, error);
    if (status == 0)
        status = ese_served_wait(&pair->client, ready, pair->address, error);
    pair->client.log = NULL;
    return status;
}

static int look(const struct pair *pair, struct moment *moment, struct ese_error *error)
{
    *moment = (struct moment){.time_ns = ese_clock_monotonic_ns(),
                              .client_ns = ese_machine_tree_ns(pair->client.pid),
                              .server_ns = ese_machine_tree_ns(pair->server.child.pid)};
    if (ese_told_one(pair->address, ACKNOWLEDGED, &moment->acknowledged, error) != 0)
        return -1;
    return ese_told_one(pair->address, LATE, &moment->late, error);
}

static void fill(const struct ese_contest *contest, const struct moment *before, const struct moment *after,
                 struct ese_round *round)
{
    double time_ns = (double)(after->time_ns - before->time_ns);
    double events = (double)(after->acknowledged - before->acknowledged);
    double client_ns = (double)(after->client_ns - before->client_ns);
    double server_ns = (double)(after->server_ns - before->server_ns);
    double late = (double)(after->late - before->late);

    round->rate = events * 1e9 / time_ns;
    round->load_cores = client_ns / time_ns;
    if (events > 0) {
        round->server_us = server_ns / 1000 / events;
        round->cpu_us = contest->of_server ? round->server_us : client_ns / 1000 / events;
    }
    if (late > LATE_MOST * contest->side.shape.rate * time_ns / 1e9)
        ese_round_refuse(round, "ese-client was behind its own schedule with %.0f of %.0f events", late,
                         contest->side.shape.rate * time_ns / 1e9);
}

static int measure(const struct ese_contest *contest, struct pair *pair, struct ese_round *round,
                   struct ese_error *error)
{
    struct ese_served_account began, ended;
    struct moment before, after;
    struct ese_gauge gauge;

    if (ese_child_let_run(&pair->client, contest->stint.warm_up_ns, error) != 0 ||
        ese_served_http.account(&pair->server, &began, error) != 0)
        return -1;
    ese_gauge_begin(&gauge, 0, pair->server.directory);
    if (look(pair, &before, error) != 0 ||
        ese_child_let_run(&pair->client, contest->stint.measure_ns, error) != 0 || look(pair, &after, error) != 0)
        return -1;
    ese_gauge_end(&gauge);
    if (ese_served_http.account(&pair->server, &ended, error) != 0)
        return -1;
    fill(contest, &before, &after, round);
    double seconds = (double)gauge.time_ns / 1e9;
    round->syncs_per_s = (double)(ended.syncs - began.syncs) / seconds;
    round->commits_per_s = (double)(ended.commits - began.commits) / seconds;
    round->foreign_cores = ese_gauge_foreign_cores(&gauge);
    round->flushes_per_s = ese_gauge_flushes_per_s(&gauge);
    round->all_there = ended.stored - began.stored >= after.acknowledged - before.acknowledged;
    return 0;
}

static int run_pair(const struct ese_contest *contest, const char *directory, struct pair *pair,
                    struct ese_round *round, struct ese_error *error)
{
    char log[ESE_PLACE_PATH_SIZE];

    if (ese_place_fresh(contest->place, "server", pair->server.directory, error) != 0 ||
        ese_place_path(contest->place->directory, "server.log", log, error) != 0)
        return -1;
    unlink(log);
    pair->server.child.log = log;
    int status = ese_served_http.start(contest->place, &contest->side, &contest->stint, &pair->server, error);
    pair->server.child.log = NULL;
    if (status == 0)
        status = start_client(contest, directory, pair, error);
    return status != 0 ? -1 : measure(contest, pair, round, error);
}

static int run(struct ese_contest *contest, struct ese_round *round, struct ese_error *error)
{
    struct pair pair = {.address = ""};
    char directory[ESE_PLACE_PATH_SIZE];

    *round = (struct ese_round){.rate = 0};
    if (ese_place_fresh(contest->place, "client", directory, error) != 0)
        return -1;
    int status = run_pair(contest, directory, &pair, round, error);
    ese_child_stop(&pair.client, SIGTERM, GRACE_MS);
    ese_child_stop(&pair.server.child, SIGTERM, GRACE_MS);
    ese_place_remove(pair.server.directory);
    ese_place_remove(directory);
    if (status == 0)
        ese_round_judge(round, contest->stint.durability, 0);
    return status;
}

static struct ese_contest *make(struct ese_place *place, const struct ese_side *side, const struct ese_stint *stint,
                                bool of_server)
{
    struct ese_contest *contest = ese_alloc(sizeof *contest);

    *contest = (struct ese_contest){.place = place, .side = *side, .stint = *stint, .of_server = of_server};
    return contest;
}

static int open_client(struct ese_place *place, const struct ese_side *side, const struct ese_stint *stint,
                       struct ese_contest **contest, struct ese_error *error)
{
    (void)error;
    *contest = make(place, side, stint, false);
    return 0;
}

static int open_server(struct ese_place *place, const struct ese_side *side, const struct ese_stint *stint,
                       struct ese_contest **contest, struct ese_error *error)
{
    (void)error;
    *contest = make(place, side, stint, true);
    return 0;
}

static void close_pair(struct ese_contest **contest)
{
    free(*contest);
    *contest = NULL;
}

const struct ese_contender ese_contender_client_cost = {
    .name = "ese-client, http",
    .open = open_client,
    .run = run,
    .close = close_pair,
    .program = program_client,
};

const struct ese_contender ese_contender_server_cost = {
    .name = "the ese-server it sends to",
    .open = open_server,
    .run = run,
    .close = close_pair,
    .program = program_server,
};
