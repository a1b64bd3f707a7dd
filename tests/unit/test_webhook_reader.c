/* Pages of streams. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ese-core/sqlite.h"
#include "tests/unit/webhook_rig.h"
#include "transports/webhook/stream_file.h"
#include "transports/webhook/stream_reader.h"

/* ---- what this thread has open --------------------------------------------------------------- */

/* The server's own reader has files, too, and what the process has closed stays open while another handle on it holds a
 * lock (https://www.sqlite.org/src/file/src/os_unix.c): its descriptors say nothing of who has opened what. */
static _Thread_local int open_files, most_files;

int __real_ese_webhook_file_open(const char *path, enum ese_durability durability, struct ese_webhook_file **file,
                                 struct ese_error *error);
int __wrap_ese_webhook_file_open(const char *path, enum ese_durability durability, struct ese_webhook_file **file,
                                 struct ese_error *error);
int __wrap_ese_webhook_file_open(const char *path, enum ese_durability durability, struct ese_webhook_file **file,
                                 struct ese_error *error)
{
    int got = __real_ese_webhook_file_open(path, durability, file, error);

    open_files += got == 1;
    most_files = open_files > most_files ? open_files : most_files;
    return got;
}

void __real_ese_webhook_file_close(struct ese_webhook_file **file);
void __wrap_ese_webhook_file_close(struct ese_webhook_file **file);
void __wrap_ese_webhook_file_close(struct ese_webhook_file **file)
{
    open_files -= *file != NULL;
    __real_ese_webhook_file_close(file);
}

/* ---------------------------------------------------------------------------------------------- */

struct fixture {
    struct webhook_rig rig; /* the first member */
    struct ese_webhook_reader *reader;
    struct ese_webhook_page page;
};

static void open_rig(struct fixture *fixture)
{
    webhook_rig_open(&fixture->rig);
    fixture->reader = ese_webhook_reader_new(fixture->rig.streams);
}

static int set_up(void **state)
{
    *state = webhook_rig_make(sizeof(struct fixture));
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    ese_webhook_reader_free(&fixture->reader);
    ese_webhook_page_clear(&fixture->page);
    webhook_rig_free(&fixture->rig);
    return 0;
}

static void read_page(struct fixture *fixture, const char *stream, int64_t after, int limit, size_t bytes)
{
    struct ese_error error = {0};

    if (ese_webhook_reader_page(fixture->reader, stream, after, limit, bytes, &fixture->page, &error) != 0)
        fail_msg("%s", error.text);
}

static bool is_there(struct fixture *fixture, const char *name)
{
    char *path = ese_test_path(fixture->rig.directory, name);
    bool there = access(path, F_OK) == 0;

    free(path);
    return there;
}

static void make_file(struct fixture *fixture, const char *name, const char *text)
{
    char *path = ese_test_path(fixture->rig.directory, name);
    int fd = open(path, O_CREAT | O_WRONLY, 0600);

    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    free(path);
}

/* What a file is to whoever opens it after its maker was killed while he made it: its journal says what to take back,
 * which asks for writing. */
