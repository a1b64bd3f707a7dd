/*
 * backlog.c - many events wait, and somebody begins to read them: ese-consumer with its rules and its state file, or
 * kcat, which looks at none of them. The time runs from the start of the process until the last one is had.
 *
 * The events lie a millisecond of client_ts apart, as they do where somebody was away: event time goes on with them,
 * and keys leave the rules' state by it.
 */
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "ese-core/service.h"
#include "orchestration/bench/gauge.h"
#include "orchestration/bench/machine.h"
#include "orchestration/bench/outside.h"
#include "orchestration/bench/served.h"
#include "orchestration/bench/told.h"

#define PREFIX "backlog-" /* its topics are of its own, so that all that is in them is the backlog */
#define TOPIC PREFIX ESE_PLACE_CLICKS
#define GROUP "backlog" /* of no other topics, whose partitions a member that comes back would be given */
#define GRACE_MS 10000
#define FILL_MS 300000
#define READ_MS 600000
#define PATIENCE_NS (20 * ESE_NS_PER_S) /* without an event more */
#define LOOK_NS (20 * ESE_NS_PER_MS)
#define MIB (1024.0 * 1024.0)
#define GROWN_MOST_MIB 16 /* from when a quarter was had to the end: more is not flat, */
#define FILLED 250000     /* when that is so many events: until then queues are filled */

/* One life of a consumer. */
struct reading {
    struct ese_child child;
    char address[64];
    int64_t count; /* to be had */
    int64_t had;
    double quarter_mib, most_mib; /* resident, when a quarter was had; at most, from then on */
};

static int program(const struct ese_place *place, char path[ESE_PLACE_PATH_SIZE], struct ese_error *error)
{
    (void)place;
    return ese_place_binary("ese-consumer", path, error);
}

/* ---- ese-consumer ---------------------------------------------------------------------------------------------- */

static void look_at_memory(struct reading *reading)
{
    double mib = (double)ese_machine_resident_bytes(reading->child.pid) / MIB;

    if (reading->had * 4 < reading->count)
        return;
    if (reading->quarter_mib <= 0)
        reading->quarter_mib = mib;
    if (mib > reading->most_mib)
        reading->most_mib = mib;
}

static int wait_until_had(struct reading *reading, struct ese_error *error)
{
    int64_t heard_ns = ese_clock_monotonic_ns();

    while (reading->had < reading->count) {
        int64_t now_ns = ese_clock_monotonic_ns(), before = reading->had;
        if (ese_service_stopping())
            return ese_fail(error, ESE_E_CLOSED, "asked to stop");
        if (!ese_child_running(&reading->child, NULL) || now_ns - heard_ns > PATIENCE_NS)
            return ese_child_complain(&reading->child, "does not go on", error);
        if (ese_told_one(reading->address, "ese_consumer_processed_total", &reading->had, error) != 0)
            return -1;
        look_at_memory(reading);
        heard_ns = reading->had > before ? now_ns : heard_ns;
        if (reading->had < reading->count)
            ese_clock_sleep_until(now_ns + LOOK_NS);
    }
    return 0;
}

static int take_syncs(const struct reading *reading, double seconds, struct ese_round *round, struct ese_error *error)
{
    char *text;

    if (ese_told_ask(reading->address, &text, error) != 0)
        return -1;
    round->syncs_per_s = (double)ese_told_value(text, "ese_sqlite_syncs_total", NULL) / seconds;
    round->commits_per_s = (double)ese_told_value(text, "ese_consumer_batches_total", NULL) / seconds;
    free(text);
    return 0;
}

static int measure(struct reading *reading, const char *ready, const char *directory, struct ese_round *round,
                   struct ese_error *error)
{
    struct ese_gauge gauge;

    ese_gauge_begin(&gauge, 0, directory);
    if (ese_child_start(&reading->child, error) != 0 ||
        ese_served_wait(&reading->child, ready, reading->address, error) != 0 || wait_until_had(reading, error) != 0)
        return -1;
    int64_t cpu_ns = ese_machine_tree_ns(reading->child.pid);
    ese_gauge_end(&gauge);
    double seconds = (double)gauge.time_ns / 1e9;
    round->rate = (double)reading->had / seconds;
    round->server_us = (double)cpu_ns / 1000 / (double)reading->had;
    round->memory_mib = reading->most_mib;
    round->foreign_cores = ese_gauge_foreign_cores(&gauge);
    round->flushes_per_s = ese_gauge_flushes_per_s(&gauge);
    round->all_there = reading->had == reading->count;
    if (reading->count / 4 >= FILLED && reading->most_mib > reading->quarter_mib + GROWN_MOST_MIB)
        ese_round_refuse(round, "its memory grew from %.0f MiB at a quarter to %.0f", reading->quarter_mib,
                         reading->most_mib);
    return take_syncs(reading, seconds, round, error);
}

