#include "orchestration/bench/row.h"

#include "ese-core/memory.h"

#define KEEP_ALIVE 64  /* connections, and so many requests in flight */
#define IN_BATCHES 16  /* of a hundred events each */
#define PENDING 4096   /* events of a producer at a rate, without an acknowledgement */
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
    {.id = "http-slow-disk",
     .what = "http, one event a POST, each sync a millisecond slower, beside Redis on the same disk",
     .measure = ESE_MEASURE_RATE, .goal = 1, .durability = ESE_DURABILITY_DISK, .sync_us = 1000,
     .ours = {.contender = &ese_contender_http, .shape = {KEEP_ALIVE, 1, 0}},
     .peer = {.contender = &ese_contender_redis, .shape = {KEEP_ALIVE, 1, 0}}},
    {.id = "http-open-p99",
     .what = "http at 20,000 a second, time to the acknowledgement, beside Redis",
     .measure = ESE_MEASURE_P99, .goal = 0.4, .durability = ESE_DURABILITY_DISK,
     .ours = {.contender = &ese_contender_http, .shape = {KEEP_ALIVE, 1, 20000}},
     .peer = {.contender = &ese_contender_redis, .shape = {KEEP_ALIVE, 1, 20000}}},
    {.id = "webhook-os-64",
     .what = "webhook, one event a POST, over two streams, beside http",
     .measure = ESE_MEASURE_RATE, .goal = 0.9, .durability = ESE_DURABILITY_OS,
     .ours = {.contender = &ese_contender_webhook, .shape = {KEEP_ALIVE, 1, 0}},
     .peer = {.contender = &ese_contender_http, .shape = {KEEP_ALIVE, 1, 0}}},
    {.id = "webhook-disk-64",
     .what = "the same, each stream synced by itself",
     .measure = ESE_MEASURE_RATE, .goal = 0.9, .durability = ESE_DURABILITY_DISK,
     .ours = {.contender = &ese_contender_webhook, .shape = {KEEP_ALIVE, 1, 0}},
     .peer = {.contender = &ese_contender_http, .shape = {KEEP_ALIVE, 1, 0}}},
    {.id = "push-1",
     .what = "webhook, catching up, one event a push, beside a bare libcurl loop",
     .measure = ESE_MEASURE_RATE, .goal = 0.5, .durability = ESE_DURABILITY_OS,
     .ours = {.contender = &ese_contender_push, .shape = {1, 1, 0}},
     .peer = {.contender = &ese_contender_bare_push, .shape = {1, 1, 0}}},
    {.id = "push-100",
     .what = "the same, up to 100 events a push, beside 100,000 a second",
     .measure = ESE_MEASURE_RATE, .goal = 1, .durability = ESE_DURABILITY_OS,
     .ours = {.contender = &ese_contender_push, .shape = {1, 100, 0}},
     .peer = {.contender = &ese_contender_bound_rate, .shape = {1, 100, 0}}},
    {.id = "push-live",
     .what = "webhook, one event a push, while 64 connections post, beside itself while nobody does",
     .measure = ESE_MEASURE_RATE, .durability = ESE_DURABILITY_OS,
     .ours = {.contender = &ese_contender_push_live, .shape = {1, 1, 0}},
     .peer = {.contender = &ese_contender_push, .shape = {1, 1, 0}}},
    {.id = "push-hang",
     .what = "webhook, to 99 receivers and one that hangs, beside the 99 alone",
     .measure = ESE_MEASURE_RATE, .goal = 0.9, .durability = ESE_DURABILITY_OS,
     .ours = {.contender = &ese_contender_push_one_hangs, .shape = {99, 1, 0}},
     .peer = {.contender = &ese_contender_push, .shape = {99, 1, 0}}},
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
    {.id = "kafka-server-1-os-http",
     .what = "kafka behind ese-server, one event a POST, beside http at the same durability",
     .measure = ESE_MEASURE_RATE, .durability = ESE_DURABILITY_OS,
     .ours = {.contender = &ese_contender_gateway, .shape = {KEEP_ALIVE, 1, 0}},
     .peer = {.contender = &ese_contender_http, .shape = {KEEP_ALIVE, 1, 0}}},
    {.id = "kafka-server-1-disk-http",
     .what = "the same, each batch and each commit synced",
     .measure = ESE_MEASURE_RATE, .durability = ESE_DURABILITY_DISK,
     .ours = {.contender = &ese_contender_gateway, .shape = {KEEP_ALIVE, 1, 0}},
     .peer = {.contender = &ese_contender_http, .shape = {KEEP_ALIVE, 1, 0}}},
    {.id = "kafka-server-100-http",
     .what = "the same at os, 100 events a POST",
     .measure = ESE_MEASURE_RATE, .durability = ESE_DURABILITY_OS,
     .ours = {.contender = &ese_contender_gateway, .shape = {IN_BATCHES, 100, 0}},
     .peer = {.contender = &ese_contender_http, .shape = {IN_BATCHES, 100, 0}}},
    {.id = "e2e-kafka-1k",
     .what = "kafka at 1,000 a second, via=direct, from due to the rule, beside a bare producer and group consumer",
     .measure = ESE_MEASURE_P99, .goal = 0.66, .durability = ESE_DURABILITY_OS,
     .ours = {.contender = &ese_contender_direct_read, .shape = {PENDING, 1, 1000}},
     .peer = {.contender = &ese_contender_bare_read, .shape = {PENDING, 1, 1000}}},
    {.id = "e2e-kafka-1k-p50",
     .what = "the same, the median",
     .rounds_of = "e2e-kafka-1k",
     .measure = ESE_MEASURE_P50, .goal = 0.66, .durability = ESE_DURABILITY_OS,
     .ours = {.contender = &ese_contender_direct_read, .shape = {PENDING, 1, 1000}},
     .peer = {.contender = &ese_contender_bare_read, .shape = {PENDING, 1, 1000}}},
    {.id = "e2e-kafka-10k",
     .what = "kafka at 10,000 a second, via=direct, from due to the rule, beside a bare producer and group consumer",
     .measure = ESE_MEASURE_P99, .goal = 0.66, .durability = ESE_DURABILITY_OS,
     .ours = {.contender = &ese_contender_direct_read, .shape = {PENDING, 1, 10000}},
     .peer = {.contender = &ese_contender_bare_read, .shape = {PENDING, 1, 10000}}},
    {.id = "e2e-kafka-10k-p50",
     .what = "the same, the median",
     .rounds_of = "e2e-kafka-10k",
     .measure = ESE_MEASURE_P50, .goal = 0.66, .durability = ESE_DURABILITY_OS,
     .ours = {.contender = &ese_contender_direct_read, .shape = {PENDING, 1, 10000}},
     .peer = {.contender = &ese_contender_bare_read, .shape = {PENDING, 1, 10000}}},
    {.id = "e2e-http-1k",
     .what = "http at 1,000 a second, from due to the rule by long poll, beside Redis and XREAD BLOCK",
     .measure = ESE_MEASURE_P99, .goal = 0.5, .durability = ESE_DURABILITY_DISK,
     .ours = {.contender = &ese_contender_http_read, .shape = {KEEP_ALIVE, 1, 1000}},
     .peer = {.contender = &ese_contender_redis_read, .shape = {KEEP_ALIVE, 1, 1000}}},
    {.id = "e2e-http-1k-p50",
     .what = "the same, the median",
     .rounds_of = "e2e-http-1k",
     .measure = ESE_MEASURE_P50, .goal = 0.5, .durability = ESE_DURABILITY_DISK,
     .ours = {.contender = &ese_contender_http_read, .shape = {KEEP_ALIVE, 1, 1000}},
     .peer = {.contender = &ese_contender_redis_read, .shape = {KEEP_ALIVE, 1, 1000}}},
    {.id = "e2e-http-10k",
     .what = "http at 10,000 a second, from due to the rule by long poll, beside Redis and XREAD BLOCK",
     .measure = ESE_MEASURE_P99, .goal = 0.5, .durability = ESE_DURABILITY_DISK,
     .ours = {.contender = &ese_contender_http_read, .shape = {KEEP_ALIVE, 1, 10000}},
     .peer = {.contender = &ese_contender_redis_read, .shape = {KEEP_ALIVE, 1, 10000}}},
    {.id = "e2e-http-10k-p50",
     .what = "the same, the median",
     .rounds_of = "e2e-http-10k",
     .measure = ESE_MEASURE_P50, .goal = 0.5, .durability = ESE_DURABILITY_DISK,
     .ours = {.contender = &ese_contender_http_read, .shape = {KEEP_ALIVE, 1, 10000}},
     .peer = {.contender = &ese_contender_redis_read, .shape = {KEEP_ALIVE, 1, 10000}}},
    {.id = "backlog-kafka",
     .what = "kafka, a backlog through the rule with its state on the disk, beside kcat, which looks at nothing",
     .measure = ESE_MEASURE_RATE, .goal = 0.3, .durability = ESE_DURABILITY_DISK,
     .ours = {.contender = &ese_contender_backlog_kafka, .shape = {1, 1, 0}},
     .peer = {.contender = &ese_contender_kcat, .shape = {1, 1, 0}}},
    {.id = "backlog-http",
     .what = "http, likewise, beside kcat and a broker",
     .measure = ESE_MEASURE_RATE, .goal = 0.15, .durability = ESE_DURABILITY_DISK,
     .ours = {.contender = &ese_contender_backlog_http, .shape = {1, 1, 0}},
     .peer = {.contender = &ese_contender_kcat, .shape = {1, 1, 0}}},
    {.id = "client-cost",
     .what = "processor time of ese-client an event, at 5,000 a second over http, beside that of the server",
     .measure = ESE_MEASURE_CPU, .goal = 3, .durability = ESE_DURABILITY_DISK,
     .ours = {.contender = &ese_contender_client_cost, .shape = {KEEP_ALIVE, 1, 5000}},
     .peer = {.contender = &ese_contender_server_cost, .shape = {KEEP_ALIVE, 1, 5000}}},
    {.id = "idle-memory",
     .what = "resident memory of the largest of our binaries with http, idle, beside 16 MiB",
     .measure = ESE_MEASURE_MEMORY, .goal = 1, .durability = ESE_DURABILITY_OS,
     .ours = {.contender = &ese_contender_idle_http, .shape = {1, 1, 0}},
     .peer = {.contender = &ese_contender_bound, .shape = {1, 1, 0}}},
    {.id = "idle-memory-kafka",
     .what = "the same, ese-client and ese-consumer with kafka",
     .measure = ESE_MEASURE_MEMORY, .goal = 1, .durability = ESE_DURABILITY_OS,
     .ours = {.contender = &ese_contender_idle_kafka, .shape = {1, 1, 0}},
     .peer = {.contender = &ese_contender_bound, .shape = {1, 1, 0}}},
    {.id = "idle-memory-gateway",
     .what = "the same, ese-server with kafka, which may have twice as much",
     .measure = ESE_MEASURE_MEMORY, .goal = 0.5, .durability = ESE_DURABILITY_OS,
     .ours = {.contender = &ese_contender_idle_gateway, .shape = {1, 1, 0}},
     .peer = {.contender = &ese_contender_bound, .shape = {1, 1, 0}}},
    {.id = "soak-http",
     .what = "by how much the memory of any of our binaries grows in ten minutes at half of the most, beside 16 MiB",
     .measure = ESE_MEASURE_MEMORY, .goal = 4, .durability = ESE_DURABILITY_OS, .span_ms = 600000,
     .ours = {.contender = &ese_contender_soak_http, .shape = {1, 1, 0}},
     .peer = {.contender = &ese_contender_bound, .shape = {1, 1, 0}}},
    {.id = "soak-kafka",
     .what = "the same with kafka behind ese-server",
     .measure = ESE_MEASURE_MEMORY, .goal = 4, .durability = ESE_DURABILITY_OS, .span_ms = 600000,
     .ours = {.contender = &ese_contender_soak_kafka, .shape = {1, 1, 0}},
     .peer = {.contender = &ese_contender_bound, .shape = {1, 1, 0}}},
};
const size_t ese_row_count = ESE_COUNT_OF(ese_rows);

