#include "orchestration/bench/row.h"

#include "ese-core/memory.h"

#define KEEP_ALIVE 64  /* connections, and so many requests in flight */
#define IN_BATCHES 16  /* of a hundred events each */
#define IN_FLIGHT 65536 /* events, of a producer that sends as fast as it can */

/* Where the goals come from stands in docs/measuring.md. */
const struct ese_row ese_rows[] = {
    {.id = "http-disk-1",
     .what = "http, one event a POST, beside Redis Streams with appendfsync always",
     .measure = ESE_MEASURE_RATE, .goal = 0.8, .durability = ESE_DURABILITY_DISK,
     .ours = {.contender = &ese_contender_http, .shape = {KEEP_ALIVE, 1, 0}},
     .peer = {.contender = &ese_contender_redis, .shape = {KEEP_ALIVE, 1, 0}}},
    {.id = "http-disk-1-pg",
     .what = "the same, beside single-row inserts into PostgreSQL",
     .measure = ESE_MEASURE_RATE, .goal = 2.5, .durability = ESE_DURABILITY_DISK,
     .ours = {.contender = &ese_contender_http, .shape = {KEEP_ALIVE, 1, 0}},
     .peer = {.contender = &ese_contender_postgres, .shape = {KEEP_ALIVE, 1, 0}}},
    {.id = "http-disk-1-naive",
     .what = "the same, beside itself with a commit for every request",
     .measure = ESE_MEASURE_RATE, .goal = 8, .durability = ESE_DURABILITY_DISK,
     .ours = {.contender = &ese_contender_http, .shape = {KEEP_ALIVE, 1, 0}},
     .peer = {.contender = &ese_contender_http, .shape = {KEEP_ALIVE, 1, 0}, .option = "--group=1"}},
    {.id = "http-disk-100",
     .what = "http, 100 events a POST, beside Redis pipelined by 100",
     .measure = ESE_MEASURE_RATE, .goal = 1.8, .durability = ESE_DURABILITY_DISK,
     .ours = {.contender = &ese_contender_http, .shape = {IN_BATCHES, 100, 0}},
     .peer = {.contender = &ese_contender_redis, .shape = {IN_BATCHES, 100, 0}}},
    {.id = "http-128",
     .what = "http with 128 connections, beside itself with 64",
     .measure = ESE_MEASURE_RATE, .goal = 0.9, .durability = ESE_DURABILITY_DISK,
     .ours = {.contender = &ese_contender_http, .shape = {128, 1, 0}},
     .peer = {.contender = &ese_contender_http, .shape = {KEEP_ALIVE, 1, 0}}},
    {.id = "http-256",
     .what = "http with 256 connections, beside itself with 64",
     .measure = ESE_MEASURE_RATE, .goal = 0.9, .durability = ESE_DURABILITY_DISK,
     .ours = {.contender = &ese_contender_http, .shape = {256, 1, 0}},
     .peer = {.contender = &ese_contender_http, .shape = {KEEP_ALIVE, 1, 0}}},
    {.id = "http-open-p99",
     .what = "http at 20,000 a second, time to the acknowledgement, beside Redis",
     .measure = ESE_MEASURE_P99, .goal = 0.4, .durability = ESE_DURABILITY_DISK,
     .ours = {.contender = &ese_contender_http, .shape = {KEEP_ALIVE, 1, 20000}},
     .peer = {.contender = &ese_contender_redis, .shape = {KEEP_ALIVE, 1, 20000}}},
    {.id = "kafka-direct",
     .what = "ese-client to a broker, acks=all, idempotent, beside a bare librdkafka producer",
     .measure = ESE_MEASURE_RATE, .goal = 0.9, .durability = ESE_DURABILITY_OS,
     .ours = {.contender = &ese_contender_direct, .shape = {IN_FLIGHT, 1, 0}},
     .peer = {.contender = &ese_contender_bare, .shape = {IN_FLIGHT, 1, 0}}},
    {.id = "kafka-direct-tool",
     .what = "the same, beside Kafka's own producer tool",
     .measure = ESE_MEASURE_RATE, .goal = 2.5, .durability = ESE_DURABILITY_OS,
     .ours = {.contender = &ese_contender_direct, .shape = {IN_FLIGHT, 1, 0}},
     .peer = {.contender = &ese_contender_producer_tool, .shape = {IN_FLIGHT, 1, 0}}},
    {.id = "kafka-server-1-os",
     .what = "kafka behind ese-server, one event a POST, beside a bare producer with as many in flight",
     .measure = ESE_MEASURE_RATE, .goal = 0.4, .durability = ESE_DURABILITY_OS,
     .ours = {.contender = &ese_contender_gateway, .shape = {KEEP_ALIVE, 1, 0}},
     .peer = {.contender = &ese_contender_bare, .shape = {KEEP_ALIVE, 1, 0}}},
    {.id = "kafka-server-1-disk",
     .what = "the same, the broker syncing each batch (flush.messages=1)",
     .measure = ESE_MEASURE_RATE, .goal = 0.65, .durability = ESE_DURABILITY_DISK,
     .ours = {.contender = &ese_contender_gateway, .shape = {KEEP_ALIVE, 1, 0}},
     .peer = {.contender = &ese_contender_bare, .shape = {KEEP_ALIVE, 1, 0}}},
    {.id = "kafka-server-100",
     .what = "kafka behind ese-server, 100 events a POST, beside ese-client to the broker",
     .measure = ESE_MEASURE_RATE, .goal = 0.5, .durability = ESE_DURABILITY_OS,
     .ours = {.contender = &ese_contender_gateway, .shape = {IN_BATCHES, 100, 0}},
     .peer = {.contender = &ese_contender_direct, .shape = {IN_FLIGHT, 1, 0}}},
};
const size_t ese_row_count = ESE_COUNT_OF(ese_rows);

static const struct {
    const char *unit;
    bool less_is_better;
} measures[] = {
    [ESE_MEASURE_RATE] = {"events/s", false},
    [ESE_MEASURE_P99] = {"us at p99", true},
};

const char *ese_measure_unit(enum ese_measure measure)
{
    return measures[measure].unit;
}

double ese_measure_of(enum ese_measure measure, const struct ese_round *round)
{
    return measure == ESE_MEASURE_RATE ? round->rate : round->p99_us;
}

double ese_measure_ratio(enum ese_measure measure, double ours, double peer)
{
    if (ours <= 0 || peer <= 0)
        return 0;
    return measures[measure].less_is_better ? peer / ours : ours / peer;
}

static int unknown(const char *name, int length, struct ese_error *error)
{
    struct ese_buffer known = ESE_BUFFER_INIT(400);

    for (size_t i = 0; i < ese_row_count; i++)
        ese_buffer_printf(&known, "%s%s", i == 0 ? "" : ", ", ese_rows[i].id);
    ese_fail(error, ESE_E_USAGE, "--only: there is no row '%.*s'; there are %s", length < 60 ? length : 60, name,
             known.text);
    ese_buffer_free(&known);
    return -1;
}

int ese_row_choose(const char *names, bool *chosen, struct ese_error *error)
{
    for (size_t i = 0; i < ese_row_count; i++)
        chosen[i] = names == NULL;
    for (const char *name = names; name != NULL; name = strchr(name, ',')) {
        name += *name == ',';
        size_t length = strcspn(name, ","), i = 0;
        while (i < ese_row_count && (strlen(ese_rows[i].id) != length || strncmp(ese_rows[i].id, name, length) != 0))
            i++;
        if (i == ese_row_count)
            return unknown(name, (int)length, error);
        chosen[i] = true;
    }
    return 0;
}