/* words: the transport and its own, ended by NULL. */
static int consume(const struct ese_contest *contest, int64_t count, const char *const *words, struct ese_round *round,
                   struct ese_error *error)
{
    char binary[ESE_PLACE_PATH_SIZE], directory[ESE_PLACE_PATH_SIZE], state[ESE_PLACE_PATH_SIZE];
    char ready[ESE_PLACE_PATH_SIZE], log[ESE_PLACE_PATH_SIZE];
    struct reading reading = {.count = count};

    *round = (struct ese_round){.rate = 0};
    if (program(contest->place, binary, error) != 0 ||
        ese_place_fresh(contest->place, "reader", directory, error) != 0 ||
        ese_place_path(directory, "state", state, error) != 0 ||
        ese_place_path(directory, "ready", ready, error) != 0 ||
        ese_place_path(contest->place->directory, "reader.log", log, error) != 0)
        return -1;
    unlink(log);
    const char *const common[] = {binary, "--group", GROUP, "--state", state, "--durability",
                                  ese_durability_name(contest->stint.durability), "--metrics", "127.0.0.1:0",
                                  "--ready-file", ready, "--quiet", "--log-level", "warning"};
    memcpy(reading.child.words, common, sizeof common);
    for (size_t i = ESE_COUNT_OF(common); *words != NULL; words++, i++)
        reading.child.words[i] = *words;
    reading.child.log = log;
    int status = measure(&reading, ready, directory, round, error);
    ese_child_stop(&reading.child, SIGTERM, GRACE_MS);
    ese_place_remove(directory);
    if (status == 0)
        ese_round_judge(round, contest->stint.durability, 0);
    return status;
}

/* ---- kafka ----------------------------------------------------------------------------------------------------- */

/* Once for all rounds and rows: reading leaves it as it is. */
static int fill_topics(struct ese_place *place, const char *bootstrap, int64_t count, struct ese_error *error)
{
    char binary[ESE_PLACE_PATH_SIZE], number[24], *said;
    struct ese_round ignored;
    json_int_t missing = -1;

    if (place->backlog == count)
        return 0;
    if (ese_place_binary("ese-bare", binary, error) != 0)
        return -1;
    snprintf(number, sizeof number, "%lld", (long long)count);
    struct ese_child child = {
        .words = {binary, "--bootstrap-servers", bootstrap, "--topic", TOPIC, "--count", number}};
    if (ese_outside_run(place, &child, FILL_MS, &ignored, &said, error) != 0)
        return -1;
    json_t *object = json_loads(said, 0, NULL);
    int status = json_unpack(object, "{s:I}", "missing", &missing);
    json_decref(object);
    free(said);
    if (status != 0 || missing != 0)
        return ese_fail(error, ESE_E_IO, "of a backlog of %s events some were not taken", number);
    place->backlog = count;
    return 0;
}

static int open_kafka(struct ese_place *place, const struct ese_side *side, const struct ese_stint *stint,
                      struct ese_contest **contest, struct ese_error *error)
{
    const char *bootstrap;

    if (ese_outside_open(place, side, stint, contest, error) != 0)
        return -1;
    if (ese_place_topics(place, PREFIX, &bootstrap, error) == 0 &&
        fill_topics(place, bootstrap, stint->backlog, error) == 0)
        return 0;
    ese_outside_close(contest);
    return -1;
}

static int run_kafka(struct ese_contest *contest, struct ese_round *round, struct ese_error *error)
{
    const char *const words[] = {"--transport", "kafka", "--bootstrap-servers", contest->bootstrap, "--topic-prefix",
                                 PREFIX, NULL};

    return consume(contest, contest->stint.backlog, words, round, error);
}

const struct ese_contender ese_contender_backlog_kafka = {
    .name = "ese-consumer, kafka",
    .open = open_kafka,
    .run = run_kafka,
    .close = ese_outside_close,
    .program = program,
};

/* ---- http ------------------------------------------------------------------------------------------------------ */

#define FILLING_NS (100 * ESE_NS_PER_MS) /* a time */
#define FILLING_CONNECTIONS 16
#define FILLING_BATCH 100

struct backlog {
    struct ese_contest common;
    struct ese_served_life life; /* of the server, for all rounds */
    int64_t stored;
};