static void make_interrupted(const char *path)
{
    sqlite3 *maker;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        if (sqlite3_open(path, &maker) != SQLITE_OK ||
            sqlite3_exec(maker, "CREATE TABLE events (uuid, body TEXT, type TEXT, created);"
                                "INSERT INTO events VALUES ('u', 'b', 't', 'c');"
                                "PRAGMA cache_size=1; BEGIN; UPDATE events SET uuid = 'v';"
                                "CREATE TABLE other AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
                                " LIMIT 2000) SELECT i, randomblob(100) FROM n;", NULL, NULL, NULL) != SQLITE_OK)
            _exit(1);
        _exit(0); /* without a word to SQLite, as killed */
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void a_page_has_what_is_behind_a_position(void **state)
{
    struct fixture *fixture = *state;

    open_rig(fixture);
    webhook_post(&fixture->rig, "s", "a", ESE_APPEND_STORED);
    webhook_post(&fixture->rig, "s", "", ESE_APPEND_STORED);
    webhook_post(&fixture->rig, "s", "ccc", ESE_APPEND_STORED);
    read_page(fixture, "s", 0, 100, 1000);
    assert_int_equal(fixture->page.count, 3);
    assert_int_equal(fixture->page.newest, 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(fixture->page.events[i].position, i + 1);
        assert_string_equal(fixture->page.events[i].type, "t");
        assert_int_equal(strlen(fixture->page.events[i].uuid), 36);
        assert_non_null(strstr(fixture->page.events[i].created, " +0000 UTC"));
    }
    assert_string_equal(fixture->page.events[0].body, "a");
    assert_string_equal(fixture->page.events[1].body, "");
    assert_int_equal(fixture->page.events[1].length, 0);
    assert_string_equal(fixture->page.events[2].body, "ccc");
    read_page(fixture, "s", 2, 100, 1000);
    assert_int_equal(fixture->page.count, 1);
    assert_int_equal(fixture->page.events[0].position, 3);
    read_page(fixture, "s", 3, 100, 1000);
    assert_int_equal(fixture->page.count, 0);
    assert_int_equal(fixture->page.newest, 3);
}

static void a_page_has_its_bounds_and_tells_the_newest(void **state)
{
    struct fixture *fixture = *state;

    open_rig(fixture);
    for (int i = 0; i < 5; i++)
        webhook_post(&fixture->rig, "s", "0123456789", ESE_APPEND_STORED);
    read_page(fixture, "s", 0, 2, 1000);
    assert_int_equal(fixture->page.count, 2);
    assert_int_equal(fixture->page.newest, 5);
    read_page(fixture, "s", 0, 100, 12);
    assert_int_equal(fixture->page.count, 2);
    assert_int_equal(fixture->page.newest, 5);
    read_page(fixture, "s", 0, 100, 1);
    assert_int_equal(fixture->page.count, 1);
    read_page(fixture, "s", 0, 100, 0);
    assert_int_equal(fixture->page.count, 1);
    read_page(fixture, "s", 0, 0, 100);
    assert_int_equal(fixture->page.count, 0);
}

static void bodies_of_a_long_page_are_each_their_own(void **state)
{
    struct fixture *fixture = *state;
    struct webhook_posts posts = WEBHOOK_POSTS_INIT;
    static struct webhook_post post[500];
    static char bodies[500][2004];

    open_rig(fixture);
    for (int i = 0; i < 500; i++) {
        memset(bodies[i], 'a' + i % 26, (size_t)(i * 37 % 1999));
        snprintf(bodies[i] + strlen(bodies[i]), 5, "%d", i);
        webhook_post_begin(&fixture->rig, &posts, &post[i], "s", bodies[i]);
    }
    webhook_posts_wait(&fixture->rig, &posts);
    read_page(fixture, "s", 0, 1000, 1 << 20);
    assert_int_equal(fixture->page.count, 500);
    for (int i = 0; i < 500; i++)
        assert_string_equal(fixture->page.events[i].body, bodies[fixture->page.events[i].position - 1]);
}

static void a_body_may_have_any_bytes(void **state)
{
    static const char body[] = "a\0b\n\xff";
    struct fixture *fixture = *state;
    struct webhook_posts posts = WEBHOOK_POSTS_INIT;
    struct webhook_post post = {.posts = &posts,
                                .row = {.type = "t", .body = body, .length = 5, .done = webhook_post_done}};

    open_rig(fixture);
    posts.under_way = 1;
    assert_int_equal(ese_webhook_streams_post(fixture->rig.streams, "s", &post.row, NULL), 0);
    webhook_posts_wait(&fixture->rig, &posts);
    read_page(fixture, "s", 0, 1, 100);
    assert_int_equal(fixture->page.events[0].length, 5);
    assert_memory_equal(fixture->page.events[0].body, body, 5);
}

static void what_was_interrupted_is_taken_back_by_who_reads(void **state)
{
    struct fixture *fixture = *state;
    struct ese_webhook_file *file;
    struct ese_error error = {0};
    char *path = ese_test_path(fixture->rig.directory, "interrupted.db");

    make_interrupted(path);
    assert_true(is_there(fixture, "interrupted.db-journal"));
    if (ese_webhook_file_open(path, ESE_DURABILITY_OS, &file, &error) != 1)
        fail_msg("%s", error.text);
    assert_int_equal(ese_webhook_file_page(file, 0, 100, 10, 1000, &fixture->page, &error), 0);
    assert_int_equal(fixture->page.count, 1);
    assert_string_equal(fixture->page.events[0].uuid, "u");
    ese_webhook_file_close(&file);
    free(path);
}

static void a_file_that_is_not_there_is_not_made(void **state)
{
    struct fixture *fixture = *state;
    char *path = ese_test_path(fixture->rig.directory, "nobody.db");
    struct ese_webhook_file *file;

    assert_int_equal(ese_webhook_file_open(path, ESE_DURABILITY_OS, &file, NULL), 0);
    assert_null(file);
    assert_false(is_there(fixture, "nobody.db"));
    free(path);
}

static void what_is_not_there_is_empty_and_stays_so(void **state)
{
    struct fixture *fixture = *state;

    make_file(fixture, "half.db", "");
    open_rig(fixture);
    read_page(fixture, "nobody", 0, 100, 1000);
    assert_int_equal(fixture->page.count, 0);
    assert_int_equal(fixture->page.newest, 0);
    assert_false(is_there(fixture, "nobody.db"));
    read_page(fixture, "half", 0, 100, 1000);
    assert_int_equal(fixture->page.count, 0);
    assert_int_equal(webhook_post(&fixture->rig, "half", "a", ESE_APPEND_STORED), 1);
    read_page(fixture, "half", 0, 100, 1000);
    assert_int_equal(fixture->page.count, 1);
}

static void what_cannot_be_read_is_not_empty(void **state)
{
    struct fixture *fixture = *state;
    struct ese_error error;

    make_file(fixture, "bad.db", "this is no database, and has never been one, whoever looks at it");
    open_rig(fixture);
    assert_int_equal(ese_webhook_reader_page(fixture->reader, "bad", 0, 1, 1, &fixture->page, &error), -1);
    assert_int_equal(ese_webhook_reader_page(fixture->reader, "../x", 0, 1, 1, &fixture->page, &error), -1);
    assert_int_equal(error.code, ESE_E_INVALID);
    assert_int_equal(ese_webhook_reader_page(fixture->reader, "_meta", 0, 1, 1, &fixture->page, &error), -1);
    assert_int_equal(error.code, ESE_E_INVALID);
}

static void many_streams_are_read_with_few_files(void **state)
{
    struct fixture *fixture = *state;
    char name[16];

    open_rig(fixture);
    for (int i = 0; i < 60; i++) {
        snprintf(name, sizeof(name), "s%d", i);
        webhook_post(&fixture->rig, name, name, ESE_APPEND_STORED);
    }
    most_files = open_files = 0;
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 60; i++) {
            snprintf(name, sizeof(name), "s%d", i);
            read_page(fixture, name, 0, 10, 1000);
            assert_int_equal(fixture->page.count, 1);
            assert_string_equal(fixture->page.events[0].body, name);
        }
    }
    assert_in_range((uintmax_t)most_files, 2, 17); /* sixteen, and the one that takes another's place */
    ese_webhook_reader_free(&fixture->reader);
    assert_int_equal(open_files, 0);
}

