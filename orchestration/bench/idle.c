/*
 * idle.c - what our binaries have of memory while nobody asks anything of them: the largest of those looked at.
 *
 * A client sends one event a second, as one that sends nothing ends. Beside them stands a bound.
 */
#include "ese-core/log.h"
#include "orchestration/bench/contender.h"
#include "orchestration/bench/fleet.h"
#include "orchestration/bench/gauge.h"

#define ANY "127.0.0.1:0"
#define NOBODY "127.0.0.1:1" /* no SMTP server is there */

static const struct ese_fleet_binary with_http[] = {
    {"ese-server", {"--transport", "http", "--data", ESE_FLEET_DATA, "--listen", ANY}},
    {"ese-client", {"--transport", "http", "--server", ESE_FLEET_SERVER, "--rate", "1", "--metrics", ANY, "--quiet"}},
    {"ese-consumer", {"--transport", "http", "--server", ESE_FLEET_SERVER, "--metrics", ANY, "--quiet"}},
    {"ese-mailer", {"--listen", ANY, "--smtp", NOBODY}},
    {.name = NULL},
};
static const struct ese_fleet_binary with_kafka[] = {
    {"ese-client", {"--transport", "kafka:via=direct", "--bootstrap-servers", ESE_FLEET_BROKER, "--topic-prefix", "os-",
                    "--rate", "1", "--metrics", ANY, "--quiet"}},
    {"ese-consumer", {"--transport", "kafka", "--bootstrap-servers", ESE_FLEET_BROKER, "--topic-prefix", "os-",
                      "--from", "latest", "--metrics", ANY, "--quiet"}},
    {.name = NULL},
};
static const struct ese_fleet_binary gateway[] = {
    {"ese-server", {"--transport", "kafka", "--bootstrap-servers", ESE_FLEET_BROKER, "--topic-prefix", "os-",
                    "--listen", ANY}},
    {.name = NULL},
};

/* ---- a round --------------------------------------------------------------------------------------------------- */

static int measure(const struct ese_contest *contest, struct ese_fleet *fleet, struct ese_round *round,
                   struct ese_error *error)
{
    struct ese_gauge gauge;
    double mib;

    ese_gauge_begin(&gauge, 0, contest->place->directory);
    if (ese_child_let_run(&fleet->lives[0].child, contest->stint.warm_up_ns + contest->stint.measure_ns, error) != 0)
        return -1;
    ese_gauge_end(&gauge);
    round->foreign_cores = ese_gauge_foreign_cores(&gauge);
    round->syncs_per_s = round->commits_per_s = round->flushes_per_s = ESE_ROUND_UNKNOWN;
    round->all_there = true;
    for (int i = 0; i < fleet->count; i++) {
        if (ese_fleet_memory(fleet, i, &mib, error) != 0)
            return -1;
        ese_log_info("%s: %.1f MiB", fleet->binaries[i].name, mib);
        round->memory_mib = mib > round->memory_mib ? mib : round->memory_mib;
    }
    return 0;
}

static int run(struct ese_contest *contest, struct ese_round *round, struct ese_error *error)
{
    struct ese_fleet fleet = {.place = contest->place, .binaries = contest->binaries};

    *round = (struct ese_round){.rate = 0};
    int status = ese_fleet_start(&fleet, error);
    if (status == 0)
        status = measure(contest, &fleet, round, error);
    ese_fleet_stop(&fleet);
    return status;
}

/* ---- who is looked at ------------------------------------------------------------------------------------------ */

static int open_http(struct ese_place *place, const struct ese_side *side, const struct ese_stint *stint,
                     struct ese_contest **contest, struct ese_error *error)
{
    (void)side;
    (void)error;
    return ese_fleet_contest_open(place, stint, with_http, contest);
}

static int open_kafka(struct ese_place *place, const struct ese_side *side, const struct ese_stint *stint,
                      struct ese_contest **contest, struct ese_error *error)
{
    (void)side;
    (void)error;
    return ese_fleet_contest_open(place, stint, with_kafka, contest);
}

static int open_gateway(struct ese_place *place, const struct ese_side *side, const struct ese_stint *stint,
                        struct ese_contest **contest, struct ese_error *error)
{
    (void)side;
    (void)error;
    return ese_fleet_contest_open(place, stint, gateway, contest);
}

const struct ese_contender ese_contender_idle_http = {
    .name = "the largest of four, http",
    .open = open_http,
    .run = run,
    .close = ese_fleet_contest_close,
    .program = ese_fleet_contest_program,
};

const struct ese_contender ese_contender_idle_kafka = {
    .name = "the larger of ese-client and ese-consumer, kafka",
    .open = open_kafka,
    .run = run,
    .close = ese_fleet_contest_close,
    .program = ese_fleet_contest_program,
};

const struct ese_contender ese_contender_idle_gateway = {
    .name = "ese-server, kafka",
    .open = open_gateway,
    .run = run,
    .close = ese_fleet_contest_close,
    .program = ese_fleet_contest_program,
};

/* ---- what they are held against --------------------------------------------------------------------------------- */

static int open_bound(struct ese_place *place, const struct ese_side *side, const struct ese_stint *stint,
                      struct ese_contest **contest, struct ese_error *error)
{
    (void)side;
    (void)error;
    return ese_fleet_contest_open(place, stint, NULL, contest);
}

static int run_bound(struct ese_contest *contest, struct ese_round *round, struct ese_error *error)
{
    (void)contest;
    (void)error;
    *round = (struct ese_round){.memory_mib = 16, .all_there = true, .syncs_per_s = ESE_ROUND_UNKNOWN,
                                .commits_per_s = ESE_ROUND_UNKNOWN, .flushes_per_s = ESE_ROUND_UNKNOWN};
    return 0;
}

const struct ese_contender ese_contender_bound = {
    .name = "16 MiB",
    .open = open_bound,
    .run = run_bound,
    .close = ese_fleet_contest_close,
    .program = ese_fleet_contest_program,
};
