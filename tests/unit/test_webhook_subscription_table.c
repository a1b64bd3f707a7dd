/* DATA/_meta.db of the webhook transport: what one life writes and the next reads, and what the original's holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "ese-core/memory.h"
#include "ese-core/sqlite.h"
#include "tests/support/directory.h"
#include "transports/webhook/created.h"
#include "transports/webhook/subscription_table.h"

#define MOST 8

struct fixture {
    char *directory;
    struct ese_webhook_subscription_table *table;
    struct ese_webhook_subscription loaded[MOST];
    int count;
};

static void open_table(struct fixture *fixture)
{
    struct ese_error error = {0};

    if (ese_webhook_subscription_table_open(fixture->directory, ESE_DURABILITY_OS, &fixture->table, &error) != 0)
        fail_msg("%s", error.text);
}

static void forget(struct fixture *fixture)
{
    for (int i = 0; i < fixture->count; i++)
        ese_webhook_subscription_clear(&fixture->loaded[i]);
    fixture->count = 0;
}

static int set_up(void **state)
{
    struct fixture *fixture = ese_alloc(sizeof(*fixture));

    fixture->directory = ese_test_directory_make();
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    forget(fixture);
    ese_webhook_subscription_table_close(&fixture->table);
    ese_test_directory_remove(&fixture->directory);
    free(fixture);
    return 0;
}

static void take(void *context, struct ese_webhook_subscription *subscription)
{
    struct fixture *fixture = context;

    assert_true(fixture->count < MOST);
    fixture->loaded[fixture->count++] = *subscription;
}

static void load(struct fixture *fixture)
{
    forget(fixture);
    assert_int_equal(ese_webhook_subscription_table_load(fixture->table, take, fixture, NULL), 0);
}

static void restart(struct fixture *fixture)
{
    ese_webhook_subscription_table_close(&fixture->table);
    open_table(fixture);
    load(fixture);
}

/* As somebody else's program reads and writes the file. */
static char *ask(struct fixture *fixture, const char *sql)
{
    char *path = ese_test_path(fixture->directory, "_meta.db");
    struct ese_sqlite *sqlite;
    const struct ese_sqlite_options options = {.path = path, .durability = ESE_DURABILITY_OS};
    assert_int_equal(ese_sqlite_open(&options, &sqlite, NULL), 0);
    struct ese_statement *statement = ese_statement_new(sqlite, sql);
    struct ese_error error = {0};
    int more = ese_statement_step(statement, &error);
    if (more < 0)
        fail_msg("%s", error.text);
    char *answer = ese_copy_text(more == 1 ? ese_statement_column_text(statement, 0) : "");
    ese_sqlite_close(&sqlite);
    free(path);
    return answer;
}

static void assert_answer(struct fixture *fixture, const char *sql, const char *expected)
{
    char *answer = ask(fixture, sql);

    assert_string_equal(answer, expected);
    free(answer);
}

static void run(struct fixture *fixture, const char *sql)
{
    free(ask(fixture, sql));
}

static struct ese_webhook_subscription make(const char *name, int64_t position)
{
    struct ese_webhook_subscription subscription;
    struct ese_webhook_wish wish = {.batch = 7, .retry = {3, 250, 4000}, .poison = ESE_WEBHOOK_ASIDE};

    ese_fit_text(wish.name, sizeof(wish.name), name);
    ese_fit_text(wish.stream, sizeof(wish.stream), "click-events");
    wish.url = ese_copy_text("http://a/");
    wish.headers = ese_copy_text("{ \"X-A\" : \"b\" }");
    wish.signed_by = ese_copy_text("shop");
    ese_webhook_subscription_init(&subscription, &wish, position);
    ese_fit_text(subscription.created, sizeof(subscription.created), "2026-11-21 10:11:12.5 +0000 UTC");
    return subscription;
}

