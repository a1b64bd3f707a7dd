/* The tables of the http store, with a clock of the test's own: what is kept, found again, and
 * forgotten. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "tests/support/append.h"
#include "tests/support/directory.h"
#include "tests/support/stepped_clock.h"
#include "transports/http/store_read.h"
#include "transports/http/store_table.h"

#define NOW INT64_C(1800000000000)
#define RETENTION_MS INT64_C(1200000)
#define BOUND (INT64_C(1) << 20)

struct fixture {
    char *directory;
    struct ese_store_log log;
    struct ese_store_table *table;
};

static void open_table(struct fixture *fixture)
{
    struct ese_error error = {0};

    if (ese_store_table_open(&fixture->log, &fixture->table, &error) != 0)
        fail_msg("%s", error.text);
}

static int set_up(void **state)
{
    struct fixture *fixture = ese_alloc(sizeof(*fixture));

    fixture->directory = ese_test_directory_make();
    fixture->log.path = ese_test_path(fixture->directory, "events.db");
    fixture->log.durability = ESE_DURABILITY_OS;
    fixture->log.retention_ms = RETENTION_MS;
    open_table(fixture);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    ese_store_table_close(&fixture->table);
    ese_test_directory_remove(&fixture->directory);
    free(fixture->log.path);
    free(fixture);
    return 0;
}

/* ---- requests -------------------------------------------------------------------------------- */

static struct ese_event make_event(uint32_t sequence, const char *data)
{
    const struct ese_id_parts parts = {.time_ms = NOW, .lane = 3, .run = 77, .sequence = sequence};
    struct ese_event event = {.id = ese_id_make(&parts), .client_ts = NOW - 5};

    ese_fit_text(event.type, sizeof(event.type), ESE_TYPE_CLICK);
    ese_fit_text(event.sub_type, sizeof(event.sub_type), ESE_SUB_TYPE_BUTTON);
    ese_fit_text(event.ip, sizeof(event.ip), "10.0.0.1");
    event.data = ese_copy_text(data);
    ese_event_set_key(&event);
    return event;
}

/* A request with the events first .. first + count - 1. */
static struct ese_append *make_request(uint32_t first, size_t count)
{
    struct ese_append *append = ese_alloc(sizeof(*append));

    append->list.events = ese_alloc_array(count + 1, sizeof(struct ese_event));
    append->list.count = count;
    append->many = count != 1;
    for (size_t i = 0; i < count; i++)
        append->list.events[i] = make_event(first + (uint32_t)i, "{}");
    return append;
}

static int put(struct fixture *fixture, struct ese_append *append, int64_t now_ms, enum ese_append_result *result)
{
    ese_test_note_contents(append);
    return ese_store_table_append(fixture->table, append, now_ms, result, NULL);
}

static void free_request(struct ese_append *append)
{
    ese_test_append_clear(append);
    free(append);
}

/* In a transaction of its own; frees the request. Returns the server_ts of its first event. */
static int64_t store(struct fixture *fixture, struct ese_append *append, int64_t now_ms,
                     enum ese_append_result expected)
{
    enum ese_append_result result;

    assert_int_equal(ese_store_table_begin(fixture->table, NULL), 0);
    assert_int_equal(put(fixture, append, now_ms, &result), 0);
    assert_int_equal(ese_store_table_commit(fixture->table, NULL), 0);
    assert_int_equal(result, expected);
    int64_t server_ts = append->list.count > 0 ? append->list.events[0].server_ts : 0;
    free_request(append);
    return server_ts;
}

static int64_t next_offset(const struct fixture *fixture)
{
    return atomic_load(&fixture->log.next);
}

