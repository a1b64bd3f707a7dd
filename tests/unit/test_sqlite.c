#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <unistd.h>

#include "ese-core/memory.h"
#include "ese-core/sqlite.h"
#include "tests/support/directory.h"

#define SCHEMA "CREATE TABLE IF NOT EXISTS thing (name TEXT PRIMARY KEY, number INTEGER, bytes BLOB)"

struct fixture {
    char *directory;
    char *path;
    struct ese_sqlite *sqlite;
};

static int set_up(void **state)
{
    struct fixture *fixture = ese_alloc(sizeof *fixture);
    fixture->directory = ese_test_directory_make();
    fixture->path = ese_test_path(fixture->directory, "things.db");
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    ese_sqlite_close(&fixture->sqlite);
    ese_test_directory_remove(&fixture->directory);
    free(fixture->path);
    free(fixture);
    return 0;
}

static struct ese_sqlite *open_things(const char *path, enum ese_durability durability)
{
    struct ese_sqlite *sqlite = NULL;
    struct ese_error error = {0};
    struct ese_sqlite_options options = {.path = path, .durability = durability, .schema = SCHEMA};
    if (ese_sqlite_open(&options, &sqlite, &error) != 0)
        print_error("%s\n", error.text);
    assert_non_null(sqlite);
    return sqlite;
}

static void insert(struct ese_sqlite *sqlite, const char *name, int64_t number)
{
    struct ese_statement *statement = ese_statement_new(sqlite, "INSERT INTO thing VALUES (?, ?, NULL)");
    ese_statement_text(statement, 1, name);
    ese_statement_number(statement, 2, number);
    assert_int_equal(ese_statement_run(statement, NULL), 0);
}

static int64_t ask_number(struct ese_sqlite *sqlite, const char *sql)
{
    struct ese_statement *statement = ese_statement_new(sqlite, sql);
    assert_int_equal(ese_statement_step(statement, NULL), 1);
    int64_t number = ese_statement_column_number(statement, 0);
    ese_statement_reset(statement);
    return number;
}

static void durability_words(void **state)
{
    (void)state;
    static const char *const words[] = {"memory", "os", "disk", "replicas"};
    for (size_t i = 0; i < ESE_COUNT_OF(words); i++)
        assert_string_equal(ese_durability_name(ese_durability_parse(words[i])), words[i]);
    assert_int_equal(ese_durability_parse("Disk"), 0);
    assert_int_equal(ese_durability_parse(""), 0);
    assert_null(ese_durability_name(0));
    assert_null(ese_durability_name(ESE_DURABILITY_OS | ESE_DURABILITY_DISK));
}

static void durability_decides_synchronous(void **state)
{
    struct fixture *fixture = *state;
    fixture->sqlite = open_things(fixture->path, ESE_DURABILITY_OS);
    assert_int_equal(ask_number(fixture->sqlite, "PRAGMA synchronous"), 1);
    assert_int_equal(ask_number(fixture->sqlite, "PRAGMA foreign_keys"), 0);
    ese_sqlite_close(&fixture->sqlite);

    fixture->sqlite = open_things(fixture->path, ESE_DURABILITY_DISK);
    assert_int_equal(ask_number(fixture->sqlite, "PRAGMA synchronous"), 2);
    struct ese_statement *mode = ese_statement_new(fixture->sqlite, "PRAGMA journal_mode");
    assert_int_equal(ese_statement_step(mode, NULL), 1);
    assert_string_equal(ese_statement_column_text(mode, 0), "wal");
}

static void memory_touches_no_file(void **state)
{
    struct fixture *fixture = *state;
    fixture->sqlite = open_things(fixture->path, ESE_DURABILITY_MEMORY);
    insert(fixture->sqlite, "a", 1);
    assert_int_equal(access(fixture->path, F_OK), -1);
}