static void put(struct fixture *fixture, const char *name, int64_t position)
{
    struct ese_webhook_subscription subscription = make(name, position);
    struct ese_error error = {0};

    if (ese_webhook_subscription_table_put(fixture->table, &subscription, &error) != 0)
        fail_msg("%s", error.text);
    ese_webhook_subscription_clear(&subscription);
}

/* ---- ours ------------------------------------------------------------------------------------ */

static void the_next_life_has_all_of_it(void **state)
{
    struct fixture *fixture = *state;

    open_table(fixture);
    put(fixture, "one", 12);
    put(fixture, "two", 0);
    restart(fixture);
    assert_int_equal(fixture->count, 2);
    const struct ese_webhook_subscription *one = &fixture->loaded[0];
    assert_string_equal(one->wish.name, "one");
    assert_string_equal(one->wish.stream, "click-events");
    assert_string_equal(one->wish.url, "http://a/");
    assert_string_equal(one->wish.headers, "{ \"X-A\" : \"b\" }");
    assert_string_equal(one->wish.signed_by, "shop");
    assert_int_equal(one->wish.batch, 7);
    assert_int_equal(one->wish.retry.tries, 3);
    assert_int_equal(one->wish.retry.first_ms, 250);
    assert_int_equal(one->wish.retry.most_ms, 4000);
    assert_int_equal(one->wish.poison, ESE_WEBHOOK_ASIDE);
    assert_int_equal(one->position, 12);
    assert_true(one->active);
    assert_string_equal(one->created, "2026-11-21 10:11:12.5 +0000 UTC");
    assert_string_equal(one->updated, "");
    assert_string_equal(one->pause_reason, "");
    assert_string_equal(fixture->loaded[1].wish.name, "two");
}

static void one_put_again_is_there_once(void **state)
{
    struct fixture *fixture = *state;

    open_table(fixture);
    put(fixture, "one", 12);
    put(fixture, "one", 3);
    restart(fixture);
    assert_int_equal(fixture->count, 1);
    assert_int_equal(fixture->loaded[0].position, 3);
}

static void a_pause_and_its_reason_stay(void **state)
{
    struct fixture *fixture = *state;

    open_table(fixture);
    put(fixture, "one", 12);
    load(fixture);
    ese_webhook_subscription_pause(&fixture->loaded[0], "API request");
    fixture->loaded[0].position = 20;
    ese_fit_text(fixture->loaded[0].updated, 96, "2026-11-22 00:00:00 +0000 UTC");
    assert_int_equal(ese_webhook_subscription_table_change(fixture->table, &fixture->loaded[0], NULL), 0);
    restart(fixture);
    assert_false(fixture->loaded[0].active);
    assert_string_equal(fixture->loaded[0].pause_reason, "API request");
    assert_string_equal(fixture->loaded[0].updated, "2026-11-22 00:00:00 +0000 UTC");
    assert_int_equal(fixture->loaded[0].position, 20);
}

static void one_that_is_made_paused_has_its_reason(void **state)
{
    struct fixture *fixture = *state;
    struct ese_webhook_subscription subscription = make("one", 12);

    open_table(fixture);
    ese_webhook_subscription_pause(&subscription, "API request");
    assert_int_equal(ese_webhook_subscription_table_put(fixture->table, &subscription, NULL), 0);
    ese_webhook_subscription_clear(&subscription);
    restart(fixture);
    assert_false(fixture->loaded[0].active);
    assert_string_equal(fixture->loaded[0].pause_reason, "API request");
}

static void positions_are_written_many_at_once(void **state)
{
    struct fixture *fixture = *state;

    open_table(fixture);
    put(fixture, "one", 1);
    put(fixture, "two", 2);
    assert_int_equal(ese_webhook_subscription_table_begin_positions(fixture->table, NULL), 0);
    assert_int_equal(ese_webhook_subscription_table_position(fixture->table, "one", 100, NULL), 0);
    assert_int_equal(ese_webhook_subscription_table_position(fixture->table, "two", 200, NULL), 0);
    assert_int_equal(ese_webhook_subscription_table_end_positions(fixture->table, NULL), 0);
    restart(fixture);
    assert_int_equal(fixture->loaded[0].position, 100);
    assert_int_equal(fixture->loaded[1].position, 200);
}