static int fill_more(struct backlog *backlog, int64_t first_ms, struct ese_error *error)
{
    const struct ese_load_options options = {
        .protocol = &ese_bench_http,
        .address = backlog->life.address,
        .shape = {FILLING_CONNECTIONS, FILLING_BATCH, 0},
        .first_ms = first_ms,
        .step_ms = FILLING_CONNECTIONS,
        .measure_ns = FILLING_NS,
    };
    struct ese_served_account account;
    struct ese_load_result result;

    int status = ese_load_run(&options, &result, error);
    if (status == 0 && result.wrong > 0)
        status = ese_fail(error, ESE_E_IO, "some of a backlog's events were not taken: %s", result.wrong_words);
    ese_load_clear(&result);
    if (status == 0)
        status = ese_served_http.account(&backlog->life, &account, error);
    if (status == 0)
        backlog->stored = account.stored;
    return status;
}

static int fill_server(struct backlog *backlog, struct ese_error *error)
{
    const struct ese_contest *common = &backlog->common;
    char log[ESE_PLACE_PATH_SIZE];

    if (ese_place_fresh(common->place, "server", backlog->life.directory, error) != 0 ||
        ese_place_path(common->place->directory, "server.log", log, error) != 0)
        return -1;
    unlink(log);
    backlog->life.child.log = log;
    int status = ese_served_http.start(common->place, &common->side, &common->stint, &backlog->life, error);
    backlog->life.child.log = NULL;
    int64_t begin_ms = ese_clock_wall_ms() - common->stint.backlog;
    while (status == 0 && backlog->stored < common->stint.backlog)
        status = fill_more(backlog, begin_ms + backlog->stored, error);
    return status;
}

static void close_http(struct ese_contest **contest)
{
    struct backlog *backlog = (struct backlog *)*contest;

    *contest = NULL;
    if (backlog == NULL)
        return;
    ese_child_stop(&backlog->life.child, SIGTERM, GRACE_MS);
    ese_place_remove(backlog->life.directory);
    free(backlog);
}

static int open_http(struct ese_place *place, const struct ese_side *side, const struct ese_stint *stint,
                     struct ese_contest **contest, struct ese_error *error)
{
    struct backlog *backlog = ese_alloc(sizeof *backlog);

    backlog->common = (struct ese_contest){.place = place, .side = *side, .stint = *stint};
    *contest = &backlog->common;
    if (fill_server(backlog, error) == 0)
        return 0;
    close_http(contest);
    return -1;
}

/* All that is there, which may be some more than was wanted. */
static int run_http(struct ese_contest *contest, struct ese_round *round, struct ese_error *error)
{
    const struct backlog *backlog = (const struct backlog *)contest;
    char url[80];
    const char *const words[] = {"--transport", "http", "--server", url, NULL};

    snprintf(url, sizeof url, "http://%s", backlog->life.address);
    return consume(contest, backlog->stored, words, round, error);
}

const struct ese_contender ese_contender_backlog_http = {
    .name = "ese-consumer, http",
    .open = open_http,
    .run = run_http,
    .close = close_http,
    .program = program,
};

/* ---- kcat ------------------------------------------------------------------------------------------------------ */

static int program_kcat(const struct ese_place *place, char path[ESE_PLACE_PATH_SIZE], struct ese_error *error)
{
    return ese_place_peer(place, "kcat", path, error);
}

/* It ends behind so many, and fails where there are not. It keeps nothing, so that there is nothing to be synced. */
static int run_kcat(struct ese_contest *contest, struct ese_round *round, struct ese_error *error)
{
    char binary[ESE_PLACE_PATH_SIZE], libraries[ESE_PLACE_PATH_SIZE], log[ESE_PLACE_PATH_SIZE], number[24];
    struct ese_gauge gauge;

    *round = (struct ese_round){.rate = 0};
    if (program_kcat(contest->place, binary, error) != 0 ||
        ese_place_peer_libraries(contest->place, libraries, error) != 0 ||
        ese_place_path(contest->place->directory, "kcat.log", log, error) != 0)
        return -1;
    unlink(log);
    snprintf(number, sizeof number, "%lld", (long long)contest->stint.backlog);
    struct ese_child child = {.words = {binary, "-C", "-q", "-b", contest->bootstrap, "-t", TOPIC, "-o", "beginning",
                                        "-c", number},
                              .libraries = libraries, .output = "/dev/null", .log = log};
    ese_gauge_begin(&gauge, 0, contest->place->directory);
    if (ese_child_run(&child, READ_MS, error) != 0)
        return -1;
    ese_gauge_end(&gauge);
    round->rate = (double)contest->stint.backlog * 1e9 / (double)gauge.time_ns;
    round->foreign_cores = ese_gauge_foreign_cores(&gauge);
    round->syncs_per_s = round->commits_per_s = round->flushes_per_s = ESE_ROUND_UNKNOWN;
    round->all_there = true;
    return 0;
}

const struct ese_contender ese_contender_kcat = {
    .name = "kcat",
    .open = open_kafka,
    .run = run_kcat,
    .close = ese_outside_close,
    .program = program_kcat,
};
