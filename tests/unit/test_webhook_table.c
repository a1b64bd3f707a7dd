/* One stream's file: what is in it, what is found again, what leaves, and whose files are opened. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "tests/support/directory.h"
#include "transports/webhook/event_keys.h"
#include "transports/webhook/stream_table.h"

#define NOW INT64_C(1795255872123)
#define RETENTION_MS INT64_C(1200000)
#define WINDOW_MS INT64_C(600000) /* a key is known for so long at least */
#define BOUND (INT64_C(1) << 20)
#define MANY 2500 /* so many that most have a place in the file, some of them given within one transaction */

struct fixture {
    char *directory;
    char *path;
    struct ese_row_age age;
    struct ese_webhook_ends ends;
    struct ese_webhook_table_options options;
    struct ese_webhook_table *table;
};

static void open_table(struct fixture *fixture)
{
    struct ese_error error = {0};

    if (ese_webhook_table_open(&fixture->options, &fixture->table, &error) != 0)
        fail_msg("%s", error.text);
}

static void close_table(struct fixture *fixture)
{
    if (fixture->table != NULL)
        ese_webhook_table_functions.close(fixture->table);
    fixture->table = NULL;
}

static int set_up(void **state)
{
    struct fixture *fixture = ese_alloc(sizeof(*fixture));

    fixture->directory = ese_test_directory_make();
    fixture->path = ese_test_path(fixture->directory, "s.db");
    fixture->options = (struct ese_webhook_table_options){.path = fixture->path,
                                                          .stream = "s",
                                                          .durability = ESE_DURABILITY_OS,
                                                          .first = 1,
                                                          .retention_ms = RETENTION_MS,
                                                          .age = &fixture->age,
                                                          .ends = &fixture->ends};
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    close_table(fixture);
    ese_test_directory_remove(&fixture->directory);
    free(fixture->path);
    free(fixture);
    return 0;
}

/* ---- asking ---------------------------------------------------------------------------------- */

static void begin(struct fixture *fixture)
{
    assert_int_equal(ese_webhook_table_functions.begin(fixture->table, NULL), 0);
}

static void commit(struct fixture *fixture)
{
    assert_int_equal(ese_webhook_table_functions.commit(fixture->table, NULL), 0);
}

static enum ese_append_result put(struct fixture *fixture, struct ese_webhook_row *row, int64_t now_ms)
{
    enum ese_append_result result;

    assert_int_equal(ese_webhook_table_functions.append(fixture->table, &row->item, now_ms, &result, NULL), 0);
    return result;
}

/* In a transaction of its own. */
static struct ese_webhook_row store(struct fixture *fixture, const char *body, const char *key, int64_t now_ms,
                                    enum ese_append_result expected)
{
    struct ese_webhook_row row = {.type = "t", .body = body, .length = strlen(body), .key = key};

    begin(fixture);
    assert_int_equal(put(fixture, &row, now_ms), expected);
    commit(fixture);
    free(row.why);
    row.why = NULL;
    return row;
}

static int64_t expire(struct fixture *fixture, int64_t now_ms, int64_t most)
{
    int64_t deleted;

    begin(fixture);
    assert_int_equal(ese_webhook_table_functions.expire(fixture->table, now_ms, most, &deleted, NULL), 0);
    commit(fixture);
    return deleted;
}

static struct ese_sqlite *look(struct fixture *fixture)
{
    const struct ese_sqlite_options options = {.path = fixture->path, .durability = ESE_DURABILITY_OS};
    struct ese_sqlite *sqlite;

    assert_int_equal(ese_sqlite_open(&options, &sqlite, NULL), 0);
    return sqlite;
}

/* The first column of the first row, as text. The caller frees. */
static char *ask(struct fixture *fixture, const char *question)
{
    struct ese_sqlite *sqlite = look(fixture);
    struct ese_statement *statement = ese_statement_new(sqlite, question);

    assert_int_equal(ese_statement_step(statement, NULL), 1);
    char *answer = ese_copy_text(ese_statement_column_text(statement, 0));
    ese_sqlite_close(&sqlite);
    return answer;
}