static int64_t expire(struct fixture *fixture, int64_t now_ms, int64_t most)
{
    int64_t deleted;

    assert_int_equal(ese_store_table_begin(fixture->table, NULL), 0);
    assert_int_equal(ese_store_table_expire(fixture->table, now_ms, most, &deleted, NULL), 0);
    assert_int_equal(ese_store_table_commit(fixture->table, NULL), 0);
    return deleted;
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void a_repeat_is_found_and_answered_as_before(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(store(fixture, make_request(1, 1), NOW, ESE_APPEND_STORED), NOW);
    assert_int_equal(store(fixture, make_request(1, 1), NOW + 99, ESE_APPEND_STORED), NOW);
    assert_int_equal(next_offset(fixture), 1);
    assert_int_equal(ese_store_table_repeats(fixture->table), 1);

    ese_store_table_close(&fixture->table); /* and by who comes after */
    open_table(fixture);
    assert_int_equal(store(fixture, make_request(1, 1), NOW + 999, ESE_APPEND_STORED), NOW);
    assert_int_equal(next_offset(fixture), 1);
}

/* In whatever order a lane is sent, and by who comes after, too. */
static void what_came_out_of_order_is_found_as_well(void **state)
{
    struct fixture *fixture = *state;
    static const uint32_t order[] = {5, 2, 9, 0, 3, 8};

    for (size_t i = 0; i < ESE_COUNT_OF(order); i++)
        assert_int_equal(store(fixture, make_request(order[i], 1), NOW + (int64_t)i, ESE_APPEND_STORED),
                         NOW + (int64_t)i);
    for (int life = 0; life < 2; life++) {
        for (size_t i = 0; i < ESE_COUNT_OF(order); i++)
            assert_int_equal(store(fixture, make_request(order[i], 1), NOW + 999, ESE_APPEND_STORED),
                             NOW + (int64_t)i);
        assert_int_equal(next_offset(fixture), ESE_COUNT_OF(order));
        ese_store_table_close(&fixture->table);
        open_table(fixture);
    }
    assert_int_equal(store(fixture, make_request(1, 1), NOW + 999, ESE_APPEND_STORED), NOW + 999);
}

/* What has left may come again, and is known again then. */
static void what_has_left_and_came_again_is_found(void **state)
{
    struct fixture *fixture = *state;

    store(fixture, make_request(1, 1), NOW, ESE_APPEND_STORED);
    store(fixture, make_request(2, 1), NOW, ESE_APPEND_STORED);
    store(fixture, make_request(3, 1), NOW + 2 * RETENTION_MS, ESE_APPEND_STORED);
    assert_int_equal(expire(fixture, NOW + 2 * RETENTION_MS, 10), 2);
    assert_int_equal(store(fixture, make_request(1, 2), NOW + 2 * RETENTION_MS + 1, ESE_APPEND_STORED),
                     NOW + 2 * RETENTION_MS + 1);
    assert_int_equal(next_offset(fixture), 5);
    assert_int_equal(store(fixture, make_request(1, 3), NOW + 2 * RETENTION_MS + 2, ESE_APPEND_STORED),
                     NOW + 2 * RETENTION_MS + 1);
    assert_int_equal(next_offset(fixture), 5);
}

static struct ese_append *make_other_time(uint32_t sequence)
{
    struct ese_append *append = make_request(sequence, 1);
    struct ese_id_parts parts = ese_id_read(&append->list.events[0].id);

    parts.time_ms++;
    append->list.events[0].id = ese_id_make(&parts);
    return append;
}

/* The same place in the same lane, and all the rest the same, too: but another id is another event. */
static void an_id_of_another_time_is_another_event(void **state)
{
    struct fixture *fixture = *state;

    for (uint32_t i = 0; i < 5; i++)
        store(fixture, make_request(i, 1), NOW, ESE_APPEND_STORED);
    for (uint32_t i = 0; i < 5; i++)
        assert_int_equal(store(fixture, make_other_time(i), NOW + 1, ESE_APPEND_STORED), NOW + 1);
    for (int life = 0; life < 2; life++) {
        assert_int_equal(next_offset(fixture), 10);
        for (uint32_t i = 0; i < 5; i++) {
            assert_int_equal(store(fixture, make_request(i, 1), NOW + 9, ESE_APPEND_STORED), NOW);
            assert_int_equal(store(fixture, make_other_time(i), NOW + 9, ESE_APPEND_STORED), NOW + 1);
        }
        ese_store_table_close(&fixture->table);
        open_table(fixture);
    }
}

static struct ese_sqlite *open_beside(const struct fixture *fixture, bool read_only)
{
    const struct ese_sqlite_options options = {
        .path = fixture->log.path, .durability = ESE_DURABILITY_OS, .read_only = read_only};
    struct ese_sqlite *sqlite;

    assert_int_equal(ese_sqlite_open(&options, &sqlite, NULL), 0);
    return sqlite;
}

/* An earlier version had an index of all ids, and no strays. */
static void make_as_it_was(struct fixture *fixture)
{
    struct ese_sqlite *sqlite;

    ese_store_table_close(&fixture->table);
    sqlite = open_beside(fixture, false);
    assert_int_equal(ese_sqlite_run(sqlite, "DROP TABLE strays; CREATE UNIQUE INDEX events_by_id ON events (id)", NULL),
                     0);
    ese_sqlite_close(&sqlite);
    open_table(fixture);
}

static struct ese_append *make_derived(void)
{
    struct ese_append *append = make_request(1, 1);

    append->list.events[0].id = ese_id_derive("a name", NULL, 0);
    return append;
}

/* All is known as before, whatever order it came in, and opened again nothing of it is written again. */
static void a_log_of_an_earlier_version_is_taken_over(void **state)
{
    struct fixture *fixture = *state;
    static const uint32_t order[] = {5, 2, 9, 0, 10, 3, 8};

    store(fixture, make_derived(), NOW, ESE_APPEND_STORED);
    for (size_t i = 0; i < ESE_COUNT_OF(order); i++)
        store(fixture, make_request(order[i], 1), NOW, ESE_APPEND_STORED);
    make_as_it_was(fixture);
    for (int life = 0; life < 2; life++) {
        assert_int_equal(store(fixture, make_derived(), NOW + 9, ESE_APPEND_STORED), NOW);
        for (size_t i = 0; i < ESE_COUNT_OF(order); i++)
            assert_int_equal(store(fixture, make_request(order[i], 1), NOW + 9, ESE_APPEND_STORED), NOW);
        ese_store_table_close(&fixture->table);
        struct ese_sqlite *sqlite = open_beside(fixture, true);
        int64_t version = ese_sqlite_version(sqlite);
        open_table(fixture);
        assert_int_equal(ese_sqlite_version(sqlite), version);
        ese_sqlite_close(&sqlite);
    }
    assert_int_equal(next_offset(fixture), 8);
}

/* Such an index has more than the bound leaves: what became strays has its room. */
static void a_full_log_of_an_earlier_version_is_taken_over(void **state)
{
    struct fixture *fixture = *state;
    const uint32_t count = 20000;

    for (uint32_t i = count; i > 0; i -= 100) { /* the other way round: nearly all are strays */
        struct ese_append *append = make_request(i - 100, 100);
        for (size_t k = 0; k < 50; k++) {
            struct ese_event swapped = append->list.events[k];
            append->list.events[k] = append->list.events[99 - k];
            append->list.events[99 - k] = swapped;
        }
        store(fixture, append, NOW, ESE_APPEND_STORED);
    }
    fixture->log.max_bytes = BOUND;
    make_as_it_was(fixture);
    store(fixture, make_request(count, 1), NOW + 9, ESE_APPEND_AT_BOUND);
    for (uint32_t i = 0; i < count; i += 999)
        assert_int_equal(store(fixture, make_request(i, 1), NOW + 9, ESE_APPEND_STORED), NOW);
}

/* A batch of which something is a repeat, far back, of a lane among others. */
static void a_repeat_is_found_wherever_it_is(void **state)
{
    struct fixture *fixture = *state;

    for (uint32_t i = 0; i < 60; i++)
        store(fixture, make_request(i * 100, 100), NOW + i, ESE_APPEND_STORED);
    assert_int_equal(store(fixture, make_request(1234, 100), NOW + 999, ESE_APPEND_STORED), NOW + 12);
    assert_int_equal(store(fixture, make_request(5999, 2), NOW + 999, ESE_APPEND_STORED), NOW + 59);
    assert_int_equal(next_offset(fixture), 6001);
    assert_int_equal(ese_store_table_repeats(fixture->table), 101);
}

static void the_same_id_with_other_content_is_a_conflict(void **state)
{
    struct fixture *fixture = *state;
    struct ese_append *other = make_request(1, 1);

    store(fixture, make_request(1, 1), NOW, ESE_APPEND_STORED);
    free(other->list.events[0].data);
    other->list.events[0].data = ese_copy_text("{\"a\":1}");
    store(fixture, other, NOW, ESE_APPEND_CONFLICT);
    assert_int_equal(next_offset(fixture), 1);
}

static void a_batch_is_stored_whole_or_not_at_all(void **state)
{
    struct fixture *fixture = *state;
    struct ese_append *batch = make_request(10, 3);

    store(fixture, make_request(12, 1), NOW, ESE_APPEND_STORED);
    batch->list.events[2].client_ts++; /* 12 again, with another content */
    store(fixture, batch, NOW, ESE_APPEND_CONFLICT);
    assert_int_equal(next_offset(fixture), 1);

    store(fixture, make_request(10, 3), NOW, ESE_APPEND_STORED); /* 12 is had, 10 and 11 are new */
    assert_int_equal(next_offset(fixture), 3);
    store(fixture, make_request(0, 0), NOW, ESE_APPEND_STORED);
    assert_int_equal(next_offset(fixture), 3);
}

static void a_conflict_leaves_the_rest_of_its_transaction_alone(void **state)
{
    struct fixture *fixture = *state;
    struct ese_append *requests[] = {make_request(1, 2), make_request(2, 3), make_request(7, 2)};
    const enum ese_append_result expected[] = {ESE_APPEND_STORED, ESE_APPEND_CONFLICT,
                                               ESE_APPEND_STORED};

    requests[1]->list.events[0].client_ts++; /* 2 again */
    assert_int_equal(ese_store_table_begin(fixture->table, NULL), 0);
    for (size_t i = 0; i < 3; i++) {
        enum ese_append_result result;
        assert_int_equal(put(fixture, requests[i], NOW, &result),
                         0);
        assert_int_equal(result, expected[i]);
        free_request(requests[i]);
    }
    assert_int_equal(ese_store_table_commit(fixture->table, NULL), 0);
    assert_int_equal(next_offset(fixture), 4);
}

static void foreign_ids_are_recognised_by_source(void **state)
{
    struct fixture *fixture = *state;
    const char *const sources[] = {"", "", "shop", "shop"};
    const int64_t offsets[] = {1, 1, 2, 2}; /* behind it */

    for (uint32_t i = 0; i < 4; i++) {
        struct ese_append *append = make_request(100 + i, 1); /* each was given an id of ours anew */
        ese_fit_text(append->list.events[0].source, ESE_EVENT_SOURCE_SIZE, sources[i]);
        ese_fit_text(append->list.events[0].foreign_id, ESE_EVENT_FOREIGN_ID_SIZE, "order-7");
        assert_int_equal(store(fixture, append, NOW + i, ESE_APPEND_STORED), NOW + (i & ~1U));
        assert_int_equal(next_offset(fixture), offsets[i]);
    }
}

/* The id that one was given beside a foreign one may be somebody's already who guessed it: it is refused, and with the
 * next one it is not. */
static void a_given_id_that_is_taken_is_no_loss(void **state)
{
    struct fixture *fixture = *state;
    const enum ese_append_result expected[] = {ESE_APPEND_FAILED, ESE_APPEND_STORED, ESE_APPEND_STORED};
    const uint32_t given[] = {7, 8, 7};

    store(fixture, make_request(7, 1), NOW, ESE_APPEND_STORED);
    for (int i = 0; i < 3; i++) { /* the third is a repeat */
        struct ese_append *append = make_request(given[i], 1);
        ese_fit_text(append->list.events[0].foreign_id, ESE_EVENT_FOREIGN_ID_SIZE, "order-7");
        store(fixture, append, NOW + i, expected[i]);
    }
    assert_int_equal(next_offset(fixture), 2);
}

/* One mark, and behind it far more rows of its lane than are looked through. */
static void a_repeat_is_found_among_more_than_is_looked_through(void **state)
{
    struct fixture *fixture = *state;
    const uint32_t count = 40000, part = 1000;

    ese_store_table_close(&fixture->table);
    fixture->log.bounds = (struct ese_store_bounds){.marks = 1, .distance = 2 * count};
    open_table(fixture);
    for (uint32_t i = 0; i < count; i += part)
        store(fixture, make_request(i, part), NOW + i, ESE_APPEND_STORED);
    for (uint32_t i = 5; i < count; i += 7001)
        assert_int_equal(store(fixture, make_request(i, 1), 2 * NOW, ESE_APPEND_STORED), NOW + i / part * part);
    assert_int_equal(store(fixture, make_request(3, part), 2 * NOW, ESE_APPEND_STORED), NOW);
    store(fixture, make_other_time(17), 2 * NOW, ESE_APPEND_STORED);
    assert_int_equal(next_offset(fixture), count + 1);
}

static void append(struct fixture *fixture, struct ese_append *append)
{
    enum ese_append_result result;

    assert_int_equal(put(fixture, append, NOW, &result), 0);
    assert_int_equal(result, ESE_APPEND_STORED);
    free_request(append);
}

/* It was looked for, and found, where it is no more: the next time others are there. */
static void what_is_taken_back_is_in_sight_no_more(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(ese_store_table_begin(fixture->table, NULL), 0);
    append(fixture, make_request(1, 10));
    append(fixture, make_request(5, 1));
    assert_int_equal(ese_store_table_repeats(fixture->table), 1);
    ese_store_table_rollback(fixture->table);
    store(fixture, make_derived(), NOW, ESE_APPEND_STORED);
    store(fixture, make_request(1, 10), NOW, ESE_APPEND_STORED);
    store(fixture, make_request(5, 1), NOW, ESE_APPEND_STORED);
    assert_int_equal(next_offset(fixture), 11);
}

static struct ese_append *make_keyed(uint32_t first, size_t count, uint64_t content_hash)
{
    struct ese_append *append = make_request(first, count);

    ese_fit_text(append->idempotency_key, sizeof(append->idempotency_key), "key-1");
    append->content_hash = content_hash;
    return append;
}

static void an_idempotency_key_names_a_request(void **state)
{
    struct fixture *fixture = *state;
    struct ese_append *again = make_keyed(50, 3, 9);
    struct ese_event first = make_event(1, "{}");
    enum ese_append_result result;

    store(fixture, make_keyed(1, 3, 9), NOW, ESE_APPEND_STORED);
    store(fixture, make_keyed(60, 3, 10), NOW, ESE_APPEND_CONFLICT);
    store(fixture, make_keyed(60, 2, 9), NOW, ESE_APPEND_CONFLICT);
    assert_int_equal(next_offset(fixture), 3);

    assert_int_equal(ese_store_table_begin(fixture->table, NULL), 0);
    assert_int_equal(put(fixture, again, NOW + 9, &result), 0);
    assert_int_equal(ese_store_table_commit(fixture->table, NULL), 0);
    assert_int_equal(result, ESE_APPEND_STORED);
    assert_true(ese_id_equal(&again->list.events[0].id, &first.id)); /* the answer of then, ids included */
    assert_int_equal(again->list.events[2].server_ts, NOW);
    assert_int_equal(next_offset(fixture), 3);
    ese_event_clear(&first);
    free_request(again);
}

static void rows_leave_from_the_front_in_small_steps(void **state)
{
    struct fixture *fixture = *state;

    for (uint32_t i = 0; i < 10; i++)
        store(fixture, make_request(i, 1), NOW + i, ESE_APPEND_STORED);
    assert_int_equal(expire(fixture, NOW + RETENTION_MS, 100), 0);
    assert_int_equal(expire(fixture, NOW + RETENTION_MS + 5, 3), 3);
    assert_int_equal(expire(fixture, NOW + RETENTION_MS + 5, 100), 2);
    assert_int_equal(expire(fixture, NOW + RETENTION_MS + 5, 100), 0);
    assert_int_equal(expire(fixture, NOW + 2 * RETENTION_MS, 100), 4); /* the newest stays */

    store(fixture, make_request(3, 1), NOW + 2 * RETENTION_MS, ESE_APPEND_STORED); /* forgotten: new again */
    assert_int_equal(next_offset(fixture), 11);
    assert_int_equal(expire(fixture, NOW + 4 * RETENTION_MS, 100), 1);
    ese_store_table_close(&fixture->table);
    open_table(fixture);
    assert_int_equal(next_offset(fixture), 11); /* who comes after goes on counting */
}

static void retries_are_known_for_ten_minutes_at_least(void **state)
{
    struct fixture *fixture = *state;

    fixture->log.retention_ms = 1000;
    store(fixture, make_keyed(1, 1, 9), NOW, ESE_APPEND_STORED);
    assert_int_equal(expire(fixture, NOW + ESE_STORE_RETRY_WINDOW_MS, 100), 0);
    assert_int_equal(store(fixture, make_keyed(5, 1, 9), NOW + ESE_STORE_RETRY_WINDOW_MS,
                           ESE_APPEND_STORED),
                     NOW);
    store(fixture, make_request(2, 1), NOW + ESE_STORE_RETRY_WINDOW_MS, ESE_APPEND_STORED);
    assert_int_equal(expire(fixture, NOW + ESE_STORE_RETRY_WINDOW_MS + 1, 100), 1);
    assert_int_equal(store(fixture, make_keyed(1, 1, 10), NOW + ESE_STORE_RETRY_WINDOW_MS + 1,
                           ESE_APPEND_STORED),
                     NOW + ESE_STORE_RETRY_WINDOW_MS + 1);
}

static int read_page(struct fixture *fixture, int64_t position, struct ese_error *error)
{
    struct ese_store_page page = {.position = position, .limit = 10, .bytes = 1 << 20};
    struct ese_buffer text = ESE_BUFFER_INIT(1 << 20);
    struct ese_store_reader *reader;

    assert_int_equal(ese_store_reader_open(&fixture->log, &reader, NULL), 0);
    int result = ese_store_reader_page(reader, &fixture->log, &page, &text, error);
    ese_store_reader_close(&reader);
    ese_buffer_free(&text);
    return result == 0 ? page.count : -1;
}

static int64_t start_of(struct fixture *fixture)
{
    struct ese_store_reader *reader;
    int64_t start;

    assert_int_equal(ese_store_reader_open(&fixture->log, &reader, NULL), 0);
    assert_int_equal(ese_store_reader_start(reader, &fixture->log, &start, NULL), 0);
    ese_store_reader_close(&reader);
    return start;
}

/* Whoever slept along finds all that was there, for as long as it would have been; and a retry is one. */
static void a_wall_clock_that_is_set_forward_makes_nothing_old(void **state)
{
    struct fixture *fixture = *state;
    int64_t stored_ms = ese_clock_wall_ms(), hours_ns = 8 * 3600 * ESE_NS_PER_S;
    int64_t keep_ns = ese_store_log_keep_ms(&fixture->log) * ESE_NS_PER_MS;

    store(fixture, make_request(1, 3), stored_ms, ESE_APPEND_STORED);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(expire(fixture, ese_clock_wall_ms(), 100), 0);
        assert_int_equal(start_of(fixture), 0);
        assert_int_equal(read_page(fixture, 1, NULL), 2);
        ese_test_wall_step(hours_ns);
    }
    assert_int_equal(store(fixture, make_request(1, 3), ese_clock_wall_ms(), ESE_APPEND_STORED), stored_ms);
    store(fixture, make_request(4, 2), ese_clock_wall_ms(), ESE_APPEND_STORED); /* has its own time, no more */
    ese_test_wall_step(keep_ns / 2);
    ese_test_boot(-keep_ns / 2); /* both clocks go on */
    assert_int_equal(expire(fixture, ese_clock_wall_ms(), 100), 0);
    ese_test_wall_step(keep_ns);
    ese_test_boot(-keep_ns);
    assert_int_equal(expire(fixture, ese_clock_wall_ms(), 100), 4); /* the newest stays for its number */
    ese_test_clocks_restore();
}