static const struct {
    const char *unit;
    size_t offset; /* in struct ese_round */
    int digits;
    bool less_is_better;
} measures[] = {
    [ESE_MEASURE_RATE] = {"events/s", offsetof(struct ese_round, rate), 0, false},
    [ESE_MEASURE_P50] = {"us at p50", offsetof(struct ese_round, p50_us), 0, true},
    [ESE_MEASURE_P99] = {"us at p99", offsetof(struct ese_round, p99_us), 0, true},
    [ESE_MEASURE_CPU] = {"us/event", offsetof(struct ese_round, cpu_us), 1, true},
    [ESE_MEASURE_MEMORY] = {"MiB", offsetof(struct ese_round, memory_mib), 1, true},
};

const char *ese_row_rounds(const struct ese_row *row)
{
    return row->rounds_of != NULL ? row->rounds_of : row->id;
}

const char *ese_measure_unit(enum ese_measure measure)
{
    return measures[measure].unit;
}

int ese_measure_digits(enum ese_measure measure)
{
    return measures[measure].digits;
}

double ese_measure_of(enum ese_measure measure, const struct ese_round *round)
{
    return *(const double *)(const void *)((const char *)round + measures[measure].offset);
}

double ese_measure_ratio(enum ese_measure measure, double ours, double peer)
{
    if (ours <= 0 || peer <= 0)
        return 0;
    return measures[measure].less_is_better ? peer / ours : ours / peer;
}

static int unknown(const char *name, int length, struct ese_error *error)
{
    struct ese_buffer known = ESE_BUFFER_INIT(900);

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
