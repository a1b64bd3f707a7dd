/* What the http store knows of events that came before, beside a model that simply has all of them: whatever happens
 * to transactions, however old rows leave, and whoever opens the log next. With little memory, so that its bounds are
 * met all the time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-core/memory.h"
#include "ese-core/random.h"
#include "tests/support/append.h"
#include "tests/support/directory.h"
#include "transports/http/store_table.h"

#define STEPS 120000 /* events sent */
#define NOW INT64_C(1800000000000)
#define LANES 100
#define OFTEN 12 /* of them */
#define SEQUENCES 8192
#define TIMES 2 /* the same place in a lane, and another id */
#define DERIVED 200
#define NAMES 400
#define ROWS (STEPS + 1)
#define NONE (-1)

struct row {
    struct ese_id id;
    int name;    /* NONE: it has none */
    int content; /* 0 or 1 */
    int64_t server_ts;
};

/* What was somewhere before. */
struct change {
    int32_t *at;
    int32_t before;
};

struct model {
    char *directory;
    struct ese_store_log log;
    struct ese_store_table *table;
    struct ese_random random;
    int64_t now_ms;
    int steps;
    struct row rows[ROWS]; /* by offset */
    int64_t first, next;
    int32_t placed[LANES][SEQUENCES][TIMES]; /* offsets, or NONE */
    int32_t derived[DERIVED];
    struct ese_id derived_ids[DERIVED];
    int32_t named[NAMES];
    uint32_t following[LANES]; /* the sequence that would be in order */
    struct change changes[1024]; /* of the transaction */
    size_t changed;
};

static void open_table(struct model *model)
{
    struct ese_error error = {0};

    if (ese_store_table_open(&model->log, &model->table, &error) != 0)
        fail_msg("%s", error.text);
}

static int set_up(void **state)
{
    struct model *model = *state = ese_alloc(sizeof(*model));

    ese_test_directories_in_memory();
    model->directory = ese_test_directory_make();
    model->log.path = ese_test_path(model->directory, "events.db");
    model->log.durability = ESE_DURABILITY_OS;
    model->log.bounds = (struct ese_store_bounds){.lanes = 40, .marks = 220, .distance = 8, .rows = 16};
    model->random = ese_random_seeded(11, 1);
    model->now_ms = NOW;
    memset(model->placed, 0xff, sizeof(model->placed));
    memset(model->derived, 0xff, sizeof(model->derived));
    memset(model->named, 0xff, sizeof(model->named));
    for (int i = 0; i < DERIVED; i++) {
        char text[16];
        snprintf(text, sizeof(text), "derived %d", i);
        model->derived_ids[i] = ese_id_derive(text, NULL, 0);
    }
    open_table(model);
    return 0;
}

static int tear_down(void **state)
{
    struct model *model = *state;

    ese_store_table_close(&model->table);
    ese_test_directory_remove(&model->directory);
    free(model->log.path);
    free(model);
    return 0;
}

static int below(struct model *model, int64_t bound)
{
    return (int)ese_random_below(&model->random, (uint64_t)bound);
}

static bool one_in(struct model *model, int count)
{
    return below(model, count) == 0;
}

/* ---- the model --------------------------------------------------------------------------------- */

static void put(struct model *model, int32_t *at, int64_t offset)
{
    assert_true(model->changed < ESE_COUNT_OF(model->changes));
    model->changes[model->changed++] = (struct change){.at = at, .before = *at};
    *at = (int32_t)offset;
}

static void take_back(struct model *model, size_t changed, int64_t next)
{
    while (model->changed > changed) {
        model->changed--;
        *model->changes[model->changed].at = model->changes[model->changed].before;
    }
    model->next = next;
}

static struct ese_id id_of_place(int lane, int sequence, int time)
{
    const struct ese_id_parts parts = {.time_ms = NOW + time,
                                       .lane = (uint16_t)(lane % 8),
                                       .run = 1 + (uint32_t)lane / 8,
                                       .sequence = (uint32_t)sequence};
    return ese_id_make(&parts);
}

/* Where the model has that id: its place in the naive set. */
static int32_t *find_id(struct model *model, const struct ese_id *id)
{
    struct ese_id_parts parts = ese_id_read(id);

    if (ese_id_is_ours(id))
        return &model->placed[(parts.run - 1) * 8 + parts.lane][parts.sequence][parts.time_ms - NOW];
    int number = 0;
    while (!ese_id_equal(&model->derived_ids[number], id))
        number++;
    return &model->derived[number];
}

