/* direct.c - ese-client as fast as it can, straight to the broker: what it tells at /metrics between two moments. */
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "orchestration/bench/gauge.h"
#include "orchestration/bench/outside.h"
#include "orchestration/bench/served.h"
#include "orchestration/bench/told.h"

#define GRACE_MS 10000
#define FINISH_MS 60000 /* for the outcomes of what is in flight, which who is told to end waits for two seconds only */
#define MORE_S 2        /* it sends longer than it is measured: whole seconds, and until it is looked at */
#define DATA_BYTES "100" /* with what stands around it the record's value has ESE_PAYLOAD_BYTES, give or take a few */
#define ACKNOWLEDGED "ese_client_acknowledged_total"

static int program(const struct ese_place *place, char path[ESE_PLACE_PATH_SIZE], struct ese_error *error)
{
    (void)place;
    return ese_place_binary("ese-client", path, error);
}

static int measure(const struct ese_contest *contest, struct ese_child *child, const char *address,
                   struct ese_round *round, struct ese_error *error)
{
    struct ese_gauge gauge;
    int64_t before, after, begin_ns, end_ns;

    if (ese_child_let_run(child, contest->stint.warm_up_ns, error) != 0)
        return -1;
    ese_gauge_begin(&gauge, child->pid, contest->place->directory);
    if (ese_told_one(address, ACKNOWLEDGED, &before, error) != 0)
        return -1;
    begin_ns = ese_clock_monotonic_ns();
    if (ese_child_let_run(child, contest->stint.measure_ns, error) != 0 ||
        ese_told_one(address, ACKNOWLEDGED, &after, error) != 0)
        return -1;
    end_ns = ese_clock_monotonic_ns();
    ese_gauge_end(&gauge);
    round->rate = (double)(after - before) * 1e9 / (double)(end_ns - begin_ns);
    round->load_cores = (double)gauge.server_ns / (double)gauge.time_ns;
    round->foreign_cores = ese_gauge_foreign_cores(&gauge);
    round->flushes_per_s = ese_gauge_flushes_per_s(&gauge);
    round->syncs_per_s = round->commits_per_s = ESE_ROUND_UNKNOWN;
    return 0;
}

/* Its totals, when it has come to its end: nothing of what it had sent may have come to nothing. */
static bool all_there(const char *path)
{
    json_int_t refused = -1, unknown = -1;
    json_t *totals = json_load_file(path, 0, NULL);
    int status = json_unpack(totals, "{s:I,s:I}", "refused", &refused, "unknown", &unknown);

    json_decref(totals);
    return status == 0 && refused == 0 && unknown == 0;
}

static int run_in(const struct ese_contest *contest, const char *directory, struct ese_round *round,
                  struct ese_error *error)
{
    char binary[ESE_PLACE_PATH_SIZE], ready[ESE_PLACE_PATH_SIZE], said[ESE_PLACE_PATH_SIZE];
    char log[ESE_PLACE_PATH_SIZE], inflight[24], span[24], address[64];
    int64_t span_ns = contest->stint.warm_up_ns + contest->stint.measure_ns;

    if (program(contest->place, binary, error) != 0 || ese_place_path(directory, "ready", ready, error) != 0 ||
        ese_place_path(directory, "said", said, error) != 0 ||
        ese_place_path(contest->place->directory, "client.log", log, error) != 0)
        return -1;
    snprintf(inflight, sizeof inflight, "%d", contest->side.shape.connections);
    snprintf(span, sizeof span, "%lld", (long long)(span_ns / ESE_NS_PER_S + MORE_S));
    struct ese_child child = {
        .words = {binary, "--transport", "kafka:via=direct", "--bootstrap-servers", contest->bootstrap,
                  "--topic-prefix", ese_place_topic_prefix(contest->stint.durability), "--rate", "max", "--duration",
                  span, "--inflight", inflight, "--payload-bytes", DATA_BYTES, "--metrics", "127.0.0.1:0",
                  "--ready-file", ready, "--json", "--quiet", "--log-level", "warning"},
        .output = said,
        .log = log};
    unlink(log);
    int status = ese_child_start(&child, error);
    if (status == 0)
        status = ese_served_wait(&child, ready, address, error);
    if (status == 0)
        status = measure(contest, &child, address, round, error);
    if (status == 0)
        status = ese_child_finish(&child, FINISH_MS, error);
    ese_child_stop(&child, SIGTERM, GRACE_MS);
    round->all_there = status == 0 && all_there(said);
    return status;
}

static int run(struct ese_contest *contest, struct ese_round *round, struct ese_error *error)
{
    char directory[ESE_PLACE_PATH_SIZE];

    *round = (struct ese_round){.rate = 0};
    if (ese_place_fresh(contest->place, "client", directory, error) != 0)
        return -1;
    int status = run_in(contest, directory, round, error);
    ese_place_remove(directory);
    if (status == 0)
        ese_round_judge(round, contest->stint.durability, ese_load_under_way(&contest->side.shape));
    return status;
}

const struct ese_contender ese_contender_direct = {
    .name = "ese-client, kafka",
    .open = ese_outside_open,
    .run = run,
    .close = ese_outside_close,
    .program = program,
};