static void who_keeps_up_reads_through_the_file_it_has(void **state)
{
    struct fixture *fixture = *state;

    open_rig(fixture);
    for (int i = 1; i <= 50; i++) {
        assert_int_equal(webhook_post(&fixture->rig, "s", "a", ESE_APPEND_STORED), i);
        read_page(fixture, "s", i - 1, 10, 1000);
        assert_int_equal(fixture->page.count, 1);
        assert_int_equal(fixture->page.events[0].position, i);
    }
}

static void memory_is_read_while_it_is_there(void **state)
{
    struct fixture *fixture = *state;

    fixture->rig.options.durability = ESE_DURABILITY_MEMORY;
    open_rig(fixture);
    int64_t first = webhook_post(&fixture->rig, "s", "a", ESE_APPEND_STORED);
    read_page(fixture, "s", 0, 10, 1000);
    assert_int_equal(fixture->page.count, 1);
    assert_int_equal(fixture->page.events[0].position, first);
    read_page(fixture, "nobody", 0, 10, 1000);
    assert_int_equal(fixture->page.count, 0);
    assert_false(is_there(fixture, "s.db"));
}

/* Also of a stream that somebody has begun, and stored nothing in. */
static void nothing_in_memory_ends_in_front_of_this_life(void **state)
{
    struct fixture *fixture = *state;
    char body[100000];

    memset(body, 'a', sizeof(body) - 1);
    body[sizeof(body) - 1] = '\0';
    fixture->rig.options.durability = ESE_DURABILITY_MEMORY;
    fixture->rig.options.max_bytes = 65536;
    open_rig(fixture);
    webhook_post(&fixture->rig, "s", body, ESE_APPEND_AT_BOUND);
    read_page(fixture, "s", 0, 10, 1000);
    assert_int_equal(fixture->page.count, 0);
    assert_int_equal(fixture->page.newest, ese_webhook_streams_first(fixture->rig.streams) - 1);
    read_page(fixture, "nobody", 0, 10, 1000);
    assert_int_equal(fixture->page.newest, ese_webhook_streams_first(fixture->rig.streams) - 1);
    assert_true(fixture->page.newest > 1);
}