static bool is_there(const struct model *model, int32_t offset)
{
    return offset >= model->first;
}

/* What has to become of one event: as store_table.h has it. *offset is where it is then. */
static enum ese_append_result expect(struct model *model, const struct row *row, int64_t *offset)
{
    int32_t *by_id = find_id(model, &row->id);
    int32_t *by_name = row->name == NONE ? by_id : &model->named[row->name];

    if (is_there(model, *by_name)) {
        *offset = *by_name;
        return model->rows[*offset].content == row->content ? ESE_APPEND_STORED : ESE_APPEND_CONFLICT;
    }
    if (is_there(model, *by_id))
        return ESE_APPEND_FAILED;
    *offset = model->next++;
    model->rows[*offset] = *row;
    model->rows[*offset].server_ts = model->now_ms;
    put(model, by_id, *offset);
    if (row->name != NONE)
        put(model, by_name, *offset);
    return ESE_APPEND_STORED;
}

/* ---- what is sent ------------------------------------------------------------------------------ */

static struct row row_in_order(struct model *model, int lane)
{
    uint32_t *following = &model->following[lane];

    *following += one_in(model, 9); /* one that was left out, and comes later, or never */
    if (*following >= SEQUENCES - 1)
        *following = SEQUENCES - 2;
    return (struct row){.id = id_of_place(lane, (int)(*following)++, 0), .name = NONE};
}

static struct row row_late(struct model *model, int lane)
{
    int sequence = below(model, model->following[lane] + 1), time = one_in(model, 3);

    return (struct row){.id = id_of_place(lane, sequence, time), .name = NONE};
}

static struct row row_foreign(struct model *model)
{
    struct row row = row_in_order(model, 0);

    if (model->next > model->first && one_in(model, 20)) /* somebody's who guessed it */
        row.id = model->rows[model->first + below(model, model->next - model->first)].id;
    row.name = below(model, NAMES);
    return row;
}

/* Of what is there, or left a little while ago. */
static struct row row_again(struct model *model, int64_t offset)
{
    struct row row = model->rows[offset];

    if (one_in(model, 30))
        row.content = 1 - row.content;
    return row;
}

static struct row draw_row(struct model *model)
{
    int lane = one_in(model, 5) ? below(model, LANES) : below(model, OFTEN);
    int64_t from = model->first > 50 ? model->first - 50 : 0;

    switch (model->next > from ? below(model, 20) : 0) {
    case 0: return (struct row){.id = model->derived_ids[below(model, DERIVED)], .name = NONE};
    case 1: return row_late(model, lane);
    case 2: return row_foreign(model);
    case 3:
    case 4:
    case 5: return row_again(model, from + below(model, model->next - from));
    case 6: return row_again(model, model->next - 1 - below(model, model->next - from < 9 ? 1 : 9));
    default: return row_in_order(model, lane);
    }
}

static struct ese_event event_of(const struct row *row)
{
    struct ese_event event = {.id = row->id, .client_ts = NOW - 5, .type = "T", .sub_type = "S", .ip = "10.0.0.1"};

    event.data = ese_copy_text(row->content == 0 ? "{}" : "{\"a\":1}");
    if (row->name != NONE)
        snprintf(event.foreign_id, sizeof(event.foreign_id), "name %d", row->name);
    ese_event_set_key(&event);
    return event;
}

/* One request: some rows anew, or a stretch of the log again. */
static size_t draw_request(struct model *model, struct row rows[8])
{
    size_t count = one_in(model, 3) ? 1 + (size_t)below(model, 8) : 1;
    bool is_stretch = model->next - model->first > 8 && one_in(model, 10);
    int64_t from = is_stretch ? model->first + below(model, model->next - model->first - 8) : 0;

    for (size_t i = 0; i < count; i++)
        rows[i] = is_stretch ? row_again(model, from + (int64_t)i) : draw_row(model);
    model->steps += (int)count;
    return count;
}

static void compare(const struct model *model, const struct ese_append *append, const int64_t *offsets)
{
    for (size_t i = 0; i < append->list.count; i++) {
        const struct row *row = &model->rows[offsets[i]];
        assert_true(ese_id_equal(&append->list.events[i].id, &row->id));
        assert_int_equal(append->list.events[i].server_ts, row->server_ts);
    }
}

