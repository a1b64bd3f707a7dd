#include "orchestration/lab/readback.h"

#include "ese-core/clock.h"
#include "ese-core/service.h"

#define STEP_MS 500
#define LIMIT_S 60 /* without a single event: all of them may take long */
#define BATCH 1000
#define HISTORY_LIMIT (INT64_C(4) << 30)

/* From where the store's first event was, and not from where it begins now: so it has to say what it has
 * forgotten. */
static int64_t from_the_start(void *context, int32_t partition)
{
    struct ese_history *history = context;
    ese_history_record(history, &(struct ese_history_record){
        .kind = ESE_HISTORY_GIVEN, .partition = partition, .time_ns = ese_clock_monotonic_ns()});
    return 0;
}

static void ignore_taken(void *context, int32_t partition)
{
    (void)context;
    (void)partition;
}

static void note_skipped(void *context, int32_t partition, int64_t from, int64_t to)
{
    struct ese_history *history = context;
    ese_history_record(history, &(struct ese_history_record){
        .kind = ESE_HISTORY_SKIPPED, .partition = partition, .time_ns = ese_clock_monotonic_ns(),
        .a = from, .b = to});
}

void ese_readback_note(struct ese_history *history, const struct ese_record *stored)
{
    int64_t now_ns = ese_clock_monotonic_ns();
    if (!ese_id_is_ours(&stored->event.id))
        ese_history_find(history, &stored->event, now_ns);
    ese_history_record(history, &(struct ese_history_record){
        .kind = ESE_HISTORY_STORED, .partition = stored->partition, .time_ns = now_ns,
        .id = stored->event.id, .a = stored->offset, .b = stored->event.server_ts});
}

static void note(struct ese_history *history, const struct ese_batch *batch)
{
    for (int i = 0; i < batch->count; i++)
        ese_readback_note(history, &batch->records[i]);
    ese_history_count(history, ESE_COUNT_STORED, batch->count);
}

static int read_to_the_end(const struct ese_consume_face *face, struct ese_consumer *consumer,
                           struct ese_history *history, int64_t *events, struct ese_error *error)
{
    int64_t until = ese_clock_monotonic_ns() + LIMIT_S * ESE_NS_PER_S;
    struct ese_batch batch = {0};
    while (!batch.at_end) {
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

static int open_history(const struct ese_journey *journey, struct ese_history **history, struct ese_error *error)
{
    char path[ESE_ARTIFACT_PATH_SIZE];
    const struct ese_history_options options = {.path = path, .party = "readback",
                                                .transport = ese_journey_specification(journey),
                                                .limit = HISTORY_LIMIT};
    if (ese_artifact_path(ese_journey_directory(journey), ESE_ARTIFACT_STORE_HISTORY, path, error) == -1)
        return -1;
    return ese_history_open(&options, history, error);
}

static int open_consumer(const struct ese_journey *journey, struct ese_history *history, struct ese_config **config,
                         struct ese_consumer **consumer, struct ese_error *error)
{
    const struct ese_consume_settings settings = {
        .group = NULL,
        .member = NULL,
        .max_batch = BATCH,
        .listener = {.context = history, .given = from_the_start, .taken = ignore_taken,
                     .skipped = note_skipped},
    };
    if (ese_journey_consume_config(journey, config, error) == -1)
        return -1;
    return ese_journey_transport(journey)->consume->open(*config, &settings, consumer, error);
}

int ese_readback(const struct ese_journey *journey, int64_t *events, struct ese_error *error)
{
    const struct ese_consume_face *face = ese_journey_transport(journey)->consume;
    struct ese_config *config = NULL;
    struct ese_consumer *consumer = NULL;
    struct ese_history *history = NULL;
    *events = 0;
    int result = -1;
    if (open_history(journey, &history, error) == 0 &&
        open_consumer(journey, history, &config, &consumer, error) == 0)
        result = read_to_the_end(face, consumer, history, events, error);
    if (result < 0)
        ese_fail_within(error, "reading the store of %s back", ese_journey_specification(journey));
    face->close(&consumer);
    ese_history_close(&history);
    ese_config_free(&config);
    return result;
}