static void assert_answer(struct fixture *fixture, const char *question, const char *expected)
{
    char *answer = ask(fixture, question);

    assert_string_equal(answer, expected);
    free(answer);
}

/* What the original has made, by statements of a test. */
static void make_originals(struct fixture *fixture, const char *sql)
{
    struct ese_sqlite *sqlite = look(fixture);

    assert_int_equal(ese_sqlite_run(sqlite, sql, NULL), 0);
    ese_sqlite_close(&sqlite);
}

static int64_t newest(struct fixture *fixture)
{
    return atomic_load(&fixture->ends.newest);
}

static int64_t oldest(struct fixture *fixture)
{
    return atomic_load(&fixture->ends.oldest);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void rows_are_the_originals(void **state)
{
    struct fixture *fixture = *state;

    open_table(fixture);
    assert_int_equal(oldest(fixture), 1);
    assert_int_equal(newest(fixture), 0);
    struct ese_webhook_row row = store(fixture, "{\"a\":1}", NULL, NOW, ESE_APPEND_STORED);
    assert_int_equal(row.position, 1);
    assert_int_equal(newest(fixture), 1);
    assert_int_equal(store(fixture, "", NULL, NOW, ESE_APPEND_STORED).position, 2);
    assert_answer(fixture, "SELECT group_concat(name || ' ' || type) FROM pragma_table_info('events')",
                  "uuid ,body TEXT,type TEXT,created ");
    assert_answer(fixture, "SELECT typeof(body) || typeof(type) || typeof(created) FROM events WHERE rowid = 1",
                  "blobtexttext");
    assert_answer(fixture, "SELECT typeof(body) FROM events WHERE rowid = 2", "null");
    assert_answer(fixture, "SELECT type || ' ' || created FROM events", "t 2026-11-21 10:11:12.123 +0000 UTC");
    assert_answer(fixture, "SELECT CAST(body AS TEXT) FROM events", "{\"a\":1}");
    assert_answer(fixture, "SELECT uuid FROM events", row.uuid);
    assert_answer(fixture, "PRAGMA journal_mode", "wal");
}

static void each_event_has_a_random_uuid_of_version_4(void **state)
{
    struct fixture *fixture = *state;

    open_table(fixture);
    struct ese_webhook_row a = store(fixture, "a", NULL, NOW, ESE_APPEND_STORED);
    struct ese_webhook_row b = store(fixture, "a", NULL, NOW, ESE_APPEND_STORED);
    assert_int_equal(strlen(a.uuid), 36);
    assert_int_equal(a.uuid[14], '4');
    assert_non_null(strchr("89ab", a.uuid[19]));
    assert_string_not_equal(a.uuid, b.uuid);
}

static void store_without_key(struct fixture *fixture, int count)
{
    begin(fixture);
    for (int i = 0; i < count; i++) {
        struct ese_webhook_row row = {.type = "t", .body = "a", .length = 1};
        assert_int_equal(put(fixture, &row, NOW), ESE_APPEND_STORED);
    }
    commit(fixture);
}

/* And in another stream another one: whoever has both knows them apart by their uuids. */
static void a_key_makes_the_uuid(void **state)
{
    struct fixture *fixture = *state;
    char other[ESE_ID_TEXT_SIZE];

    open_table(fixture);
    struct ese_webhook_row row = store(fixture, "a", "k", NOW, ESE_APPEND_STORED);
    assert_string_equal(row.uuid, "85e23828-8c85-8328-af1e-cb482daf3d8f"); /* of SHA-256 of "s", NUL, "k" */
    ese_webhook_keys_name("t", "k", other);
    assert_string_not_equal(other, row.uuid);
}

/* As it is written usually; whatever else is a name like any other. */
static void a_key_that_is_a_uuid_by_time_is_the_uuid(void **state)
{
    static const char *const others[] = {
        "019ac0de-5eed-4aaa-bbbb-0123456789ab", /* another version */
        "019ac0de-5eed-8aaa-bbbb-0123456789ab",
        "019ac0de-5eed-7aaa-cbbb-0123456789ab", /* another variant */
        "019AC0DE-5eed-7aaa-bbbb-0123456789ab",
        "019ac0de-5eed-7aaa-bbbb-0123456789ab ",
        "019ac0de-5eed-7aaa-bbbb-0123456789a ",
    };
    static const char key[] = "019ac0de-5eed-7aaa-bbbb-0123456789ab";
    struct fixture *fixture = *state;
    char uuid[ESE_ID_TEXT_SIZE];

    for (size_t i = 0; i < ESE_COUNT_OF(others); i++) {
        ese_webhook_keys_name("s", others[i], uuid);
        assert_int_equal(uuid[14], '8');
        assert_string_not_equal(uuid, others[i]);
    }
    open_table(fixture);
    assert_string_equal(store(fixture, "a", key, NOW, ESE_APPEND_STORED).uuid, key);
    store_without_key(fixture, MANY);
    close_table(fixture);
    open_table(fixture);
    assert_int_equal(store(fixture, "a", key, NOW, ESE_APPEND_STORED).position, 1);
    store(fixture, "b", key, NOW, ESE_APPEND_CONFLICT);
}

/* So many events without one behind it that it is none of the newest. */
static void a_key_among_many_without_is_found_again(void **state)
{
    struct fixture *fixture = *state;

    open_table(fixture);
    store(fixture, "a", "k", NOW, ESE_APPEND_STORED);
    store_without_key(fixture, MANY);
    close_table(fixture);
    open_table(fixture);
    assert_int_equal(store(fixture, "a", "k", NOW, ESE_APPEND_STORED).position, 1);
}

static void a_key_names_an_event(void **state)
{
    struct fixture *fixture = *state;

    open_table(fixture);
    store(fixture, "x", NULL, NOW, ESE_APPEND_STORED);
    struct ese_webhook_row first = store(fixture, "a", "k", NOW, ESE_APPEND_STORED);
    struct ese_webhook_row again = store(fixture, "a", "k", NOW + 5, ESE_APPEND_STORED);
    assert_int_equal(again.position, 2);
    assert_string_equal(again.uuid, first.uuid);
    assert_int_equal(newest(fixture), 2);
    assert_int_equal(ese_webhook_table_functions.repeats(fixture->table), 1);
    store(fixture, "b", "k", NOW, ESE_APPEND_CONFLICT);
    assert_int_equal(store(fixture, "b", "other", NOW, ESE_APPEND_STORED).position, 3);
}

static void assert_conflict(struct fixture *fixture, const char *type, const char *body, const char *key,
                            int64_t now_ms)
{
    struct ese_webhook_row row = {.type = type, .body = body, .length = strlen(body), .key = key};

    begin(fixture);
    assert_int_equal(put(fixture, &row, now_ms), ESE_APPEND_CONFLICT);
    commit(fixture);
}

static void a_key_with_another_type_is_a_conflict(void **state)
{
    struct fixture *fixture = *state;

    open_table(fixture);
    store(fixture, "ab", "k", NOW, ESE_APPEND_STORED);
    assert_conflict(fixture, "ta", "b", "k", NOW); /* the same one behind the other */
    assert_conflict(fixture, "u", "ab", "k", NOW);
}

static void without_a_retention_events_stay_for_ever(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.retention_ms = 0;
    open_table(fixture);
    store(fixture, "a", "k", NOW, ESE_APPEND_STORED);
    store(fixture, "b", NULL, NOW, ESE_APPEND_STORED);
    assert_int_equal(expire(fixture, NOW + INT64_C(1000) * WINDOW_MS, 10), 0);
    assert_answer(fixture, "SELECT count(*) FROM events", "2");
    assert_int_equal(store(fixture, "a", "k", NOW + INT64_C(1000) * WINDOW_MS, ESE_APPEND_STORED).position, 1);
}

static void a_key_is_known_after_a_restart_and_without_its_event(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.retention_ms = 1000;
    open_table(fixture);
    struct ese_webhook_row first = store(fixture, "a", "k", NOW, ESE_APPEND_STORED);
    store(fixture, "b", NULL, NOW + 5000, ESE_APPEND_STORED);
    close_table(fixture);
    open_table(fixture);
    assert_int_equal(expire(fixture, NOW + 5000, 10), 1);
    close_table(fixture);
    open_table(fixture);
    struct ese_webhook_row again = store(fixture, "a", "k", NOW + WINDOW_MS, ESE_APPEND_STORED);
    assert_int_equal(again.position, 1);
    assert_string_equal(again.uuid, first.uuid);
    assert_conflict(fixture, "t", "b", "k", NOW + WINDOW_MS);
    assert_conflict(fixture, "ta", "", "k", NOW + WINDOW_MS);
    assert_int_equal(expire(fixture, NOW + WINDOW_MS + 1, 10), 0);
    assert_answer(fixture, "SELECT count(*) FROM event_gone", "0");
    assert_answer(fixture, "SELECT count(*) FROM event_places", "0");
    assert_int_equal(store(fixture, "c", "k", NOW + WINDOW_MS + 1, ESE_APPEND_STORED).position, 3);
}

static void store_many(struct fixture *fixture, int from, int to, int64_t now_ms)
{
    char key[24];

    begin(fixture);
    for (int i = from; i < to; i++) {
        struct ese_webhook_row row = {.type = "t", .body = "a", .length = 1, .key = key};
        snprintf(key, sizeof(key), "%x-%d", (unsigned)i * 2654435761U, i);
        assert_int_equal(put(fixture, &row, now_ms), ESE_APPEND_STORED);
        assert_int_equal(row.position, i + 1);
    }
    commit(fixture);
}

static void each_of_many_keys_is_found_again(void **state)
{
    struct fixture *fixture = *state;

    open_table(fixture);
    store_many(fixture, 0, 100, NOW);
    store_many(fixture, 100, MANY, NOW);
    store_many(fixture, 0, MANY, NOW);
    close_table(fixture);
    open_table(fixture);
    store_many(fixture, 0, MANY + 100, NOW);
    store_many(fixture, 0, MANY + 100, NOW);
    assert_int_equal(newest(fixture), MANY + 100);
}

/* The i-th of them; where it is, or is stored. */
static int64_t store_by_time(struct fixture *fixture, int i)
{
    char key[ESE_ID_TEXT_SIZE];
    struct ese_webhook_row row = {.type = "t", .body = "a", .length = 1, .key = key};

    snprintf(key, sizeof(key), "019ac0de-%04x-7aaa-bbbb-0123456789ab", (unsigned)i);
    assert_int_equal(put(fixture, &row, NOW), ESE_APPEND_STORED);
    return row.position;
}

/* One that is later than all in the file is not looked for there. */
static void keys_by_time_are_found_whenever_they_come(void **state)
{
    struct fixture *fixture = *state;

    open_table(fixture);
    begin(fixture);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(store_by_time(fixture, 10 + 2 * i), i + 1);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(store_by_time(fixture, 10 + 2 * i), i + 1);
    assert_int_equal(store_by_time(fixture, 1), MANY + 1);
    assert_int_equal(store_by_time(fixture, 11), MANY + 2);
    commit(fixture);
    close_table(fixture);
    open_table(fixture);
    begin(fixture);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(store_by_time(fixture, 10 + 2 * i), i + 1);
    assert_int_equal(store_by_time(fixture, 11), MANY + 2);
    commit(fixture);
}

/* So that each batch that gets its places is earlier than the one before. */
static void keys_by_time_may_come_the_wrong_way_round(void **state)
{
    struct fixture *fixture = *state;

    open_table(fixture);
    begin(fixture);
    for (int again = 0; again < 2; again++) {
        for (int i = 0; i < MANY; i++)
            assert_int_equal(store_by_time(fixture, MANY - i), i + 1);
    }
    commit(fixture);
}

/* As if somebody had emptied what is ours in a file, or the original had known keys, too. */
static void take_places_away(struct fixture *fixture)
{
    make_originals(fixture, "DELETE FROM event_places; UPDATE event_placed SET position = 0");
}

/* More than a writer remembers. */
static void keys_without_places_get_them_some_at_a_time(void **state)
{
    struct fixture *fixture = *state;

    open_table(fixture);
    store_many(fixture, 0, MANY, NOW);
    close_table(fixture);
    take_places_away(fixture);
    open_table(fixture);
    store_many(fixture, 0, MANY + 1, NOW);
    assert_answer(fixture, "SELECT count(*) FROM event_places", "2048");
    assert_answer(fixture, "SELECT position FROM event_placed", "2048");
}

static void keys_in_front_of_many_without_and_behind_them_are_found(void **state)
{
    struct fixture *fixture = *state;

    open_table(fixture);
    store_many(fixture, 0, 100, NOW);
    store_without_key(fixture, MANY);
    store(fixture, "a", "k", NOW, ESE_APPEND_STORED);
    close_table(fixture);
    take_places_away(fixture);
    for (int life = 0; life < 2; life++) {
        open_table(fixture);
        store_many(fixture, 0, 100, NOW);
        assert_int_equal(store(fixture, "a", "k", NOW, ESE_APPEND_STORED).position, MANY + 101);
        close_table(fixture);
    }
}

/* Nothing is where it had its place. */
static void a_key_that_comes_again_to_an_emptied_file_has_its_new_place(void **state)
{
    struct fixture *fixture = *state;

    open_table(fixture);
    store_without_key(fixture, 1000);
    store(fixture, "a", "k", NOW, ESE_APPEND_STORED);
    store_without_key(fixture, 100);
    close_table(fixture);
    make_originals(fixture, "DELETE FROM events");
    open_table(fixture);
    assert_int_equal(store(fixture, "a", "k", NOW, ESE_APPEND_STORED).position, 1);
    store_without_key(fixture, MANY);
    assert_int_equal(store(fixture, "a", "k", NOW, ESE_APPEND_STORED).position, 1);
}

/* With the clock set back the first one's event leaves while its key would still be known. */
static void a_key_that_came_again_is_where_it_came_last(void **state)
{
    struct fixture *fixture = *state;
    int64_t later = NOW + WINDOW_MS + 1;

    fixture->options.retention_ms = 1000;
    open_table(fixture);
    store(fixture, "a", "k", NOW, ESE_APPEND_STORED);
    assert_int_equal(store(fixture, "a", "k", later, ESE_APPEND_STORED).position, 2);
    store_without_key(fixture, MANY);
    assert_int_equal(expire(fixture, NOW + 5000, 10), 1);
    assert_int_equal(store(fixture, "a", "k", later, ESE_APPEND_STORED).position, 2);
}

static void a_key_is_known_at_once_without_its_event(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.retention_ms = 1000;
    open_table(fixture);
    store(fixture, "a", "k", NOW, ESE_APPEND_STORED);
    store(fixture, "b", NULL, NOW + 5000, ESE_APPEND_STORED);
    assert_int_equal(expire(fixture, NOW + 5000, 10), 1);
    assert_int_equal(store(fixture, "a", "k", NOW + 5000, ESE_APPEND_STORED).position, 1);
    assert_conflict(fixture, "t", "b", "k", NOW + 5000);
}

/* Whether it leaves with its event or after it. Many behind them get theirs. */
static void a_key_that_has_left_gets_no_place_any_more(void **state)
{
    struct fixture *fixture = *state;
    int64_t later = NOW + 2 * WINDOW_MS;

    fixture->options.retention_ms = 1000;
    open_table(fixture);
    store(fixture, "a", "k", NOW, ESE_APPEND_STORED);
    store(fixture, "a", "l", later - 2000, ESE_APPEND_STORED);
    store(fixture, "b", NULL, later, ESE_APPEND_STORED);
    assert_int_equal(expire(fixture, later, 10), 2);
    assert_answer(fixture, "SELECT uuid = (SELECT uuid FROM event_gone) FROM event_places", "1");
    assert_int_equal(expire(fixture, later + WINDOW_MS, 10), 0);
    store_without_key(fixture, MANY);
    assert_answer(fixture, "SELECT count(*) FROM event_places", "0");
}

/* Also where so much is taken back that the keys before it had got their place with it. */
static void a_key_that_was_taken_back_is_new(void **state)
{
    struct fixture *fixture = *state;

    open_table(fixture);
    store_many(fixture, 0, 100, NOW);
    begin(fixture);
    for (int i = 0; i < MANY; i++) {
        char key[24];
        struct ese_webhook_row row = {.type = "t", .body = "a", .length = 1, .key = key};
        snprintf(key, sizeof(key), "other %d", i);
        assert_int_equal(put(fixture, &row, NOW), ESE_APPEND_STORED);
    }
    ese_webhook_table_functions.rollback(fixture->table);
    store_many(fixture, 0, 100, NOW);
    assert_int_equal(store(fixture, "b", "other 5", NOW, ESE_APPEND_STORED).position, 101);
}

/* Behind so many others that each time it has a place. */
static void a_key_that_came_again_later_stays_known(void **state)
{
    struct fixture *fixture = *state;
    int64_t later = NOW + RETENTION_MS + 1;

    open_table(fixture);
    store_many(fixture, 0, MANY, NOW);
    struct ese_webhook_row row = {.type = "t", .body = "b", .length = 1, .key = "0-0"};
    begin(fixture);
    assert_int_equal(put(fixture, &row, later), ESE_APPEND_STORED);
    commit(fixture);
    assert_int_equal(row.position, MANY + 1);
    begin(fixture);
    for (int i = 0; i < MANY; i++) {
        char key[24];
        struct ese_webhook_row other = {.type = "t", .body = "a", .length = 1, .key = key};
        snprintf(key, sizeof(key), "other %d", i);
        assert_int_equal(put(fixture, &other, later), ESE_APPEND_STORED);
    }
    commit(fixture);
    expire(fixture, later, MANY);
    assert_int_equal(store(fixture, "b", "0-0", later, ESE_APPEND_STORED).position, MANY + 1);
    assert_answer(fixture, "SELECT min(rowid) FROM events", "2501");
    assert_answer(fixture, "SELECT min(position) FROM event_places", "2501");
}

static void rows_leave_from_the_front_and_the_newest_stays(void **state)
{
    struct fixture *fixture = *state;

    open_table(fixture);
    for (int i = 0; i < 5; i++)
        store(fixture, "a", NULL, NOW + i, ESE_APPEND_STORED);
    assert_int_equal(expire(fixture, NOW + RETENTION_MS, 10), 0);
    assert_int_equal(expire(fixture, NOW + RETENTION_MS + 2, 10), 2);
    assert_int_equal(oldest(fixture), 3);
    assert_int_equal(expire(fixture, NOW + 9 * RETENTION_MS, 1), 1);
    assert_int_equal(expire(fixture, NOW + 9 * RETENTION_MS, 10), 1);
    assert_int_equal(expire(fixture, NOW + 9 * RETENTION_MS, 10), 0);
    assert_int_equal(oldest(fixture), 5);
    close_table(fixture);
    open_table(fixture);
    assert_int_equal(oldest(fixture), 5);
    assert_int_equal(store(fixture, "a", NULL, NOW, ESE_APPEND_STORED).position, 6);
}

static void what_was_taken_back_was_never_there(void **state)
{
    struct fixture *fixture = *state;
    struct ese_webhook_row row = {.type = "t", .body = "a", .length = 1};

    open_table(fixture);
    begin(fixture);
    assert_int_equal(put(fixture, &row, NOW), ESE_APPEND_STORED);
    assert_int_equal(newest(fixture), 0);
    ese_webhook_table_functions.rollback(fixture->table);
    assert_int_equal(ese_webhook_table_functions.end(fixture->table), 1);
    assert_int_equal(store(fixture, "b", NULL, NOW, ESE_APPEND_STORED).position, 1);
    assert_int_equal(ese_webhook_table_functions.end(fixture->table), 2);
}

static void the_originals_file_is_gone_on_with(void **state)
{
    struct fixture *fixture = *state;

    make_originals(fixture, "PRAGMA journal_mode = DELETE; CREATE TABLE events (uuid, body text, type text, created);"
                            "INSERT INTO events VALUES ('u', x'61', 't', '2016-11-21 10:11:12 +0100 CET m=+0.1');"
                            "INSERT INTO events VALUES ('v', NULL, 't', '2026-11-21 10:11:12.12 +0000 UTC')");
    open_table(fixture);
    assert_int_equal(oldest(fixture), 1);
    assert_int_equal(newest(fixture), 2);
    assert_int_equal(store(fixture, "a", "k", NOW, ESE_APPEND_STORED).position, 3);
    assert_int_equal(expire(fixture, NOW, 10), 1);
    assert_answer(fixture, "SELECT min(rowid) FROM events", "2");
}

/* Far more than are remembered. */
static const char originals_many[] =
    "INSERT INTO events WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)"
    " SELECT 'u', x'61', 't', '2026-11-21 10:11:12 +0000 UTC' FROM n";

static void a_key_is_known_behind_whatever_the_original_has_written(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.retention_ms = 0;
    open_table(fixture);
    store(fixture, "a", "k", NOW, ESE_APPEND_STORED);
    store(fixture, "b", NULL, NOW, ESE_APPEND_STORED);
    close_table(fixture);
    for (int64_t written = 1; written <= 2; written++) {
        make_originals(fixture, originals_many);
        open_table(fixture);
        assert_int_equal(store(fixture, "a", "k", NOW, ESE_APPEND_STORED).position, 1);
        assert_int_equal(store(fixture, "a", "later", NOW, ESE_APPEND_STORED).position, 3003);
        close_table(fixture);
    }
    open_table(fixture);
    assert_int_equal(newest(fixture), 6003);
    assert_int_equal(store(fixture, "a", "k", NOW, ESE_APPEND_STORED).position, 1);
}

/* So that a file without keys is not looked through whenever it is opened. */
static void events_without_keys_are_known_to_have_none(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.retention_ms = 0;
    open_table(fixture);
    store_without_key(fixture, 3000);
    close_table(fixture);
    assert_answer(fixture, "SELECT position > 1900 FROM event_placed", "1");
}

static void behind_the_highest_position_nothing_is_stored(void **state)
{
    struct fixture *fixture = *state;

    make_originals(fixture, "CREATE TABLE events (uuid, body text, type text, created);"
                            "INSERT INTO events (rowid, uuid, body, type, created)"
                            " VALUES (9223372036854775805, 'u', x'61', 't', '2026-11-21 10:11:12 +0000 UTC')");
    fixture->options.retention_ms = 0;
    open_table(fixture);
    assert_int_equal(store(fixture, "a", "k", NOW, ESE_APPEND_STORED).position, INT64_MAX - 1);
    store(fixture, "b", NULL, NOW, ESE_APPEND_AT_BOUND);
    assert_int_equal(store(fixture, "a", "k", NOW, ESE_APPEND_STORED).position, INT64_MAX - 1);
    assert_int_equal(newest(fixture), INT64_MAX - 1);
    close_table(fixture);
    make_originals(fixture, "UPDATE events SET rowid = 9223372036854775807 WHERE rowid = 9223372036854775806");
    assert_int_equal(ese_webhook_table_open(&fixture->options, &fixture->table, NULL), -1);
    assert_null(fixture->table);
}

static void a_row_without_a_time_stays(void **state)
{
    struct fixture *fixture = *state;

    make_originals(fixture, "CREATE TABLE events (uuid, body text, type text, created);"
                            "INSERT INTO events VALUES ('u', x'61', 't', 'once');"
                            "INSERT INTO events VALUES ('v', x'61', 't', '2016-11-21 10:11:12 +0100 CET');"
                            "INSERT INTO events VALUES ('w', x'61', 't', '2016-11-21 10:11:12 +0100 CET')");
    open_table(fixture);
    assert_int_equal(expire(fixture, NOW, 10), 0);
}

static void a_half_made_file_is_made_whole(void **state)
{
    struct fixture *fixture = *state;

    close(open(fixture->path, O_CREAT | O_WRONLY, 0600));
    open_table(fixture);
    assert_int_equal(store(fixture, "a", NULL, NOW, ESE_APPEND_STORED).position, 1);
}

static void somebody_elses_database_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct ese_error error;

    make_originals(fixture, "CREATE TABLE subscriptions (name)");
    assert_int_equal(ese_webhook_table_open(&fixture->options, &fixture->table, &error), -1);
    assert_int_equal(error.code, ESE_E_USAGE);
    assert_null(fixture->table);
}