static void a_cursor_outlives_what_it_stands_at_a_little(void **state)
{
    struct fixture *fixture = *state;
    struct ese_store_reader *reader;
    struct ese_error error = {0};
    int64_t start;

    store(fixture, make_request(1, 3), ese_clock_wall_ms() - 5000, ESE_APPEND_STORED);
    fixture->log.retention_ms = 1000;
    fixture->log.grace_ms = 600000;
    assert_int_equal(ese_store_reader_open(&fixture->log, &reader, NULL), 0);
    assert_int_equal(ese_store_reader_start(reader, &fixture->log, &start, NULL), 0);
    ese_store_reader_close(&reader);
    assert_int_equal(start, 3); /* who comes now begins behind all of them */
    assert_int_equal(read_page(fixture, 1, &error), 2);

    fixture->log.grace_ms = 100;
    assert_int_equal(read_page(fixture, 1, &error), -1);
    assert_int_equal(error.code, ESE_E_GONE);
    assert_int_equal(read_page(fixture, 3, &error), 0);
    assert_int_equal(read_page(fixture, 4, &error), -1);
    assert_int_equal(error.code, ESE_E_INVALID);
}

static void a_rolled_back_transaction_gives_its_offsets_back(void **state)
{
    struct fixture *fixture = *state;
    struct ese_append *append = make_request(1, 2);
    enum ese_append_result result;

    assert_int_equal(ese_store_table_begin(fixture->table, NULL), 0);
    assert_int_equal(put(fixture, append, NOW, &result), 0);
    ese_store_table_rollback(fixture->table);
    free_request(append);
    assert_int_equal(next_offset(fixture), 0);
    store(fixture, make_request(5, 1), NOW, ESE_APPEND_STORED);
    assert_int_equal(next_offset(fixture), 1);
}

