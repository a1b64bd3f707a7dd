#include "orchestration/lab/follow.h"

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "ese-core/sqlite.h"
#include "orchestration/lab/artifacts.h"
#include "orchestration/lab/readback.h"
#include "transports/face_config.h"

#define BATCH 1000

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS followed (partition INTEGER PRIMARY KEY, next INTEGER NOT NULL)";

struct ese_follower {
    const struct ese_consume_face *face;
    struct ese_config *config;
    struct ese_history *history;
    struct ese_sqlite *database;
    struct ese_statement *find;
    struct ese_statement *put;
    struct ese_consumer *consumer;
};

/* ---- how far it was read --------------------------------------------------------------------- */

static int open_database(struct ese_follower *follower, const char *directory,
                         struct ese_error *error)
{
    char path[ESE_ARTIFACT_PATH_SIZE];
    const struct ese_sqlite_options options = {.path = path, .durability = ESE_DURABILITY_OS,
                                               .schema = schema, .own_table = "followed"};
    if (ese_artifact_path(directory, ESE_ARTIFACT_FOLLOW, path, error) == -1 ||
        ese_sqlite_open(&options, &follower->database, error) == -1)
        return -1;
    follower->find = ese_statement_new(follower->database,
                                       "SELECT next FROM followed WHERE partition = ?1");
    follower->put = ese_statement_new(follower->database,
                                      "INSERT INTO followed VALUES (?1, ?2)"
                                      " ON CONFLICT DO UPDATE SET next = excluded.next");
    return 0;
}

static int64_t position_of(struct ese_follower *follower, int32_t partition)
{
    struct ese_error error;
    ese_statement_number(follower->find, 1, partition);
    if (ese_statement_step(follower->find, &error) != 1)
        return 0; /* and not where it begins now: so the store has to say what it has forgotten */
    int64_t next = ese_statement_column_number(follower->find, 0);
    ese_statement_reset(follower->find);
    return next;
}

static int keep_position(struct ese_follower *follower, int32_t partition, int64_t next,
                         struct ese_error *error)
{
    ese_statement_number(follower->put, 1, partition);
    ese_statement_number(follower->put, 2, next);
    return ese_statement_run(follower->put, error);
}

/* ---- what it is told ------------------------------------------------------------------------- */

static int64_t on_given(void *context, int32_t partition)
{
    struct ese_follower *follower = context;
    int64_t position = position_of(follower, partition);
    ese_history_record(follower->history, &(struct ese_history_record){
        .kind = ESE_HISTORY_GIVEN, .partition = partition, .time_ns = ese_clock_monotonic_ns(),
        .a = position});
    return position;
}

static void on_taken(void *context, int32_t partition)
{
    (void)context;
    (void)partition;
}

static void on_skipped(void *context, int32_t partition, int64_t from, int64_t to)
{
    struct ese_follower *follower = context;
    ese_history_record(follower->history, &(struct ese_history_record){
        .kind = ESE_HISTORY_SKIPPED, .partition = partition, .time_ns = ese_clock_monotonic_ns(),
        .a = from, .b = to});
}

/* The records first: what is noted twice after a death in between is known by its place. */
static int note(struct ese_follower *follower, const struct ese_batch *batch,
                struct ese_error *error)
{
    for (int i = 0; i < batch->count; i++)
        ese_readback_note(follower->history, &batch->records[i]);
    if (ese_sqlite_begin(follower->database, error) == -1)
        return -1;
    for (int i = 0; i < batch->count; i++) {
        if (keep_position(follower, batch->records[i].partition, batch->records[i].next, error) == -1) {
            ese_sqlite_rollback(follower->database);
            return -1;
        }
    }
    return ese_sqlite_commit(follower->database, error);
}

int ese_follower_turn(struct ese_follower *follower, int timeout_ms, struct ese_error *error)
{
    struct ese_batch batch = {0};
    int64_t before_ns = ese_clock_monotonic_ns();
    if (follower->face->next(follower->consumer, timeout_ms, &batch, error) == -1 ||
        (batch.count > 0 && note(follower, &batch, error) == -1))
        return -1;
    if (batch.at_end)
        ese_history_set(follower->history, ESE_COUNT_FOLLOWED_NS,
                        batch.end_ns != 0 ? batch.end_ns : before_ns);
    return batch.count;
}

/* ---- life ------------------------------------------------------------------------------------ */

static int open_history(struct ese_follower *follower, const struct ese_follow_options *options,
                        struct ese_error *error)
{
    char path[ESE_ARTIFACT_PATH_SIZE];
    if (ese_artifact_path(options->directory, ESE_ARTIFACT_STORE_HISTORY, path, error) == -1)
        return -1;
    const struct ese_history_options history = {
        .path = path, .party = "follower", .transport = options->specification,
        .limit = options->history_bytes, .segments = options->history_segments};
    return ese_history_open(&history, &follower->history, error);
}

static int open_consumer(struct ese_follower *follower, const char *specification,
                         struct ese_error *error)
{
    const struct ese_consume_settings settings = {
        .group = NULL, .member = NULL, .max_batch = BATCH,
        .listener = {.context = follower, .given = on_given, .taken = on_taken,
                     .skipped = on_skipped}};
    const struct ese_registry_entry *entry;
    if (ese_registry_find(specification, &entry, error) == -1 ||
        ese_face_config(specification, ESE_FACE_CONSUME, &follower->config, error) == -1 ||
        ese_config_settle(follower->config, error) == -1)
        return -1;
    follower->face = entry->transport->consume;
    return follower->face->open(follower->config, &settings, &follower->consumer, error);
}

int ese_follower_open(const struct ese_follow_options *options, struct ese_follower **follower,
                      struct ese_error *error)
{
    *follower = ese_alloc(sizeof **follower);
    if (open_history(*follower, options, error) == 0 &&
        open_database(*follower, options->directory, error) == 0 &&
        open_consumer(*follower, options->specification, error) == 0)
        return 0;
    ese_follower_close(follower);
    return ese_fail_within(error, "following the store of %.100s", options->specification);
}

void ese_follower_close(struct ese_follower **follower)
{
    struct ese_follower *closed = *follower;
    if (closed == NULL)
        return;
    *follower = NULL;
    if (closed->face != NULL)
        closed->face->close(&closed->consumer);
    ese_config_free(&closed->config);
    ese_sqlite_close(&closed->database);
    ese_history_close(&closed->history);
    free(closed);
}