static void memory_is_shared_by_path(void **state)
{
    struct fixture *fixture = *state;
    struct ese_sqlite_options options = {
        .path = fixture->path, .durability = ESE_DURABILITY_MEMORY, .read_only = true};
    struct ese_sqlite *reader = NULL;

    fixture->sqlite = open_things(fixture->path, ESE_DURABILITY_MEMORY);
    assert_int_equal(ese_sqlite_open(&options, &reader, NULL), 0);
    assert_int_equal(ese_sqlite_begin(fixture->sqlite, NULL), 0);
    insert(fixture->sqlite, "a", 1); /* the writer in the middle of a transaction keeps nobody out */
    ask_number(reader, "SELECT count(*) FROM thing");
    assert_int_equal(ese_sqlite_commit(fixture->sqlite, NULL), 0);
    assert_int_equal(ask_number(reader, "SELECT count(*) FROM thing"), 1);
    assert_int_equal(ese_sqlite_run(reader, "CREATE TEMP TABLE own AS SELECT * FROM thing", NULL), 0);

    ese_sqlite_close(&fixture->sqlite);
    assert_int_equal(ask_number(reader, "SELECT count(*) FROM thing"), 1);
    ese_sqlite_close(&reader);
    fixture->sqlite = open_things(fixture->path, ESE_DURABILITY_MEMORY);
    assert_int_equal(ask_number(fixture->sqlite, "SELECT count(*) FROM thing"), 0);
}

static void values_round_trip(void **state)
{
    struct fixture *fixture = *state;
    struct ese_sqlite *sqlite = fixture->sqlite = open_things(fixture->path, ESE_DURABILITY_OS);
    struct ese_statement *write = ese_statement_new(sqlite, "INSERT INTO thing VALUES (?, ?, ?)");
    ese_statement_text(write, 1, "it's");
    ese_statement_number(write, 2, INT64_MIN);
    ese_statement_bytes(write, 3, "\0\1\2", 3);
    assert_int_equal(ese_statement_run(write, NULL), 0);
    assert_int_equal(ese_sqlite_changes(sqlite), 1);
    assert_int_equal(ese_sqlite_last_row(sqlite), 1);
    ese_statement_text(write, 1, NULL);
    ese_statement_bytes(write, 3, NULL, 0);
    assert_int_equal(ese_statement_run(write, NULL), 0);

    struct ese_statement *read = ese_statement_new(sqlite, "SELECT * FROM thing ORDER BY rowid");
    size_t length;
    assert_int_equal(ese_statement_step(read, NULL), 1);
    assert_string_equal(ese_statement_column_text(read, 0), "it's");
    assert_true(ese_statement_column_number(read, 1) == INT64_MIN);
    assert_memory_equal(ese_statement_column_bytes(read, 2, &length), "\0\1\2", 3);
    assert_int_equal(length, 3);
    assert_int_equal(ese_statement_step(read, NULL), 1);
    assert_true(ese_statement_column_null(read, 0));
    assert_string_equal(ese_statement_column_text(read, 0), "");
    assert_false(ese_statement_column_null(read, 2)); /* no bytes are not NULL */
    assert_int_equal(ese_statement_step(read, NULL), 0);
    assert_int_equal(ese_statement_step(read, NULL), 1); /* ready for another round */
    ese_statement_reset(read);
}

static void a_rollback_leaves_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct ese_sqlite *sqlite = fixture->sqlite = open_things(fixture->path, ESE_DURABILITY_OS);
    ese_sqlite_rollback(sqlite); /* outside a transaction: nothing happens */
    assert_int_equal(ese_sqlite_begin(sqlite, NULL), 0);
    insert(sqlite, "a", 1);
    ese_sqlite_rollback(sqlite);
    assert_int_equal(ese_sqlite_begin(sqlite, NULL), 0);
    insert(sqlite, "b", 2);
    assert_int_equal(ese_sqlite_commit(sqlite, NULL), 0);
    ese_sqlite_close(&fixture->sqlite);

    sqlite = fixture->sqlite = open_things(fixture->path, ESE_DURABILITY_OS);
    assert_int_equal(ask_number(sqlite, "SELECT count(*) FROM thing"), 1);
    assert_int_equal(ask_number(sqlite, "SELECT number FROM thing"), 2);
}

static void a_broken_constraint_is_a_conflict(void **state)
{
    struct fixture *fixture = *state;
    struct ese_sqlite *sqlite = fixture->sqlite = open_things(fixture->path, ESE_DURABILITY_OS);
    insert(sqlite, "a", 1);
    struct ese_statement *again = ese_statement_new(sqlite, "INSERT INTO thing VALUES (?, 2, NULL)");
    ese_statement_text(again, 1, "a");
    struct ese_error error = {0};
    assert_int_equal(ese_statement_run(again, &error), -1);
    assert_int_equal(error.code, ESE_E_CONFLICT);
    ese_statement_text(again, 1, "b"); /* the statement is ready again */
    assert_int_equal(ese_statement_run(again, NULL), 0);
}