/* ---- the bound ------------------------------------------------------------------------------- */

#define DATA_BYTES 10000

static struct ese_append *make_large(uint32_t sequence)
{
    struct ese_append *append = make_request(sequence, 1);
    struct ese_buffer data = ESE_BUFFER_INIT(2 * DATA_BYTES);

    ese_buffer_printf(&data, "{\"padding\":\"%0*d\"}", DATA_BYTES, 0);
    free(append->list.events[0].data);
    append->list.events[0].data = ese_buffer_detach(&data);
    return append;
}

/* Stores large events until one is refused. Returns how many were stored. */
static uint32_t fill(struct fixture *fixture)
{
    for (uint32_t stored = 0;; stored++) {
        struct ese_append *append = make_large(stored);
        enum ese_append_result result;
        assert_int_equal(ese_store_table_begin(fixture->table, NULL), 0);
        assert_int_equal(put(fixture, append, NOW, &result), 0);
        assert_int_equal(ese_store_table_commit(fixture->table, NULL), 0);
        if (result == ESE_APPEND_AT_BOUND) {
            assert_non_null(strstr(append->why, "1048576 bytes"));
            assert_non_null(strstr(append->why, "--max-bytes"));
            assert_non_null(strstr(append->why, "--retention"));
            free_request(append);
            return stored;
        }
        assert_int_equal(result, ESE_APPEND_STORED);
        free_request(append);
        assert_true(stored < 1000);
    }
}