/* Committed, and its writer has not said so yet. */
static void commit_untold(struct fixture *fixture, const char *name)
{
    char *path = ese_test_path(fixture->rig.directory, name);
    const struct ese_sqlite_options options = {.path = path, .durability = ESE_DURABILITY_OS};
    struct ese_sqlite *sqlite;

    assert_int_equal(ese_sqlite_open(&options, &sqlite, NULL), 0);
    assert_int_equal(ese_sqlite_run(sqlite, "INSERT INTO events VALUES ('u', 'b', 't', 'c')", NULL), 0);
    ese_sqlite_close(&sqlite);
    free(path);
}

static void a_page_goes_no_further_than_all_are_told(void **state)
{
    struct fixture *fixture = *state;

    open_rig(fixture);
    assert_int_equal(webhook_post(&fixture->rig, "s", "a", ESE_APPEND_STORED), 1);
    commit_untold(fixture, "s.db");
    read_page(fixture, "s", 0, 10, 1000);
    assert_int_equal(fixture->page.count, 1);
    assert_int_equal(fixture->page.newest, 1);
    read_page(fixture, "s", 1, 10, 1000);
    assert_int_equal(fixture->page.count, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_page_has_what_is_behind_a_position, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_page_has_its_bounds_and_tells_the_newest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bodies_of_a_long_page_are_each_their_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_body_may_have_any_bytes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_is_not_there_is_not_made, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_there_is_empty_and_stays_so, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_interrupted_is_taken_back_by_who_reads, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_read_is_not_empty, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_streams_are_read_with_few_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_keeps_up_reads_through_the_file_it_has, set_up, tear_down),
        cmocka_unit_test_setup_teardown(memory_is_read_while_it_is_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_in_memory_ends_in_front_of_this_life, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_page_goes_no_further_than_all_are_told, set_up, tear_down),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