static void a_full_database_rolls_back(void **state)
{
    struct fixture *fixture = *state;
    struct ese_sqlite *sqlite = fixture->sqlite = open_things(fixture->path, ESE_DURABILITY_OS);
    assert_int_equal(ese_sqlite_run(sqlite, "PRAGMA max_page_count = 20", NULL), 0);
    assert_int_equal(ese_sqlite_begin(sqlite, NULL), 0);
    struct ese_statement *fill =
        ese_statement_new(sqlite, "INSERT INTO thing VALUES (NULL, 1, zeroblob(4000))");
    struct ese_error error = {0};
    int result = 0;
    for (int i = 0; i < 100 && result == 0; i++)
        result = ese_statement_run(fill, &error);
    assert_int_equal(result, -1);
    assert_int_equal(error.code, ESE_E_FULL);
    assert_int_equal(ese_sqlite_begin(sqlite, NULL), 0); /* the old transaction is gone */
    ese_sqlite_rollback(sqlite);
    assert_int_equal(ask_number(sqlite, "SELECT count(*) FROM thing"), 0);
}

static void reading_changes_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct ese_sqlite *writer = open_things(fixture->path, ESE_DURABILITY_OS);
    insert(writer, "a", 1);
    struct ese_sqlite_options options = {.path = fixture->path, .read_only = true};
    assert_int_equal(ese_sqlite_open(&options, &fixture->sqlite, NULL), 0);
    assert_int_equal(ask_number(fixture->sqlite, "SELECT count(*) FROM thing"), 1);
    assert_int_equal(ese_sqlite_run(fixture->sqlite, "DELETE FROM thing", NULL), -1);
    ese_sqlite_close(&writer);
}

static void refuses_what_it_cannot_open(void **state)
{
    struct fixture *fixture = *state;
    struct ese_error error = {0};
    struct ese_sqlite_options options = {.path = fixture->path, .read_only = true};
    assert_int_equal(ese_sqlite_open(&options, &fixture->sqlite, &error), -1);
    assert_null(fixture->sqlite);
    assert_non_null(strstr(error.text, fixture->path));

    FILE *file = fopen(fixture->path, "w");
    for (int i = 0; i < 1000; i++)
        fputs("this is no database ", file);
    fclose(file);
    assert_int_equal(ese_sqlite_open(&options, &fixture->sqlite, &error), -1);
    options = (struct ese_sqlite_options){.path = fixture->path, .durability = ESE_DURABILITY_OS};
    assert_int_equal(ese_sqlite_open(&options, &fixture->sqlite, &error), -1);
    ese_sqlite_close(&fixture->sqlite);
}

static void *open_and_insert(void *argument)
{
    struct ese_sqlite *sqlite = open_things(argument, ESE_DURABILITY_OS);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(ese_sqlite_begin(sqlite, NULL), 0);
        assert_int_equal(ese_sqlite_run(sqlite, "INSERT INTO thing VALUES (NULL, 1, NULL)", NULL), 0);
        assert_int_equal(ese_sqlite_commit(sqlite, NULL), 0);
    }
    ese_sqlite_close(&sqlite);
    return NULL;
}

/* Many begin with one new file at once: each waits for the others, none fails. */
static void openers_wait_for_one_another(void **state)
{
    struct fixture *fixture = *state;
    pthread_t threads[8];
    for (size_t i = 0; i < ESE_COUNT_OF(threads); i++)
        pthread_create(&threads[i], NULL, open_and_insert, fixture->path);
    for (size_t i = 0; i < ESE_COUNT_OF(threads); i++)
        pthread_join(threads[i], NULL);
    fixture->sqlite = open_things(fixture->path, ESE_DURABILITY_OS);
    assert_int_equal(ask_number(fixture->sqlite, "SELECT count(*) FROM thing"), 160);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durability_words),
        cmocka_unit_test_setup_teardown(durability_decides_synchronous, set_up, tear_down),
        cmocka_unit_test_setup_teardown(memory_touches_no_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(memory_is_shared_by_path, set_up, tear_down),
        cmocka_unit_test_setup_teardown(values_round_trip, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_rollback_leaves_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_broken_constraint_is_a_conflict, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_database_rolls_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reading_changes_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_what_it_cannot_open, set_up, tear_down),
        cmocka_unit_test_setup_teardown(openers_wait_for_one_another, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