static void open_bounded(struct fixture *fixture)
{
    ese_store_table_close(&fixture->table);
    fixture->log.max_bytes = BOUND;
    open_table(fixture);
}

static void a_full_table_refuses_what_is_new(void **state)
{
    struct fixture *fixture = *state;
    struct ese_append *keyed = make_large(0);

    open_bounded(fixture);
    uint32_t stored = fill(fixture);
    assert_true(stored > 20);
    assert_int_equal(next_offset(fixture), stored);
    assert_true(ese_store_table_used_bytes(fixture->table) <= BOUND);
    assert_int_equal(store(fixture, make_large(0), NOW + 1, ESE_APPEND_STORED), NOW); /* a repeat */
    ese_fit_text(keyed->idempotency_key, sizeof(keyed->idempotency_key), "a new key is a new row");
    store(fixture, keyed, NOW, ESE_APPEND_AT_BOUND);
    store(fixture, make_request(stored, 300), NOW, ESE_APPEND_AT_BOUND);
    assert_int_equal(next_offset(fixture), stored);
}

static void a_refusal_leaves_the_rest_of_its_transaction_alone(void **state)
{
    struct fixture *fixture = *state;
    enum ese_append_result result;

    open_bounded(fixture);
    uint32_t stored = fill(fixture);
    const enum ese_append_result expected[] = {ESE_APPEND_STORED, ESE_APPEND_AT_BOUND,
                                               ESE_APPEND_STORED};
    struct ese_append *requests[] = {make_request(900, 1), make_large(stored), make_large(1)};
    assert_int_equal(ese_store_table_begin(fixture->table, NULL), 0);
    for (size_t i = 0; i < ESE_COUNT_OF(requests); i++) {
        assert_int_equal(put(fixture, requests[i], NOW, &result),
                         0);
        assert_int_equal(result, expected[i]);
        free_request(requests[i]);
    }
    assert_int_equal(ese_store_table_commit(fixture->table, NULL), 0);
    assert_int_equal(next_offset(fixture), stored + 1);
}

