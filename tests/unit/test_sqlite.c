#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ese-core/memory.h"
#include "ese-core/sqlite.h"
#include "ese-core/sqlite_syncs.h"
#include "tests/support/directory.h"
#include "tests/support/disk_room.h"

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

static struct ese_sqlite *open_bounded(const char *path, enum ese_durability durability,
                                       int64_t max_bytes)
{
    struct ese_sqlite *sqlite = NULL;
    struct ese_error error = {0};
    struct ese_sqlite_options options = {
        .path = path, .durability = durability, .schema = SCHEMA, .max_bytes = max_bytes};
    if (ese_sqlite_open(&options, &sqlite, &error) != 0)
        print_error("%s\n", error.text);
    assert_non_null(sqlite);
    return sqlite;
}

static struct ese_sqlite *open_things(const char *path, enum ese_durability durability)
{
    return open_bounded(path, durability, 0);
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
    unsigned two = ESE_DURABILITY_MEMORY | ESE_DURABILITY_DISK;
    assert_int_equal(ese_durability_within(two, ESE_DURABILITY_MEMORY), ESE_DURABILITY_MEMORY);
    assert_int_equal(ese_durability_within(two, ESE_DURABILITY_OS), ESE_DURABILITY_MEMORY);
    assert_int_equal(ese_durability_within(two, ESE_DURABILITY_DISK), ESE_DURABILITY_DISK);
    assert_int_equal(ese_durability_within(two, ESE_DURABILITY_REPLICAS), ESE_DURABILITY_DISK);
    assert_int_equal(ese_durability_within(ESE_DURABILITY_DISK, ESE_DURABILITY_OS), 0);
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

/* How often a commit has something synced that is not the first in its log: a log's head always is. */
static int64_t syncs_of_a_commit(struct fixture *fixture, enum ese_durability durability)
{
    fixture->sqlite = open_things(fixture->path, durability);
    insert(fixture->sqlite, "a", 1);
    int64_t before = ese_sqlite_syncs();
    assert_int_equal(ese_sqlite_begin(fixture->sqlite, NULL), 0);
    assert_int_equal(ese_sqlite_run(fixture->sqlite, "INSERT INTO thing VALUES (NULL, 1, NULL)", NULL), 0);
    assert_int_equal(ese_sqlite_commit(fixture->sqlite, NULL), 0);
    int64_t counted = ese_sqlite_syncs() - before;
    assert_int_equal(ese_sqlite_run(fixture->sqlite, "DELETE FROM thing", NULL), 0);
    ese_sqlite_close(&fixture->sqlite);
    return counted;
}

static void syncs_are_counted(void **state)
{
    struct fixture *fixture = *state;
    assert_true(syncs_of_a_commit(fixture, ESE_DURABILITY_DISK) >= 1);
    assert_int_equal(syncs_of_a_commit(fixture, ESE_DURABILITY_OS), 0);
    assert_int_equal(syncs_of_a_commit(fixture, ESE_DURABILITY_MEMORY), 0);
}

/* What an earlier life has left in the log, and the names of the files. */
static void opening_at_disk_syncs_what_is_there(void **state)
{
    static const struct {
        enum ese_durability durability;
        int syncs;
    } cases[] = {{ESE_DURABILITY_OS, 0}, {ESE_DURABILITY_DISK, 2}};
    struct fixture *fixture = *state;
    fixture->sqlite = open_things(fixture->path, ESE_DURABILITY_OS);
    insert(fixture->sqlite, "a", 1);
    for (size_t i = 0; i < ESE_COUNT_OF(cases); i++) {
        int64_t before = ese_sqlite_syncs();
        struct ese_sqlite *other = open_things(fixture->path, cases[i].durability);
        assert_int_equal(ese_sqlite_syncs() - before, cases[i].syncs);
        assert_int_equal(ask_number(other, "SELECT count(*) FROM thing"), 1);
        ese_sqlite_close(&other);
    }
    assert_false(ese_sqlite_syncs_failed());
}

/* "store/" is a name in the same directory as "store": of what is not there yet, only that one can be synced. */
static void a_name_that_ends_in_slashes_is_synced_too(void **state)
{
    struct fixture *fixture = *state;
    struct ese_error error = {0};
    for (int slashes = 0; slashes <= 2; slashes++) {
        char name[16];
        snprintf(name, sizeof name, "store%.*s", slashes, "//");
        char *path = ese_test_path(fixture->directory, name);
        if (ese_sqlite_sync_directory(path, &error) != 0)
            fail_msg("%s: %s", path, error.text);
        free(path);
    }
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

static void a_file_without_room_is_full(void **state)
{
    struct fixture *fixture = *state;
    struct ese_sqlite *sqlite = fixture->sqlite = open_things(fixture->path, ESE_DURABILITY_OS);
    struct ese_error error = {0};
    ese_test_let_files_grow(false);
    int result = ese_sqlite_run(sqlite, "INSERT INTO thing VALUES (NULL, 1, zeroblob(4000))", &error);
    ese_test_let_files_grow(true);
    assert_int_equal(result, -1);
    assert_int_equal(error.code, ESE_E_FULL);
    assert_non_null(strstr(error.text, "File too large"));
    assert_int_equal(ask_number(sqlite, "SELECT count(*) FROM thing"), 0);
    assert_int_equal(ese_sqlite_run(sqlite, "INSERT INTO thing VALUES (NULL, 1, zeroblob(4000))", NULL), 0);
}

/* There is a file, beside which others have to be made. */
static void who_opens_without_room_is_told_to_make_some(void **state)
{
    struct fixture *fixture = *state;
    const struct ese_sqlite_options options = {.path = fixture->path, .durability = ESE_DURABILITY_OS};
    struct ese_error error = {0};
    struct ese_sqlite *refused = open_things(fixture->path, ESE_DURABILITY_OS);
    ese_sqlite_close(&refused);
    ese_test_let_files_grow(false);
    int result = ese_sqlite_open(&options, &refused, &error);
    ese_test_let_files_grow(true);
    assert_int_equal(result, -1);
    assert_int_equal(error.code, ESE_E_FULL);
    assert_non_null(strstr(error.text, "File too large"));
    assert_non_null(strstr(error.text, "make room"));
    fixture->sqlite = open_things(fixture->path, ESE_DURABILITY_OS);
}

/* ---- the bound ------------------------------------------------------------------------------- */

#define BOUND (INT64_C(1) << 20)
#define ROW_BYTES 5000

static int64_t file_bytes(const char *path, const char *suffix)
{
    char name[4096];
    struct stat status;
    snprintf(name, sizeof name, "%s%s", path, suffix);
    return stat(name, &status) == 0 ? status.st_size : 0;
}

static int add_row(struct ese_sqlite *sqlite, struct ese_error *error)
{
    return ese_sqlite_run(sqlite, "INSERT INTO thing VALUES (NULL, 1, zeroblob(5000))", error);
}

/* Adds rows while there is room, each in a transaction of its own. */
static void fill(struct ese_sqlite *sqlite)
{
    int added = 0;
    while (ese_sqlite_check_room(sqlite, 2 * ROW_BYTES, NULL) == 0) {
        assert_int_equal(add_row(sqlite, NULL), 0);
        assert_true(++added < 1000);
    }
}

static void a_file_does_not_outgrow_its_bound(void **state)
{
    struct fixture *fixture = *state;
    struct ese_sqlite *sqlite = fixture->sqlite =
        open_bounded(fixture->path, ESE_DURABILITY_OS, BOUND);
    struct ese_error error = {0};
    int added = 0;
    while (add_row(sqlite, &error) == 0)
        assert_true(++added < 1000);
    assert_int_equal(error.code, ESE_E_FULL);
    assert_true(added > 100);
    assert_int_equal(ask_number(sqlite, "SELECT count(*) FROM thing"), added);
    assert_int_equal(ese_sqlite_run(sqlite, "DELETE FROM thing WHERE rowid < 20", NULL), 0);
    for (int i = 0; i < 15; i++) /* what left has made room */
        assert_int_equal(add_row(sqlite, NULL), 0);
    ese_sqlite_close(&fixture->sqlite);
    assert_true(file_bytes(fixture->path, "") <= BOUND);
    assert_true(file_bytes(fixture->path, "") > BOUND - 2 * ROW_BYTES);
}

static void who_asks_for_room_leaves_a_reserve(void **state)
{
    struct fixture *fixture = *state;
    struct ese_sqlite *sqlite = fixture->sqlite =
        open_bounded(fixture->path, ESE_DURABILITY_OS, BOUND);
    struct ese_error error = {0};
    fill(sqlite);
    assert_int_equal(ese_sqlite_check_room(sqlite, 2 * ROW_BYTES, &error), -1);
    assert_int_equal(error.code, ESE_E_FULL);
    assert_non_null(strstr(error.text, "at most 1048576 bytes"));
    int64_t used = ese_sqlite_used_bytes(sqlite);
    assert_true(used <= BOUND - ESE_SQLITE_RESERVE_BYTES);
    assert_true(used > BOUND - ESE_SQLITE_RESERVE_BYTES - 4 * ROW_BYTES);
    /* Rows that grow find the reserve. */
    assert_int_equal(ese_sqlite_run(sqlite, "UPDATE thing SET bytes = zeroblob(6000)"
                                            " WHERE rowid < 50", &error), 0);
    assert_int_equal(ese_sqlite_run(sqlite, "DELETE FROM thing", &error), 0);
    assert_int_equal(ese_sqlite_check_room(sqlite, BOUND / 2, NULL), 0);
    assert_true(ese_sqlite_used_bytes(sqlite) < BOUND / 16);
    assert_int_equal(ese_sqlite_check_room(sqlite, BOUND, NULL), -1);
}

static void memory_has_its_bound_too(void **state)
{
    struct fixture *fixture = *state;
    fixture->sqlite = open_bounded(NULL, ESE_DURABILITY_MEMORY, BOUND);
    struct ese_error error = {0};
    fill(fixture->sqlite);
    while (add_row(fixture->sqlite, &error) == 0)
        assert_true(ese_sqlite_used_bytes(fixture->sqlite) <= BOUND);
    assert_int_equal(error.code, ESE_E_FULL);
}

static void a_larger_file_has_room_once_enough_was_deleted(void **state)
{
    struct fixture *fixture = *state;
    struct ese_sqlite *sqlite = fixture->sqlite = open_things(fixture->path, ESE_DURABILITY_OS);
    assert_int_equal(ese_sqlite_used_bytes(sqlite), 0); /* not looked at without a bound */
    assert_int_equal(ese_sqlite_check_room(sqlite, INT64_MAX, NULL), 0);
    for (int i = 0; i < 400; i++)
        assert_int_equal(add_row(sqlite, NULL), 0);
    ese_sqlite_close(&fixture->sqlite);

    sqlite = fixture->sqlite = open_bounded(fixture->path, ESE_DURABILITY_OS, BOUND);
    assert_true(ese_sqlite_used_bytes(sqlite) > BOUND);
    assert_int_equal(ese_sqlite_check_room(sqlite, 0, NULL), -1);
    assert_int_equal(ese_sqlite_run(sqlite, "UPDATE thing SET bytes = zeroblob(6000)"
                                            " WHERE rowid < 20", NULL), 0);
    assert_int_equal(ese_sqlite_run(sqlite, "DELETE FROM thing WHERE rowid < 350", NULL), 0);
    assert_int_equal(ese_sqlite_check_room(sqlite, ROW_BYTES, NULL), 0);
}

static void the_log_is_bounded_even_while_somebody_reads(void **state)
{
    struct fixture *fixture = *state;
    struct ese_sqlite *sqlite = fixture->sqlite =
        open_bounded(fixture->path, ESE_DURABILITY_OS, BOUND);
    struct ese_sqlite *reader = open_things(fixture->path, ESE_DURABILITY_OS);
    struct ese_error error = {0};
    assert_int_equal(add_row(sqlite, NULL), 0);
    assert_int_equal(ese_sqlite_run(reader, "BEGIN; SELECT count(*) FROM thing", NULL), 0);
    int writes = 0;
    while (ese_sqlite_check_room(sqlite, 0, &error) == 0) { /* no page more is used by this */
        assert_int_equal(ese_sqlite_run(sqlite, "UPDATE thing SET number = number + 1", NULL), 0);
        assert_true(++writes < 10000);
    }
    assert_int_equal(error.code, ESE_E_FULL);
    assert_non_null(strstr(error.text, "-wal"));
    assert_in_range(file_bytes(fixture->path, "-wal"), 1 << 22, (1 << 22) + 100000);
    assert_int_equal(ese_sqlite_run(reader, "COMMIT", NULL), 0);
    assert_int_equal(ese_sqlite_check_room(sqlite, 0, NULL), 0);
    assert_int_equal(file_bytes(fixture->path, "-wal"), 0);
    assert_int_equal(ask_number(sqlite, "SELECT number FROM thing"), 1 + writes);
    ese_sqlite_close(&reader);
}

static void a_long_transaction_leaves_no_long_log(void **state)
{
    struct fixture *fixture = *state;
    struct ese_sqlite *sqlite = fixture->sqlite =
        open_bounded(fixture->path, ESE_DURABILITY_OS, 16 * BOUND);
    assert_int_equal(ese_sqlite_begin(sqlite, NULL), 0);
    for (int i = 0; i < 2000; i++)
        assert_int_equal(add_row(sqlite, NULL), 0);
    assert_int_equal(ese_sqlite_commit(sqlite, NULL), 0);
    assert_true(file_bytes(fixture->path, "-wal") > 8 << 20);
    assert_int_equal(ese_sqlite_check_room(sqlite, 0, NULL), 0); /* all of it is in the file */
    assert_int_equal(add_row(sqlite, NULL), 0);
    assert_true(file_bytes(fixture->path, "-wal") <= 4 << 20);
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
    assert_int_equal(error.code, ESE_E_USAGE);
    assert_non_null(strstr(error.text, "give another path"));
    options.path = "/tmp";
    assert_int_equal(ese_sqlite_open(&options, &fixture->sqlite, &error), -1);
    assert_int_equal(error.code, ESE_E_USAGE);
    assert_non_null(strstr(error.text, "'/tmp' cannot be opened, Is a directory"));
    ese_sqlite_close(&fixture->sqlite);
}

static void a_database_of_another_kind_is_left_alone(void **state)
{
    struct fixture *fixture = *state;
    struct ese_error error = {0};
    struct ese_sqlite_options options = {.path = fixture->path,
                                         .durability = ESE_DURABILITY_OS,
                                         .schema = SCHEMA,
                                         .own_table = "thing"};
    for (int i = 0; i < 2; i++) { /* a new one, and one of ours */
        assert_int_equal(ese_sqlite_open(&options, &fixture->sqlite, &error), 0);
        ese_sqlite_close(&fixture->sqlite);
    }
    options.schema = "CREATE TABLE IF NOT EXISTS other (x)";
    options.own_table = "other";
    assert_int_equal(ese_sqlite_open(&options, &fixture->sqlite, &error), -1);
    assert_int_equal(error.code, ESE_E_USAGE);
    assert_non_null(strstr(error.text, fixture->path));
    assert_non_null(strstr(error.text, "'other'"));
    options.own_table = NULL;
    options.schema = "SELECT count(*) FROM thing";
    assert_int_equal(ese_sqlite_open(&options, &fixture->sqlite, &error), 0);
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

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durability_words),
        cmocka_unit_test_setup_teardown(durability_decides_synchronous, set_up, tear_down),
        cmocka_unit_test_setup_teardown(syncs_are_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(opening_at_disk_syncs_what_is_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_name_that_ends_in_slashes_is_synced_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(memory_touches_no_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(memory_is_shared_by_path, set_up, tear_down),
        cmocka_unit_test_setup_teardown(values_round_trip, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_rollback_leaves_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_broken_constraint_is_a_conflict, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_database_rolls_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_without_room_is_full, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_opens_without_room_is_told_to_make_some, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_does_not_outgrow_its_bound, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_asks_for_room_leaves_a_reserve, set_up, tear_down),
        cmocka_unit_test_setup_teardown(memory_has_its_bound_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_larger_file_has_room_once_enough_was_deleted, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_log_is_bounded_even_while_somebody_reads, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_long_transaction_leaves_no_long_log, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reading_changes_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_what_it_cannot_open, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_database_of_another_kind_is_left_alone, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(openers_wait_for_one_another, set_up, tear_down),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