static void beyond_its_bound_an_event_is_refused_and_a_repeat_is_not(void **state)
{
    struct fixture *fixture = *state;
    static char body[20000]; /* far smaller than what a probe needs */
    struct ese_webhook_row row = {.type = "t", .body = body, .length = sizeof(body)};
    enum ese_append_result result = ESE_APPEND_STORED;
    const char *why;
    int stored = 0;

    fixture->options.max_bytes = BOUND;
    open_table(fixture);
    store(fixture, "a", "k", NOW, ESE_APPEND_STORED);
    for (; stored < 100 && result == ESE_APPEND_STORED; stored++) {
        begin(fixture);
        result = put(fixture, &row, NOW);
        commit(fixture);
    }
    assert_int_equal(result, ESE_APPEND_AT_BOUND);
    assert_true(stored > 10);
    assert_non_null(strstr(row.why, "the store is full"));
    assert_string_equal(row.why, ese_webhook_table_functions.full(fixture->table));
    free(row.why);
    assert_int_equal(store(fixture, "a", "k", NOW, ESE_APPEND_STORED).position, 1);
    begin(fixture);
    assert_int_equal(ese_webhook_table_functions.probe(fixture->table, NOW, &why, NULL), 0);
    assert_non_null(why);
    commit(fixture);
    assert_int_equal(expire(fixture, NOW + 2 * RETENTION_MS, 100), stored - 1);
    store(fixture, "b", NULL, NOW, ESE_APPEND_STORED);
}