static void what_has_left_makes_room(void **state)
{
    struct fixture *fixture = *state;
    const char *why = NULL;

    open_bounded(fixture);
    uint32_t stored = fill(fixture);
    assert_int_equal(ese_store_table_begin(fixture->table, NULL), 0);
    assert_int_equal(ese_store_table_probe(fixture->table, NOW, &why, NULL), 0);
    assert_non_null(strstr(why, "the store is full"));
    ese_store_table_rollback(fixture->table);
    assert_int_equal(expire(fixture, NOW + RETENTION_MS + 1, 1000), stored - 1);
    assert_int_equal(ese_store_table_begin(fixture->table, NULL), 0);
    assert_int_equal(ese_store_table_probe(fixture->table, NOW, &why, NULL), 0);
    assert_null(why);
    ese_store_table_rollback(fixture->table);
    for (uint32_t i = 0; i < stored - 1; i++)
        store(fixture, make_large(1000 + i), NOW, ESE_APPEND_STORED);
    assert_int_equal(next_offset(fixture), 2 * stored - 1);
}

static void memory_begins_at_the_present_microsecond(void **state)
{
    struct fixture *fixture = *state;

    ese_store_table_close(&fixture->table);
    fixture->log.durability = ESE_DURABILITY_MEMORY;
    open_table(fixture);
    int64_t earlier = next_offset(fixture);
    assert_true(earlier > NOW * 1000 / 2); /* microseconds, not a count */
    store(fixture, make_request(1, 1), NOW, ESE_APPEND_STORED);
    assert_int_equal(next_offset(fixture), earlier + 1);

    ese_store_table_close(&fixture->table);
    open_table(fixture);
    assert_true(next_offset(fixture) > earlier + 1);
    assert_true(atomic_load(&fixture->log.start) == next_offset(fixture));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_repeat_is_found_and_answered_as_before, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_came_out_of_order_is_found_as_well, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_has_left_and_came_again_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_id_of_another_time_is_another_event, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_log_of_an_earlier_version_is_taken_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_log_of_an_earlier_version_is_taken_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_repeat_is_found_wherever_it_is, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_repeat_is_found_among_more_than_is_looked_through, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_same_id_with_other_content_is_a_conflict, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_batch_is_stored_whole_or_not_at_all, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_conflict_leaves_the_rest_of_its_transaction_alone, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(foreign_ids_are_recognised_by_source, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_given_id_that_is_taken_is_no_loss, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_idempotency_key_names_a_request, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rows_leave_from_the_front_in_small_steps, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(retries_are_known_for_ten_minutes_at_least, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_wall_clock_that_is_set_forward_makes_nothing_old, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_cursor_outlives_what_it_stands_at_a_little, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_rolled_back_transaction_gives_its_offsets_back, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_taken_back_is_in_sight_no_more, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_table_refuses_what_is_new, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_refusal_leaves_the_rest_of_its_transaction_alone, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_has_left_makes_room, set_up, tear_down),
        cmocka_unit_test_setup_teardown(memory_begins_at_the_present_microsecond, set_up,
                                        tear_down),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