static void send(struct model *model)
{
    struct row rows[8];
    int64_t offsets[8], next = model->next;
    struct ese_append append = {.list.count = draw_request(model, rows)};
    enum ese_append_result result, expected = ESE_APPEND_STORED;
    size_t changed = model->changed;

    append.list.events = ese_alloc_array(append.list.count, sizeof(struct ese_event));
    for (size_t i = 0; i < append.list.count; i++)
        append.list.events[i] = event_of(&rows[i]);
    for (size_t i = 0; i < append.list.count && expected == ESE_APPEND_STORED; i++)
        expected = expect(model, &rows[i], &offsets[i]);
    ese_test_note_contents(&append);
    assert_int_equal(ese_store_table_append(model->table, &append, model->now_ms, &result, NULL), 0);
    assert_int_equal(result, expected);
    if (expected == ESE_APPEND_STORED)
        compare(model, &append, offsets);
    else
        take_back(model, changed, next);
    ese_test_append_clear(&append);
}

/* ---- what happens ------------------------------------------------------------------------------ */

static void expire(struct model *model)
{
    int64_t most = below(model, 60), first = model->first, deleted;
    int64_t since_ms = model->now_ms - ese_store_log_keep_ms(&model->log);

    assert_int_equal(ese_store_table_expire(model->table, model->now_ms, most, &deleted, NULL), 0);
    while (first < model->next - 1 && first < model->first + most && model->rows[first].server_ts < since_ms)
        first++;
    assert_int_equal(deleted, first - model->first);
    model->first = first;
}

static void transact(struct model *model)
{
    int64_t first = model->first, next = model->next;
    uint32_t following[LANES];
    bool is_for_good = !one_in(model, 8);

    memcpy(following, model->following, sizeof(following));
    model->changed = 0;
    model->now_ms += below(model, 3000);
    assert_int_equal(ese_store_table_begin(model->table, NULL), 0);
    expire(model);
    for (int i = below(model, 12); i >= 0; i--)
        send(model);
    if (is_for_good) {
        assert_int_equal(ese_store_table_commit(model->table, NULL), 0);
        assert_int_equal(atomic_load(&model->log.next), model->next);
        return;
    }
    ese_store_table_rollback(model->table);
    take_back(model, 0, next);
    model->first = first;
    if (one_in(model, 2)) /* who sends goes on, or begins there again */
        memcpy(model->following, following, sizeof(following));
}

/* The rows are the model's, each once. */
static void compare_table(struct model *model)
{
    const struct ese_sqlite_options options = {
        .path = model->log.path, .durability = ESE_DURABILITY_OS, .read_only = true};
    struct ese_sqlite *sqlite;
    int64_t offset = model->first;
    size_t length;

    assert_int_equal(ese_sqlite_open(&options, &sqlite, NULL), 0);
    struct ese_statement *rows = ese_statement_new(sqlite, "SELECT offset, id FROM events ORDER BY offset");
    for (; ese_statement_step(rows, NULL) == 1; offset++) {
        assert_int_equal(ese_statement_column_number(rows, 0), offset);
        assert_memory_equal(ese_statement_column_bytes(rows, 1, &length), model->rows[offset].id.bytes,
                            sizeof(struct ese_id));
    }
    assert_int_equal(offset, model->next);
    struct ese_statement *left = ese_statement_new(
        sqlite, "SELECT count(*) FROM strays WHERE offset NOT IN (SELECT offset FROM events)");
    assert_int_equal(ese_statement_step(left, NULL), 1);
    assert_int_equal(ese_statement_column_number(left, 0), 0);
    ese_sqlite_close(&sqlite);
}

static void the_store_knows_what_there_is_and_nothing_else(void **state)
{
    struct model *model = *state;

    while (model->steps < STEPS - 200) {
        transact(model);
        if (!one_in(model, 200))
            continue;
        ese_store_table_close(&model->table);
        compare_table(model);
        open_table(model);
    }
    assert_true(model->next > STEPS / 3);
    assert_true(model->first > STEPS / 6);
    compare_table(model);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_store_knows_what_there_is_and_nothing_else, set_up, tear_down),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests_name("http_store_known", tests, NULL, NULL);
}