/* ---- the original's -------------------------------------------------------------------------- */

static void its_table_is_the_originals(void **state)
{
    struct fixture *fixture = *state;

    open_table(fixture);
    put(fixture, "one", 12);
    assert_answer(fixture, "SELECT group_concat(name) FROM pragma_table_info('subscriptions')",
                  "name,stream,url,httpHeaders,lastReadPosition,isActive,createdAt,updatedAt,pauseReason");
    assert_answer(fixture, "SELECT sum(pk) + sum(\"notnull\") FROM pragma_table_info('subscriptions')", "0");
    assert_answer(fixture, "SELECT typeof(lastReadPosition) || ' ' || typeof(updatedAt) || ' ' || typeof(pauseReason)"
                           " || ' ' || typeof(isActive) || isActive FROM subscriptions", "integer null null integer1");
    ese_webhook_subscription_table_begin_positions(fixture->table, NULL);
    ese_webhook_subscription_table_position(fixture->table, "one", 13, NULL);
    ese_webhook_subscription_table_end_positions(fixture->table, NULL);
    assert_answer(fixture, "SELECT typeof(lastReadPosition) || lastReadPosition FROM subscriptions", "text13");
    assert_answer(fixture, "PRAGMA journal_mode", "wal");
}

#define ORIGINALS_TABLE \
    "CREATE TABLE subscriptions (name, stream, url, httpHeaders, lastReadPosition, isActive, createdAt, updatedAt," \
    " pauseReason)"

static void the_originals_data_opens(void **state)
{
    struct fixture *fixture = *state;

    run(fixture, ORIGINALS_TABLE);
    run(fixture, "INSERT INTO subscriptions VALUES ('fresh', 's', 'http://a/', '', 5, 1, 'then', NULL, NULL)");
    run(fixture, "INSERT INTO subscriptions VALUES ('far', 's', 'http://a/', '{\"A\":\"b\"}', '77', 1, 'then', NULL,"
                 " NULL)");
    run(fixture, "INSERT INTO subscriptions VALUES ('held', 's', 'http://a/', 'null', '9', 0, 'then', 'now', 'why')");
    run(fixture, "INSERT INTO subscriptions VALUES ('fresh', 's', 'http://b/', '', 6, 1, 'then', NULL, NULL)");
    open_table(fixture);
    load(fixture);
    assert_int_equal(fixture->count, 3);
    assert_string_equal(fixture->loaded[0].wish.url, "http://a/");
    assert_int_equal(fixture->loaded[0].position, 5);
    assert_int_equal(fixture->loaded[0].wish.batch, 1);
    assert_int_equal(fixture->loaded[0].wish.retry.tries, 5);
    assert_int_equal(fixture->loaded[0].wish.retry.first_ms, 8000);
    assert_int_equal(fixture->loaded[0].wish.retry.most_ms, 64000);
    assert_int_equal(fixture->loaded[0].wish.poison, ESE_WEBHOOK_STOP);
    assert_int_equal(fixture->loaded[1].position, 77);
    assert_string_equal(fixture->loaded[1].wish.headers, "{\"A\":\"b\"}");
    assert_false(fixture->loaded[2].active);
    assert_string_equal(fixture->loaded[2].pause_reason, "why");
    assert_string_equal(fixture->loaded[2].wish.headers, "null");
}

