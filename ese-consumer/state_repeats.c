/* What was had before, as the state file keeps it. */
#include "ese-consumer/state_internal.h"

#include "ese-core/memory.h"

/* ---- repeats: by their place in a lane ------------------------------------------------------ */

static void read_window(struct ese_statement *row, int column, struct ese_repeat *repeat)
{
    size_t length = 0;
    const void *window = ese_statement_column_bytes(row, column, &length);
    if (length == sizeof repeat->window)
        memcpy(repeat->window, window, length);
}

int ese_state_load_repeats(struct ese_state *state, int32_t partition, struct ese_repeats *repeats,
                           struct ese_error *error)
{
    struct ese_statement *get = state->statements[REPEATS_GET];
    ese_statement_number(get, 1, partition);
    int found;
    while ((found = ese_statement_step(get, error)) == 1) {
        struct ese_repeat repeat = {
            .run = (uint32_t)ese_statement_column_number(get, 0),
            .lane = (uint16_t)ese_statement_column_number(get, 1),
            .highest = (uint32_t)ese_statement_column_number(get, 2),
            .event_time_ms = ese_statement_column_number(get, 4),
        };
        read_window(get, 3, &repeat);
        ese_repeats_restore(repeats, &repeat);
    }
    return found;
}

struct saving {
    struct ese_state *state;
    int32_t partition;
};

static int save_repeat(void *context, const struct ese_repeat *repeat, bool forgotten,
                       struct ese_error *error)
{
    const struct saving *saving = context;
    struct ese_statement *statement =
        saving->state->statements[forgotten ? REPEATS_DELETE : REPEATS_SET];
    ese_statement_number(statement, 1, saving->partition);
    ese_statement_number(statement, 2, repeat->run);
    ese_statement_number(statement, 3, repeat->lane);
    if (!forgotten) {
        ese_statement_number(statement, 4, repeat->highest);
        ese_statement_bytes(statement, 5, repeat->window, sizeof repeat->window);
        ese_statement_number(statement, 6, repeat->event_time_ms);
    }
    return ese_statement_run(statement, error);
}

int ese_state_save_repeats(struct ese_state *state, int32_t partition, struct ese_repeats *repeats,
                           struct ese_error *error)
{
    struct saving saving = {.state = state, .partition = partition};
    return ese_repeats_save(repeats, save_repeat, &saving, error);
}

static int recall_repeat(void *context, struct ese_repeat *repeat, struct ese_error *error)
{
    const struct saving *saving = context;
    struct ese_statement *one = saving->state->statements[REPEATS_ONE];
    ese_statement_number(one, 1, saving->partition);
    ese_statement_number(one, 2, repeat->run);
    ese_statement_number(one, 3, repeat->lane);
    int found = ese_statement_step(one, error);
    if (found != 1)
        return found;
    repeat->highest = (uint32_t)ese_statement_column_number(one, 0);
    read_window(one, 1, repeat);
    repeat->event_time_ms = ese_statement_column_number(one, 2);
    ese_statement_reset(one);
    return 1;
}

int ese_state_undo_repeats(struct ese_state *state, int32_t partition, struct ese_repeats *repeats,
                           struct ese_error *error)
{
    struct saving saving = {.state = state, .partition = partition};
    return ese_repeats_undo(repeats, recall_repeat, &saving, error);
}

/* ---- repeats: by name ----------------------------------------------------------------------- */

int ese_state_load_named(struct ese_state *state, int32_t partition, struct ese_named *named,
                         struct ese_error *error)
{
    struct ese_statement *get = state->statements[NAMED_GET];
    ese_statement_number(get, 1, partition);
    int found;
    while ((found = ese_statement_step(get, error)) == 1) {
        struct ese_named_event event = {
            .number = ese_statement_column_number(get, 0),
            .event_time_ms = ese_statement_column_number(get, 2),
        };
        size_t length = 0;
        const void *id = ese_statement_column_bytes(get, 1, &length);
        if (length == sizeof event.id.bytes)
            memcpy(event.id.bytes, id, length);
        if (ese_named_restore(named, &event, error) != 0) {
            ese_statement_reset(get);
            return -1;
        }
    }
    return found;
}

static int put_named(void *context, const struct ese_named_event *event, struct ese_error *error)
{
    const struct saving *saving = context;
    struct ese_statement *add = saving->state->statements[NAMED_ADD];
    ese_statement_number(add, 1, saving->partition);
    ese_statement_number(add, 2, event->number);
    ese_statement_bytes(add, 3, event->id.bytes, sizeof event->id.bytes);
    ese_statement_number(add, 4, event->event_time_ms);
    return ese_statement_run(add, error);
}

static int clear_named(void *context, int64_t number, struct ese_error *error)
{
    const struct saving *saving = context;
    struct ese_statement *delete = saving->state->statements[NAMED_DELETE];
    ese_statement_number(delete, 1, saving->partition);
    ese_statement_number(delete, 2, number);
    return ese_statement_run(delete, error);
}

int ese_state_save_named(struct ese_state *state, int32_t partition, struct ese_named *named,
                         struct ese_error *error)
{
    struct saving saving = {.state = state, .partition = partition};
    const struct ese_named_shelf shelf = {
        .context = &saving, .put = put_named, .clear = clear_named};
    return ese_named_save(named, &shelf, error);
}
