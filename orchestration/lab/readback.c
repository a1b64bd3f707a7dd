#include "orchestration/lab/readback.h"

#include "ese-core/clock.h"
#include "ese-core/service.h"

#define STEP_MS 500
#define LIMIT_S 60 /* without a single event: all of them may take long */
#define BATCH 1000
#define HISTORY_LIMIT (INT64_C(4) << 30)

static int64_t from_the_start(void *context, int32_t partition)
{
    (void)context;
    (void)partition;
    return ESE_OFFSET_EARLIEST;
}

static void ignore_taken(void *context, int32_t partition)
{
    (void)context;
    (void)partition;
}

static void ignore_skipped(void *context, int32_t partition, int64_t from, int64_t to)
{
    (void)context;
    (void)partition;
    (void)from;
    (void)to;
}

static void note(struct ese_history *history, const struct ese_batch *batch)
{
    for (int i = 0; i < batch->count; i++) {
        const struct ese_record *stored = &batch->records[i];
        struct ese_history_record record = {
            .kind = ESE_HISTORY_STORED,
            .partition = stored->partition,
            .time_ns = ese_clock_monotonic_ns(),
            .id = stored->event.id,
            .a = stored->offset,
            .b = stored->event.server_ts,
        };
        ese_history_record(history, &record);
    }
    ese_history_count(history, ESE_COUNT_STORED, batch->count);
}

static int read_to_the_end(const struct ese_consume_face *face, struct ese_consumer *consumer,
                           struct ese_history *history, int64_t *events, struct ese_error *error)
{
    int64_t until = ese_clock_monotonic_ns() + LIMIT_S * ESE_NS_PER_S;
    struct ese_batch batch = {0};
    while (!batch.at_end || batch.count > 0) {
        if (face->next(consumer, STEP_MS, &batch, error) < 0)
            return -1;
        note(history, &batch);
        *events += batch.count;
        if (batch.count > 0)
            until = ese_clock_monotonic_ns() + LIMIT_S * ESE_NS_PER_S;
        if (ese_clock_monotonic_ns() > until)
            return ese_fail(error, ESE_E_TIMEOUT, "neither an event nor the end was found within %d s: logs/ tell "
                                                  "whether it still serves", LIMIT_S);
        if (ese_service_stopping())
            return ese_fail(error, ESE_E_CLOSED, "stopped while reading the store back");
    }
    return 0;
}

int ese_readback(const struct ese_journey *journey, int64_t *events, struct ese_error *error)
{
    const struct ese_transport *transport = ese_journey_transport(journey);
    struct ese_config *config = NULL;
    struct ese_consumer *consumer = NULL;
    struct ese_history *history = NULL;
    char path[ESE_ARTIFACT_PATH_SIZE];
    struct ese_consume_settings settings = {
        .group = NULL,
        .member = NULL,
        .max_batch = BATCH,
        .listener = {.context = NULL, .given = from_the_start, .taken = ignore_taken,
                     .skipped = ignore_skipped},
    };
    *events = 0;
    int result = -1;
    if (ese_artifact_path(ese_journey_directory(journey), ESE_ARTIFACT_STORE_HISTORY, path, error) == 0 &&
        ese_history_open(&(struct ese_history_options){.path = path, .party = "readback",
                             .transport = ese_journey_specification(journey), .limit = HISTORY_LIMIT},
                         &history, error) == 0 &&
        ese_journey_consume_config(journey, &config, error) == 0 &&
        transport->consume->open(config, &settings, &consumer, error) == 0)
        result = read_to_the_end(transport->consume, consumer, history, events, error);
    if (result < 0)
        ese_fail_within(error, "reading the store of %s back", ese_journey_specification(journey));
    transport->consume->close(&consumer);
    ese_history_close(&history);
    ese_config_free(&config);
    return result;
}