static void what_the_original_has_made_anew_has_none_of_ours(void **state)
{
    struct fixture *fixture = *state;

    open_table(fixture);
    put(fixture, "one", 12);
    run(fixture, "DELETE FROM subscriptions WHERE name = 'one'");
    run(fixture, "INSERT INTO subscriptions VALUES ('one', 's', 'http://a/', '', 0, 1, 'another time', NULL, NULL)");
    restart(fixture);
    assert_int_equal(fixture->loaded[0].wish.batch, 1);
    assert_int_equal(fixture->loaded[0].wish.retry.tries, 5);
}

static void numbers_that_cannot_be_are_the_originals(void **state)
{
    struct fixture *fixture = *state;

    open_table(fixture);
    put(fixture, "one", 12);
    run(fixture, "UPDATE ese_subscriptions SET batch = 100000");
    restart(fixture);
    assert_int_equal(fixture->loaded[0].wish.batch, 1);
    assert_int_equal(fixture->loaded[0].wish.poison, ESE_WEBHOOK_STOP);
}

static void a_name_beyond_bounds_is_passed_over(void **state)
{
    struct fixture *fixture = *state;

    run(fixture, ORIGINALS_TABLE);
    run(fixture, "INSERT INTO subscriptions VALUES (hex(zeroblob(101)), 's', 'u', '', 5, 1, 'then', NULL, NULL)");
    run(fixture, "INSERT INTO subscriptions VALUES ('one', 's', 'u', '', 5, 1, 'then', NULL, NULL)");
    open_table(fixture);
    load(fixture);
    assert_int_equal(fixture->count, 1);
    assert_string_equal(fixture->loaded[0].wish.name, "one");
}

/* ---- dead letters ---------------------------------------------------------------------------- */

struct seen {
    int count;
    int most;
    int64_t positions[MOST];
    char streams[MOST][16];
};

static bool see(void *context, const struct ese_webhook_dead_letter *letter)
{
    struct seen *seen = context;

    ese_fit_text(seen->streams[seen->count], sizeof(seen->streams[0]), letter->stream);
    assert_string_equal(letter->reason, "why");
    assert_string_equal(letter->event.type, "T");
    assert_int_equal(letter->event.length, letter->event.position == 15 ? 0 : 3);
    assert_memory_equal(letter->event.body, "a\0b", letter->event.length);
    int64_t when;
    assert_int_equal(ese_webhook_created_read(letter->when, &when), 0);
    seen->positions[seen->count++] = letter->event.position;
    return seen->count < seen->most;
}

static void set_aside(struct fixture *fixture, int64_t position)
{
    struct ese_webhook_event event = {.position = position, .uuid = "u", .type = "T", .created = "then"};
    int64_t kept = position == 13 ? -1 : ese_webhook_subscription_table_count_dead(fixture->table, "one");

    event.body = "a\0b";
    event.length = position == 15 ? 0 : 3;
    assert_int_equal(
        ese_webhook_subscription_table_set_aside(fixture->table, &fixture->loaded[0], &event, "why", &kept, NULL), 0);
    assert_int_equal(kept, ese_webhook_subscription_table_count_dead(fixture->table, "one"));
}

