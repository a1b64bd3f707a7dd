/* bare_producer.c - librdkafka and nothing else: what it says of itself (bare/main.c). */
#include <jansson.h>
#include <stdlib.h>

#include "ese-core/memory.h"
#include "orchestration/bench/outside.h"

#define GRACE_MS 60000
#define FEW 1000 /* events in flight that are no throughput's but a front's: nothing waits for a batch to fill */

static int program(const struct ese_place *place, char path[ESE_PLACE_PATH_SIZE], struct ese_error *error)
{
    (void)place;
    return ese_place_binary("ese-bare", path, error);
}

static int take(const char *said, struct ese_round *round, struct ese_error *error)
{
    double seconds;
    json_int_t acknowledged, failed, missing, cpu_us, p50, p99, late;
    json_t *object = json_loads(said, 0, NULL);
    int status = json_unpack(object, "{s:I,s:I,s:I,s:F,s:I,s:I,s:I,s:I}", "acknowledged", &acknowledged, "failed",
                             &failed, "missing", &missing, "seconds", &seconds, "cpu_us", &cpu_us, "p50_us", &p50,
                             "p99_us", &p99, "late_us", &late);

    json_decref(object);
    if (status != 0 || seconds <= 0)
        return ese_fail(error, ESE_E_INVALID, "ese-bare said '%.200s'", said);
    round->rate = (double)acknowledged / seconds;
    round->p50_us = (double)p50;
    round->p99_us = (double)p99;
    round->load_cores = (double)cpu_us / 1e6 / seconds;
    round->late_us = (double)late;
    round->all_there = failed == 0 && missing == 0;
    return 0;
}

/* mode: further options, ended by NULL. */
static int run_as(const struct ese_contest *contest, const char *linger_ms, const char *const *mode,
                  struct ese_round *round, struct ese_error *error)
{
    char binary[ESE_PLACE_PATH_SIZE], inflight[24], warm_up[24], measure[24], *said;
    const struct ese_stint *stint = &contest->stint;

    *round = (struct ese_round){.rate = 0};
    if (program(contest->place, binary, error) != 0)
        return -1;
    snprintf(inflight, sizeof inflight, "%d", contest->side.shape.connections);
    snprintf(warm_up, sizeof warm_up, "%lld", (long long)(stint->warm_up_ns / 1000000));
    snprintf(measure, sizeof measure, "%lld", (long long)(stint->measure_ns / 1000000));
    struct ese_child child = {
        .words = {binary, "--bootstrap-servers", contest->bootstrap, "--topic", contest->topic, "--inflight", inflight,
                  "--linger-ms", linger_ms, "--warm-up-ms", warm_up, "--measure-ms", measure}};
    size_t count = 0;
    while (child.words[count] != NULL)
        count++;
    for (; *mode != NULL; mode++)
        child.words[count++] = *mode;
    if (ese_outside_run(contest->place, &child, (int)((stint->warm_up_ns + stint->measure_ns) / 1000000) + GRACE_MS,
                        round, &said, error) != 0)
        return -1;
    int status = take(said, round, error);
    free(said);
    if (status == 0)
        ese_round_judge(round, contest->stint.durability, ese_load_under_way(&contest->side.shape));
    return status;
}

static int run(struct ese_contest *contest, struct ese_round *round, struct ese_error *error)
{
    static const char *const none[] = {NULL};

    return run_as(contest, contest->side.shape.connections < FEW ? "0" : "5", none, round, error);
}

const struct ese_contender ese_contender_bare = {
    .name = "bare librdkafka producer",
    .open = ese_outside_open,
    .run = run,
    .close = ese_outside_close,
    .program = program,
};

/* ---- and a reader of a group, in the same process ---------------------------------------------------------------- */

/* As ese-client and ese-consumer are set up: with linger.ms=5. */
static int run_read(struct ese_contest *contest, struct ese_round *round, struct ese_error *error)
{
    char rate[24];
    const char *const mode[] = {"--rate", rate, NULL};

    snprintf(rate, sizeof rate, "%d", contest->side.shape.rate);
    return run_as(contest, "5", mode, round, error);
}

const struct ese_contender ese_contender_bare_read = {
    .name = "bare librdkafka producer and group consumer",
    .open = ese_outside_open,
    .run = run_read,
    .close = ese_outside_close,
    .program = program,
};