static void a_probe_leaves_no_event(void **state)
{
    struct fixture *fixture = *state;
    const char *why = "";

    open_table(fixture);
    begin(fixture);
    assert_int_equal(ese_webhook_table_functions.probe(fixture->table, NOW, &why, NULL), 0);
    assert_null(why);
    commit(fixture);
    assert_int_equal(newest(fixture), 0);
}

static void a_stream_begins_where_it_is_told(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.durability = ESE_DURABILITY_MEMORY;
    fixture->options.first = 5000;
    open_table(fixture);
    assert_int_equal(newest(fixture), 4999);
    assert_int_equal(store(fixture, "a", NULL, NOW, ESE_APPEND_STORED).position, 5000);
    assert_int_not_equal(access(fixture->path, F_OK), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rows_are_the_originals, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_event_has_a_random_uuid_of_version_4, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_key_makes_the_uuid, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_key_that_is_a_uuid_by_time_is_the_uuid, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_key_among_many_without_is_found_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_key_names_an_event, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_key_with_another_type_is_a_conflict, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_key_is_known_after_a_restart_and_without_its_event, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_a_retention_events_stay_for_ever, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_of_many_keys_is_found_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keys_by_time_are_found_whenever_they_come, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keys_by_time_may_come_the_wrong_way_round, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keys_without_places_get_them_some_at_a_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keys_in_front_of_many_without_and_behind_them_are_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_key_that_comes_again_to_an_emptied_file_has_its_new_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_key_that_came_again_is_where_it_came_last, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_key_is_known_at_once_without_its_event, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_key_that_has_left_gets_no_place_any_more, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_key_that_was_taken_back_is_new, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_key_that_came_again_later_stays_known, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rows_leave_from_the_front_and_the_newest_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_taken_back_was_never_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_originals_file_is_gone_on_with, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_key_is_known_behind_whatever_the_original_has_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(events_without_keys_are_known_to_have_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(behind_the_highest_position_nothing_is_stored, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_row_without_a_time_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_half_made_file_is_made_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(somebody_elses_database_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(beyond_its_bound_an_event_is_refused_and_a_repeat_is_not, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_probe_leaves_no_event, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stream_begins_where_it_is_told, set_up, tear_down),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
