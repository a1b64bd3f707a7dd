#include "ese-consumer/state_internal.h"

#include <inttypes.h>

#include "ese-consumer/decisions.h"
#include "ese-consumer/enrolment.h"
#include "ese-core/account.h"
#include "ese-core/file_directory.h"
#include "ese-core/memory.h"

#define FORMAT "2"
#define ANSWER_BYTES 1024 /* a decision may grow by its answer, and split the page it stands in */

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS about(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS position("
    "  partition INTEGER PRIMARY KEY, name TEXT NOT NULL, epoch INTEGER NOT NULL, next INTEGER,"
    "  event_time INTEGER NOT NULL,"
    "  processed INTEGER NOT NULL DEFAULT 0, repeats INTEGER NOT NULL DEFAULT 0,"
    "  late INTEGER NOT NULL DEFAULT 0, beyond_window INTEGER NOT NULL DEFAULT 0);"
    "CREATE TABLE IF NOT EXISTS kept("
    "  partition INTEGER NOT NULL, number INTEGER NOT NULL, changes BLOB NOT NULL,"
    "  PRIMARY KEY(partition, number)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS repeats("
    "  partition INTEGER NOT NULL, run INTEGER NOT NULL, lane INTEGER NOT NULL,"
    "  highest INTEGER NOT NULL, window BLOB NOT NULL, event_time INTEGER NOT NULL,"
    "  PRIMARY KEY(partition, run, lane)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS named("
    "  partition INTEGER NOT NULL, number INTEGER NOT NULL, id BLOB NOT NULL,"
    "  event_time INTEGER NOT NULL, PRIMARY KEY(partition, number)) WITHOUT ROWID;"
    ESE_DECISIONS_SCHEMA ESE_ENROLMENT_SCHEMA ESE_ACCOUNT_SCHEMA ESE_ATTEMPTS_SCHEMA
        ESE_DEAD_LETTERS_SCHEMA;

static const char *const texts[STATEMENTS] = {
    [ABOUT_SET] = "INSERT INTO about(name, value) VALUES(?1, ?2) ON CONFLICT DO NOTHING",
    [ABOUT_GET] = "SELECT value FROM about WHERE name = ?1",
    [OPEN_COUNT] = ESE_DECISIONS_COUNT_OPEN,
    [POSITION_TAKE] = "INSERT INTO position(partition, name, epoch, event_time) "
                      "VALUES(?1, ?2, 1, 0) "
                      "ON CONFLICT(partition) DO UPDATE SET epoch = epoch + 1, name = ?2",
    [POSITION_GET] = "SELECT epoch, next, event_time FROM position WHERE partition = ?1",
    [POSITION_ADVANCE] = "UPDATE position SET next = ?3, event_time = ?4,"
                         " processed = processed + ?5, repeats = repeats + ?6,"
                         " late = late + ?7, beyond_window = beyond_window + ?8 "
                         "WHERE partition = ?1 AND epoch = ?2",
    [KEPT_ALL] = "SELECT number, changes FROM kept WHERE partition = ?1 ORDER BY number",
    [KEPT_GET] = "SELECT changes FROM kept WHERE partition = ?1 AND number = ?2",
    [KEPT_PUT] = "INSERT INTO kept(partition, number, changes) VALUES(?1, ?2, ?3)",
    [KEPT_CLEAR] = "DELETE FROM kept WHERE partition = ?1 AND number < ?2",
    [REPEATS_GET] = "SELECT run, lane, highest, window, event_time FROM repeats "
                    "WHERE partition = ?1 ORDER BY event_time",
    [REPEATS_ONE] = "SELECT highest, window, event_time FROM repeats "
                    "WHERE partition = ?1 AND run = ?2 AND lane = ?3",
    [REPEATS_SET] = "INSERT INTO repeats(partition, run, lane, highest, window, event_time) "
                    "VALUES(?1, ?2, ?3, ?4, ?5, ?6) "
                    "ON CONFLICT DO UPDATE SET highest = ?4, window = ?5, event_time = ?6",
    [REPEATS_DELETE] = "DELETE FROM repeats WHERE partition = ?1 AND run = ?2 AND lane = ?3",
    [NAMED_GET] = "SELECT number, id, event_time FROM named WHERE partition = ?1 ORDER BY number",
    [NAMED_ADD] = "INSERT INTO named(partition, number, id, event_time) VALUES(?1, ?2, ?3, ?4)",
    [NAMED_DELETE] = "DELETE FROM named WHERE partition = ?1 AND number < ?2",
};

/* ---- opening -------------------------------------------------------------------------------- */

static void prepare(struct ese_state *state, int first, int end)
{
    for (int i = first; i < end; i++)
        state->statements[i] = ese_statement_new(state->database, texts[i]);
}

/* Sets the value where there is none; refuses a file in which it is another. */
static int claim(struct ese_state *state, const char *path, const char *name, const char *value,
                 struct ese_error *error)
{
    struct ese_statement *set = state->statements[ABOUT_SET];
    ese_statement_text(set, 1, name);
    ese_statement_text(set, 2, value);
    if (ese_statement_run(set, error) != 0)
        return -1;
    struct ese_statement *get = state->statements[ABOUT_GET];
    ese_statement_text(get, 1, name);
    if (ese_statement_step(get, error) != 1)
        return -1;
    const char *has = ese_statement_column_text(get, 0);
    int result = 0;
    if (strcmp(has, value) != 0)
        result = ese_fail(error, ESE_E_USAGE,
                          "state file '%.200s' is for %s '%.60s', not '%.60s'; give another with "
                          "--state, or delete it to begin anew",
                          path, name, has, value);
    ese_statement_reset(get);
    return result;
}

static int claim_all(struct ese_state *state, const struct ese_state_options *options,
                     struct ese_error *error)
{
    if (ese_state_begin(state, error) != 0)
        return -1;
    if (claim(state, options->path, "format", FORMAT, error) != 0 ||
        claim(state, options->path, "group", options->group, error) != 0 ||
        claim(state, options->path, "transport", options->transport, error) != 0) {
        ese_state_rollback(state);
        return -1;
    }
    return ese_state_commit(state, error);
}

static int make_directory(const struct ese_state_options *options, struct ese_error *error)
{
    return options->durability == ESE_DURABILITY_DISK
               ? ese_file_directory_make_durable(options->path, "--state", error)
               : ese_file_directory_make(options->path, "--state", error);
}

int ese_state_open(const struct ese_state_options *options, struct ese_state **state,
                   struct ese_error *error)
{
    struct ese_state *opened = ese_alloc(sizeof *opened);
    opened->max_bytes = options->max_bytes;
    struct ese_sqlite_options database = {.path = options->path,
                                          .durability = options->durability,
                                          .schema = schema,
                                          .own_table = "position",
                                          .max_bytes = options->max_bytes};
    if (make_directory(options, error) != 0 ||
        ese_sqlite_open(&database, &opened->database, error) != 0) {
        free(opened);
        return -1;
    }
    prepare(opened, 0, ABOUT_STATEMENTS);
    if (claim_all(opened, options, error) != 0) {
        ese_state_close(&opened);
        return -1;
    }
    prepare(opened, ABOUT_STATEMENTS, STATEMENTS); /* which may not fit a file of another format */
    opened->attempts = ese_attempts_new(opened->database);
    opened->letters = ese_dead_letters_new(opened->database);
    *state = opened;
    return 0;
}

void ese_state_close(struct ese_state **state)
{
    if (*state == NULL)
        return;
    ese_attempts_free(&(*state)->attempts);
    ese_dead_letters_free(&(*state)->letters);
    ese_sqlite_close(&(*state)->database);
    free(*state);
    *state = NULL;
}

struct ese_sqlite *ese_state_database(struct ese_state *state)
{
    return state->database;
}

struct ese_attempts *ese_state_attempts(struct ese_state *state)
{
    return state->attempts;
}

struct ese_dead_letters *ese_state_letters(struct ese_state *state)
{
    return state->letters;
}

int ese_state_begin(struct ese_state *state, struct ese_error *error)
{
    return ese_sqlite_begin(state->database, error);
}

int ese_state_commit(struct ese_state *state, struct ese_error *error)
{
    return ese_sqlite_commit(state->database, error);
}

void ese_state_rollback(struct ese_state *state)
{
    ese_sqlite_rollback(state->database);
}

/* ---- room ----------------------------------------------------------------------------------- */

int64_t ese_state_used_bytes(struct ese_state *state)
{
    return ese_sqlite_used_bytes(state->database);
}

/* Half the file is more than answers can take of the other half: only beyond they are counted. */
int ese_state_check_room(struct ese_state *state, int events, struct ese_error *error)
{
    int64_t bytes = (int64_t)events * ESE_STATE_EVENT_BYTES;
    struct ese_statement *count = state->statements[OPEN_COUNT];
    if (ese_sqlite_check_room(state->database, bytes + state->max_bytes / 2, NULL) == 0)
        return 0;
    if (ese_statement_step(count, error) != 1)
        return -1;
    int64_t open = ese_statement_column_number(count, 0);
    ese_statement_reset(count);
    struct ese_error full = {.code = ESE_OK};
    if (ese_sqlite_check_room(state->database, bytes + open * ANSWER_BYTES, &full) == 0)
        return 0;
    return ese_fail(error, full.code,
                    "%.300s, and %d for each of %" PRId64 " decisions without an answer", full.text,
                    ANSWER_BYTES, open);
}

/* ---- positions ------------------------------------------------------------------------------ */

int ese_state_read_position(struct ese_state *state, int32_t partition,
                            struct ese_position *position, struct ese_error *error)
{
    struct ese_statement *get = state->statements[POSITION_GET];
    ese_statement_number(get, 1, partition);
    int found = ese_statement_step(get, error);
    if (found != 1)
        return found;
    position->epoch = ese_statement_column_number(get, 0);
    position->next =
        ese_statement_column_null(get, 1) ? ESE_POSITION_NONE : ese_statement_column_number(get, 1);
    position->event_time_ms = ese_statement_column_number(get, 2);
    ese_statement_reset(get);
    return 1;
}

int ese_state_take(struct ese_state *state, int32_t partition, const char *name,
                   struct ese_position *position, struct ese_error *error)
{
    if (ese_state_begin(state, error) != 0)
        return -1;
    struct ese_statement *take = state->statements[POSITION_TAKE];
    ese_statement_number(take, 1, partition);
    ese_statement_text(take, 2, name);
    if (ese_statement_run(take, error) != 0 ||
        ese_state_read_position(state, partition, position, error) != 1) {
        ese_state_rollback(state);
        return -1;
    }
    return ese_state_commit(state, error);
}

static int fail_fenced(int32_t partition, struct ese_error *error)
{
    return ese_fail(error, ESE_E_FENCED,
                    "partition %" PRId32 " was taken over by another consumer of this group",
                    partition);
}

int ese_state_advance(struct ese_state *state, int32_t partition,
                      const struct ese_position *position, const struct ese_progress *progress,
                      struct ese_error *error)
{
    struct ese_statement *advance = state->statements[POSITION_ADVANCE];
    ese_statement_number(advance, 1, partition);
    ese_statement_number(advance, 2, position->epoch);
    ese_statement_number(advance, 3, position->next);
    ese_statement_number(advance, 4, position->event_time_ms);
    ese_statement_number(advance, 5, progress->processed);
    ese_statement_number(advance, 6, progress->repeats);
    ese_statement_number(advance, 7, progress->late);
    ese_statement_number(advance, 8, progress->beyond_window);
    if (ese_statement_run(advance, error) != 0)
        return -1;
    if (ese_sqlite_changes(state->database) != 1)
        return fail_fenced(partition, error);
    return 0;
}

int ese_state_check_owned(struct ese_state *state, int32_t partition, int64_t epoch,
                          struct ese_error *error)
{
    struct ese_position position = {0};
    int found = ese_state_read_position(state, partition, &position, error);
    if (found < 0)
        return -1;
    return found == 1 && position.epoch == epoch ? 0 : fail_fenced(partition, error);
}
