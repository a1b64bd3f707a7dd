/*
 * soak.c - whether memory is flat: four binaries of ours work for minutes at half of what they can, and the figure is
 * by how much that of any of them grew after the first quarter. What they can is looked at before, for a hundredth of
 * the time.
 */
#include "ese-core/clock.h"
#include "ese-core/log.h"
#include "orchestration/bench/contender.h"
#include "orchestration/bench/fleet.h"
#include "orchestration/bench/gauge.h"
#include "orchestration/bench/told.h"

#define ANY "127.0.0.1:0"
#define NOBODY "127.0.0.1:1" /* no SMTP server is there: mails stay in the outbox */
#define CLIENT 3             /* its place in the fleet */
#define CONSUMER 2
#define LOOK_NS (500 * ESE_NS_PER_MS)
#define SHORTEST_LOOK_NS ESE_NS_PER_S
#define FIRST_NS (30 * ESE_NS_PER_S)
#define LEAST_MIB 0.1   /* of growth: less cannot be told from nothing */
#define LATE_MOST 0.01  /* of what was offered: beyond that the client was behind its own schedule */
#define BEHIND_MOST_S 5 /* of what is acknowledged the consumer may lack so much at the end */

static const struct ese_fleet_binary with_http[] = {
    {"ese-server", {"--transport", "http", "--data", ESE_FLEET_DATA, "--listen", ANY, "--max-bytes", "68719476736"}},
    {"ese-mailer", {"--listen", ANY, "--smtp", NOBODY}},
    {"ese-consumer", {"--transport", "http", "--server", ESE_FLEET_SERVER, "--mailer", ESE_FLEET_MAILER, "--metrics",
                      ANY, "--quiet"}},
    {"ese-client", {"--transport", "http", "--server", ESE_FLEET_SERVER, "--rate", ESE_FLEET_RATE, "--metrics", ANY,
                    "--quiet"}},
    {.name = NULL},
};
static const struct ese_fleet_binary with_kafka[] = {
    {"ese-server", {"--transport", "kafka", "--bootstrap-servers", ESE_FLEET_BROKER, "--topic-prefix", "os-",
                    "--listen", ANY}},
    {"ese-mailer", {"--listen", ANY, "--smtp", NOBODY}},
    {"ese-consumer", {"--transport", "kafka", "--bootstrap-servers", ESE_FLEET_BROKER, "--topic-prefix", "os-",
                      "--from", "latest", "--mailer", ESE_FLEET_MAILER, "--metrics", ANY, "--quiet"}},
    {"ese-client", {"--transport", "kafka", "--server", ESE_FLEET_SERVER, "--rate", ESE_FLEET_RATE, "--metrics", ANY,
                    "--quiet"}},
    {.name = NULL},
};

/* What was done since the start. */
struct done {
    int64_t acknowledged, late, processed;
};

/* ---- looking --------------------------------------------------------------------------------------------------- */

static int look(const struct ese_fleet *fleet, struct done *done, struct ese_error *error)
{
    const char *client = fleet->lives[CLIENT].address, *consumer = fleet->lives[CONSUMER].address;

    if (ese_told_one(client, "ese_client_acknowledged_total", &done->acknowledged, error) != 0 ||
        ese_told_one(client, "ese_client_late_total", &done->late, error) != 0)
        return -1;
    return ese_told_one(consumer, "ese_consumer_processed_total", &done->processed, error);
}

/* Until the first event has come to the end of its way: a member of a group is given nothing for a while. */
static int wait_for_the_first(const struct ese_fleet *fleet, struct done *done, struct ese_error *error)
{
    int64_t until_ns = ese_clock_monotonic_ns() + FIRST_NS;

    do {
        if (ese_child_let_run(&fleet->lives[CLIENT].child, LOOK_NS, error) != 0 || look(fleet, done, error) != 0)
            return -1;
    } while (done->processed == 0 && ese_clock_monotonic_ns() < until_ns);
    return done->processed > 0 ? 0 : ese_fail(error, ESE_E_TIMEOUT, "nothing is processed");
}

/* Events a second that the whole of them takes. */
static int find_most(const struct ese_contest *contest, int64_t *most, struct ese_error *error)
{
    struct ese_fleet fleet = {.place = contest->place, .binaries = contest->binaries, .rate = "max"};
    int64_t span_ns = contest->stint.measure_ns / 100;
    struct done before, after;

    if (span_ns < SHORTEST_LOOK_NS)
        span_ns = SHORTEST_LOOK_NS;
    int status = ese_fleet_start(&fleet, error);
    if (status == 0)
        status = wait_for_the_first(&fleet, &before, error);
    int64_t began_ns = ese_clock_monotonic_ns();
    if (status == 0)
        status = ese_child_let_run(&fleet.lives[CLIENT].child, span_ns, error);
    if (status == 0)
        status = look(&fleet, &after, error);
    int64_t took_ns = ese_clock_monotonic_ns() - began_ns;
    ese_fleet_stop(&fleet);
    if (status != 0)
        return -1;
    int64_t acknowledged = after.acknowledged - before.acknowledged, processed = after.processed - before.processed;
    *most = (acknowledged < processed ? acknowledged : processed) * ESE_NS_PER_S / took_ns;
    return *most > 1 ? 0 : ese_fail(error, ESE_E_TIMEOUT, "nothing is processed");
}

