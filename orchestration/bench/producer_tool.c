/* producer_tool.c - Kafka's own tool for measuring a producer, over as many records as take it some seconds. */
#include <stdlib.h>
#include <unistd.h>

#include "ese-core/memory.h"
#include "orchestration/bench/outside.h"

#define GRACE_MS 600000 /* a fixed number of records takes a busy machine long */
#define RECORDS_PER_S 250000 /* about what it does */
#define TOOL "org.apache.kafka.tools.ProducerPerformance"

/* Its jars lie beside the unpacked peers. */
static int program(const struct ese_place *place, char path[ESE_PLACE_PATH_SIZE], struct ese_error *error)
{
    if (ese_place_path(place->peers, "kafka-tools", path, error) != 0)
        return -1;
    return access(path, R_OK) == 0 ? 0 : ese_fail(error, ESE_E_MISSING, "there are no jars of Kafka's tools in %.300s: "
                                                                        "./lab bench fetches them", path);
}

/* "250000 records sent, 271003.1 records/sec (53.02 MB/sec), 12.3 ms avg latency, ...": the last line is of all. */
static int take(const char *said, struct ese_round *round, struct ese_error *error)
{
    double sent = 0, rate = 0;

    for (const char *line = said; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (sscanf(line, "%lf records sent, %lf records/sec", &sent, &rate) == 2)
            round->rate = rate;
    }
    round->all_there = round->rate > 0;
    return round->all_there ? 0 : ese_fail(error, ESE_E_INVALID, "Kafka's producer tool said '%.200s'", said);
}

static int run(struct ese_contest *contest, struct ese_round *round, struct ese_error *error)
{
    char jars[ESE_PLACE_PATH_SIZE], path[2 * ESE_PLACE_PATH_SIZE], servers[96], records[24], size[16], *said;

    *round = (struct ese_round){.rate = 0};
    if (program(contest->place, jars, error) != 0)
        return -1;
    snprintf(path, sizeof path, "%s/*", jars);
    snprintf(servers, sizeof servers, "bootstrap.servers=%s", contest->bootstrap);
    snprintf(records, sizeof records, "%lld",
             (long long)(RECORDS_PER_S * ((contest->stint.warm_up_ns + contest->stint.measure_ns) / 1000000) / 1000));
    snprintf(size, sizeof size, "%d", ESE_PAYLOAD_BYTES);
    struct ese_child child = {
        .words = {"java", "-cp", path, TOOL, "--topic", contest->topic, "--num-records", records, "--record-size", size,
                  "--throughput", "-1", "--producer-props", servers, "acks=all", "enable.idempotence=true",
                  "linger.ms=5"}};
    if (ese_outside_run(contest->place, &child, GRACE_MS, round, &said, error) != 0)
        return -1;
    int status = take(said, round, error);
    free(said);
    if (status == 0)
        ese_round_judge(round, contest->stint.durability, ese_load_under_way(&contest->side.shape));
    return status;
}

const struct ese_contender ese_contender_producer_tool = {
    .name = "Kafka's producer tool",
    .open = ese_outside_open,
    .run = run,
    .close = ese_outside_close,
    .program = program,
};