static void what_was_set_aside_stays_and_is_passed(void **state)
{
    struct fixture *fixture = *state;
    struct seen all = {.most = MOST}, some = {.most = 1};

    open_table(fixture);
    put(fixture, "one", 12);
    load(fixture);
    set_aside(fixture, 13);
    set_aside(fixture, 15);
    set_aside(fixture, 13); /* once more, from behind an earlier position */
    set_aside(fixture, 15);
    restart(fixture);
    assert_int_equal(fixture->loaded[0].position, 15);
    assert_int_equal(ese_webhook_subscription_table_count_dead(fixture->table, "one"), 2);
    assert_int_equal(ese_webhook_subscription_table_count_dead(fixture->table, "two"), 0);
    ese_webhook_subscription_table_each_dead(fixture->table, "one", 0, NULL, 100, see, &all, NULL);
    assert_int_equal(all.count, 2);
    assert_int_equal(all.positions[1], 15);
    assert_string_equal(all.streams[1], "click-events");
    ese_webhook_subscription_table_each_dead(fixture->table, "one", 0, NULL, 100, see, &some, NULL);
    assert_int_equal(some.count, 1);
    ese_webhook_subscription_table_each_dead(fixture->table, "one", 13, NULL, 100, see, &some, NULL);
    assert_int_equal(some.positions[1], 15);
    put(fixture, "one", 3);
    assert_int_equal(ese_webhook_subscription_table_count_dead(fixture->table, "one"), 2);
    assert_int_equal(ese_webhook_subscription_table_remove(fixture->table, "one", NULL), 0);
    assert_int_equal(ese_webhook_subscription_table_remove(fixture->table, "one", NULL), 0);
    assert_int_equal(ese_webhook_subscription_table_count_dead(fixture->table, "one"), 0);
    restart(fixture);
    assert_int_equal(fixture->count, 0);
}

/* Letters of two streams, to which a name was put in turn, are at the same positions: a page ends between them, too. */
static void no_page_of_letters_skips_one(void **state)
{
    struct fixture *fixture = *state;
    struct seen seen = {.most = 1}, rest = {.most = MOST};

    open_table(fixture);
    put(fixture, "one", 12);
    load(fixture);
    set_aside(fixture, 13);
    ese_fit_text(fixture->loaded[0].wish.stream, sizeof(fixture->loaded[0].wish.stream), "zzz");
    set_aside(fixture, 13);
    set_aside(fixture, 15);
    ese_webhook_subscription_table_each_dead(fixture->table, "one", 0, NULL, 100, see, &seen, NULL);
    assert_int_equal(seen.count, 1);
    assert_string_not_equal(seen.streams[0], "zzz");
    ese_webhook_subscription_table_each_dead(fixture->table, "one", 13, seen.streams[0], 100, see, &rest, NULL);
    assert_int_equal(rest.count, 2);
    assert_string_equal(rest.streams[0], "zzz");
    assert_int_equal(rest.positions[0], 13);
    assert_int_equal(rest.positions[1], 15);
}

static void dead_letters_are_bounded(void **state)
{
    struct fixture *fixture = *state;
    const struct ese_webhook_event event = {.position = 20000, .body = ""}, letter = {.position = 13, .body = ""};
    struct ese_error error = {0};
    int64_t kept = 9999;

    open_table(fixture);
    put(fixture, "one", 12);
    load(fixture);
    assert_int_equal(
        ese_webhook_subscription_table_set_aside(fixture->table, &fixture->loaded[0], &letter, "why", &kept, NULL), 0);
    assert_int_equal(kept, 10000);
    run(fixture, "DELETE FROM ese_dead_letters");
    put(fixture, "one", 12);
    load(fixture);
    run(fixture, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)"
                 " INSERT INTO ese_dead_letters (subscription, position) SELECT 'one', i FROM n");
    assert_int_equal(ese_webhook_subscription_table_set_aside(fixture->table, &fixture->loaded[0], &event, "why", &kept,
                                                              &error), -1);
    assert_int_equal(error.code, ESE_E_FULL);
    load(fixture);
    assert_int_equal(fixture->loaded[0].position, 12);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_next_life_has_all_of_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_put_again_is_there_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_pause_and_its_reason_stay, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_that_is_made_paused_has_its_reason, set_up, tear_down),
        cmocka_unit_test_setup_teardown(positions_are_written_many_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(its_table_is_the_originals, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_originals_data_opens, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_the_original_has_made_anew_has_none_of_ours, set_up, tear_down),
        cmocka_unit_test_setup_teardown(numbers_that_cannot_be_are_the_originals, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_name_beyond_bounds_is_passed_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_set_aside_stays_and_is_passed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_page_of_letters_skips_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(dead_letters_are_bounded, set_up, tear_down),
    };

    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