/* Of each of them at a quarter of the time, and from then on at most. */
struct memories {
    double quarter[ESE_FLEET_MOST], most[ESE_FLEET_MOST];
};

static int watch(struct ese_fleet *fleet, int64_t span_ns, struct memories *memories, struct ese_error *error)
{
    int64_t began_ns = ese_clock_monotonic_ns(), now_ns = began_ns;
    double mib;

    for (; now_ns - began_ns < span_ns; now_ns = ese_clock_monotonic_ns()) {
        if (ese_child_let_run(&fleet->lives[CLIENT].child, LOOK_NS, error) != 0)
            return -1;
        for (int i = 0; i < fleet->count && (now_ns - began_ns) * 4 >= span_ns; i++) {
            if (ese_fleet_memory(fleet, i, &mib, error) != 0)
                return -1;
            if (memories->quarter[i] <= 0)
                memories->quarter[i] = mib;
            memories->most[i] = mib > memories->most[i] ? mib : memories->most[i];
        }
    }
    return 0;
}

/* ---- a round --------------------------------------------------------------------------------------------------- */

static void fill(const struct ese_fleet *fleet, const struct memories *memories, const struct done *done, int64_t rate,
                 double seconds, struct ese_round *round)
{
    double offered = (double)rate * seconds;

    round->memory_mib = LEAST_MIB;
    for (int i = 0; i < fleet->count; i++) {
        double grown = memories->most[i] - memories->quarter[i];
        ese_log_info("%s: %.1f MiB at a quarter, then at most %.1f", fleet->binaries[i].name, memories->quarter[i],
                     memories->most[i]);
        round->memory_mib = grown > round->memory_mib ? grown : round->memory_mib;
    }
    round->rate = (double)done->acknowledged / seconds;
    round->all_there = done->processed + BEHIND_MOST_S * rate >= done->acknowledged;
    if ((double)done->late > LATE_MOST * offered)
        ese_round_refuse(round, "ese-client was behind its own schedule with %lld of %.0f events",
                         (long long)done->late, offered);
}

static int soak(const struct ese_contest *contest, struct ese_fleet *fleet, int64_t rate, struct ese_round *round,
                struct ese_error *error)
{
    struct memories memories = {.quarter = {0}};
    struct ese_gauge gauge;
    struct done done;

    ese_gauge_begin(&gauge, 0, contest->place->directory);
    if (watch(fleet, contest->stint.measure_ns, &memories, error) != 0 || look(fleet, &done, error) != 0)
        return -1;
    ese_gauge_end(&gauge);
    round->foreign_cores = ese_gauge_foreign_cores(&gauge);
    round->syncs_per_s = round->commits_per_s = round->flushes_per_s = ESE_ROUND_UNKNOWN;
    fill(fleet, &memories, &done, rate, (double)gauge.time_ns / 1e9, round);
    return 0;
}

static int run(struct ese_contest *contest, struct ese_round *round, struct ese_error *error)
{
    char rate[24];
    struct ese_fleet fleet = {.place = contest->place, .binaries = contest->binaries, .rate = rate};
    int64_t most;

    *round = (struct ese_round){.rate = 0};
    if (find_most(contest, &most, error) != 0)
        return -1;
    snprintf(rate, sizeof rate, "%lld", (long long)most / 2);
    ese_log_info("at %s events a second, half of the most", rate);
    int status = ese_fleet_start(&fleet, error);
    if (status == 0)
        status = soak(contest, &fleet, most / 2, round, error);
    ese_fleet_stop(&fleet);
    if (status == 0)
        ese_round_judge(round, contest->stint.durability, 0);
    return status;
}

/* ---- the contender --------------------------------------------------------------------------------------------- */

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

const struct ese_contender ese_contender_soak_http = {
    .name = "the fastest to grow of four, http",
    .open = open_http,
    .run = run,
    .close = ese_fleet_contest_close,
    .program = ese_fleet_contest_program,
};

const struct ese_contender ese_contender_soak_kafka = {
    .name = "the fastest to grow of four, kafka",
    .open = open_kafka,
    .run = run,
    .close = ese_fleet_contest_close,
    .program = ese_fleet_contest_program,
};
