/* The streams of a directory: many writers beside each other, few of them open. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/wait.h"
#include "tests/unit/webhook_rig.h"
#include "transports/webhook/stream_reader.h"

#define THREADS 4
#define STREAMS 9
#define ROUNDS 40

struct fixture {
    struct webhook_rig rig; /* the first member */
    atomic_int grown;
    char names[2048];
};

static void note_growth(void *context, const char *stream)
{
    struct fixture *fixture = context;

    assert_int_equal(strncmp(stream, "s", 1), 0);
    atomic_fetch_add(&fixture->grown, 1);
}

static int set_up(void **state)
{
    struct fixture *fixture = (struct fixture *)webhook_rig_make(sizeof(*fixture));

    fixture->rig.options.grown = note_growth;
    fixture->rig.options.context = fixture;
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    webhook_rig_free(*state);
    return 0;
}

static int64_t gauge(struct fixture *fixture, const char *name)
{
    return ese_metric_value(ese_metrics_gauge(fixture->rig.metrics, name, NULL, ""));
}

static int64_t counter(struct fixture *fixture, const char *name)
{
    return ese_metric_value(ese_metrics_counter(fixture->rig.metrics, name, NULL, ""));
}

static void assert_ends(struct fixture *fixture, const char *stream, int64_t oldest, int64_t newest)
{
    int64_t found_oldest, found_newest;
    struct ese_error error = {0};

    if (ese_webhook_streams_ends(fixture->rig.streams, stream, &found_oldest, &found_newest, &error) != 0)
        fail_msg("%s", error.text);
    assert_int_equal(found_oldest, oldest);
    assert_int_equal(found_newest, newest);
}

static void note_name(void *context, const char *stream)
{
    struct fixture *fixture = context;
    size_t length = strlen(fixture->names);

    snprintf(fixture->names + length, sizeof(fixture->names) - length, "%s ", stream);
}

/* ---- many at once ---------------------------------------------------------------------------- */

struct poster {
    struct fixture *fixture;
    pthread_t thread;
    int number;
};

static void *post_many(void *context)
{
    struct poster *poster = context;
    struct webhook_posts posts = WEBHOOK_POSTS_INIT;
    struct webhook_post post[STREAMS];
    char name[8];

    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < STREAMS; i++) {
            snprintf(name, sizeof(name), "s%d", (i + poster->number) % STREAMS);
            webhook_post_begin(&poster->fixture->rig, &posts, &post[i], name, "body");
        }
        webhook_posts_wait(&poster->fixture->rig, &posts);
        for (int i = 0; i < STREAMS; i++)
            assert_int_equal(post[i].result, ESE_APPEND_STORED);
    }
    return NULL;
}

static void many_streams_are_written_with_few_open(void **state)
{
    struct fixture *fixture = *state;
    struct poster posters[THREADS];
    char name[8];

    webhook_rig_open(&fixture->rig);
    for (int i = 0; i < THREADS; i++) {
        posters[i] = (struct poster){.fixture = fixture, .number = i};
        assert_int_equal(pthread_create(&posters[i].thread, NULL, post_many, &posters[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(posters[i].thread, NULL);
    assert_int_equal(gauge(fixture, "ese_webhook_open_streams"), 4);
    assert_int_equal(gauge(fixture, "ese_webhook_streams"), STREAMS);
    assert_int_equal(counter(fixture, "ese_store_events_total"), THREADS * ROUNDS * STREAMS);
    assert_true(counter(fixture, "ese_webhook_stream_openings_total") > STREAMS);
    for (int i = 0; i < STREAMS; i++) {
        snprintf(name, sizeof(name), "s%d", i);
        assert_ends(fixture, name, 1, THREADS * ROUNDS);
    }
    webhook_rig_close(&fixture->rig);
    webhook_rig_open(&fixture->rig);
    for (int i = 0; i < STREAMS; i++) {
        snprintf(name, sizeof(name), "s%d", i);
        assert_ends(fixture, name, 1, THREADS * ROUNDS);
    }
    assert_int_equal(counter(fixture, "ese_webhook_stream_openings_total"), 0);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void a_stream_is_known_from_its_first_event_on(void **state)
{
    struct fixture *fixture = *state;
    int64_t oldest, newest;
    struct ese_error error;

    webhook_rig_open(&fixture->rig);
    assert_int_equal(ese_webhook_streams_ends(fixture->rig.streams, "s", &oldest, &newest, &error), -1);
    assert_int_equal(error.code, ESE_E_MISSING);
    assert_int_equal(webhook_post(&fixture->rig, "s", "a", ESE_APPEND_STORED), 1);
    assert_int_equal(webhook_post(&fixture->rig, "s2", "a", ESE_APPEND_STORED), 1);
    assert_int_equal(webhook_post(&fixture->rig, "s", "a", ESE_APPEND_STORED), 2);
    assert_ends(fixture, "s", 1, 2);
    assert_int_equal(atomic_load(&fixture->grown), 3);
    ese_webhook_streams_each(fixture->rig.streams, note_name, fixture);
    assert_string_equal(fixture->names, "s s2 ");
}

static void all_files_that_are_streams_are_listed(void **state)
{
    static const char *const files[] = {"b.db", "a%20.db", "_meta.db", "_itrospect.db", "c.txt", ".db", "z.db-wal"};
    struct fixture *fixture = *state;

    for (size_t i = 0; i < ESE_COUNT_OF(files); i++) {
        char *path = ese_test_path(fixture->rig.directory, files[i]);
        close(open(path, O_CREAT | O_WRONLY, 0600));
        free(path);
    }
    webhook_rig_open(&fixture->rig);
    ese_webhook_streams_each(fixture->rig.streams, note_name, fixture);
    assert_string_equal(fixture->names, "a%20 b ");
    assert_ends(fixture, "b", 1, 0);
}

static void a_directory_is_one_processes(void **state)
{
    struct fixture *fixture = *state;
    struct ese_webhook_streams *second;
    struct ese_error error;

    webhook_rig_open(&fixture->rig);
    assert_int_equal(ese_webhook_streams_open(&fixture->rig.options, &second, &error), -1);
    assert_int_equal(error.code, ESE_E_USAGE);
    assert_null(second);
}

static void a_hostile_name_makes_no_file(void **state)
{
    struct fixture *fixture = *state;
    struct ese_webhook_row row = {.type = "t", .body = ""};
    struct ese_error error;

    webhook_rig_open(&fixture->rig);
    assert_int_equal(ese_webhook_streams_post(fixture->rig.streams, "../evil", &row, &error), -1);
    assert_int_equal(error.code, ESE_E_INVALID);
    assert_non_null(strstr(error.text, "../evil"));
    assert_int_equal(gauge(fixture, "ese_webhook_streams"), 0);
}

static void a_file_that_is_no_stream_is_told_to_who_posts(void **state)
{
    struct fixture *fixture = *state;
    char *path = ese_test_path(fixture->rig.directory, "s.db");
    char text[560];
    int fd = open(path, O_CREAT | O_WRONLY, 0600);

    for (int i = 0; i < 4096; i += 16)
        assert_int_equal(write(fd, "this is nothing ", 16), 16);
    close(fd);
    free(path);
    webhook_rig_open(&fixture->rig);
    webhook_post(&fixture->rig, "s", "a", ESE_APPEND_FAILED);
    assert_true(ese_webhook_streams_healthy(fixture->rig.streams, text, sizeof(text)));
    webhook_post(&fixture->rig, "s2", "a", ESE_APPEND_STORED);
}

/* A directory where its file would be: as a disk that fails, and then does not. */
static bool is_well(void *context)
{
    struct fixture *fixture = context;
    char text[560];

    return ese_webhook_streams_healthy(fixture->rig.streams, text, sizeof(text));
}

static void what_could_not_be_opened_is_tried_again(void **state)
{
    struct fixture *fixture = *state;
    char *wal = ese_test_path(fixture->rig.directory, "s.db-wal");
    char text[560];

    webhook_rig_open(&fixture->rig);
    assert_int_equal(mkdir(wal, 0700), 0);
    webhook_post(&fixture->rig, "s", "a", ESE_APPEND_FAILED);
    assert_false(ese_webhook_streams_healthy(fixture->rig.streams, text, sizeof(text)));
    assert_string_not_equal(text, "");
    assert_int_equal(rmdir(wal), 0);
    assert_true(ese_test_wait_until(is_well, fixture, 10000));
    webhook_post(&fixture->rig, "s", "a", ESE_APPEND_STORED);
    free(wal);
}

static void in_memory_all_stay_open_and_no_more_are_taken(void **state)
{
    struct fixture *fixture = *state;
    char name[8];

    fixture->rig.options.durability = ESE_DURABILITY_MEMORY;
    webhook_rig_open(&fixture->rig);
    int64_t first = webhook_post(&fixture->rig, "s0", "a", ESE_APPEND_STORED);
    for (int i = 1; i < 4; i++) {
        snprintf(name, sizeof(name), "s%d", i);
        assert_int_equal(webhook_post(&fixture->rig, name, "a", ESE_APPEND_STORED), first); /* where this life began */
    }
    assert_int_equal(ese_webhook_streams_first(fixture->rig.streams), first);
    webhook_post(&fixture->rig, "s5", "a", ESE_APPEND_AT_BOUND);
    assert_int_equal(webhook_post(&fixture->rig, "s0", "a", ESE_APPEND_STORED), first + 1);
    assert_ends(fixture, "s0", first, first + 1);
}

static void so_many_wait_and_no_more(void **state)
{
    struct fixture *fixture = *state;
    struct webhook_posts posts = WEBHOOK_POSTS_INIT;
    struct webhook_post post[200];
    int stored = 0, full = 0;
    char name[8];

    fixture->rig.options.queue_events = 3;
    webhook_rig_open(&fixture->rig);
    for (int i = 0; i < 200; i++) { /* to streams whose writers take longer to be opened than this does */
        snprintf(name, sizeof(name), "s%d", i);
        webhook_post_begin(&fixture->rig, &posts, &post[i], name, "a");
    }
    webhook_posts_wait(&fixture->rig, &posts);
    for (int i = 0; i < 200; i++) {
        stored += post[i].result == ESE_APPEND_STORED;
        full += post[i].result == ESE_APPEND_FULL;
        free(post[i].row.why);
    }
    assert_int_equal(stored + full, 200);
    assert_true(stored >= 3 && full > 0);
    assert_int_equal(counter(fixture, "ese_store_events_total"), stored);
}

static void who_waits_at_the_end_is_stored_or_told(void **state)
{
    struct fixture *fixture = *state;
    struct webhook_posts posts = WEBHOOK_POSTS_INIT;
    struct webhook_post post[40];
    char name[8];
    int stored = 0;

    webhook_rig_open(&fixture->rig);
    for (int i = 0; i < 40; i++) {
        snprintf(name, sizeof(name), "s%d", i);
        webhook_post_begin(&fixture->rig, &posts, &post[i], name, "a");
    }
    ese_webhook_streams_stop(fixture->rig.streams, 0);
    webhook_posts_wait(&fixture->rig, &posts);
    for (int i = 0; i < 40; i++) {
        assert_true(post[i].result == ESE_APPEND_STORED || post[i].result == ESE_APPEND_FULL);
        stored += post[i].result == ESE_APPEND_STORED;
        free(post[i].row.why);
    }
    assert_true(stored < 40);
    webhook_post(&fixture->rig, "s", "a", ESE_APPEND_FULL);
}

static void figures_are_of_what_is_open(void **state)
{
    struct fixture *fixture = *state;

    fixture->rig.options.most_open = 1;
    webhook_rig_open(&fixture->rig);
    webhook_post(&fixture->rig, "s1", "a", ESE_APPEND_STORED);
    assert_int_equal(gauge(fixture, "ese_store_max_bytes"), fixture->rig.options.max_bytes);
    int64_t used = gauge(fixture, "ese_store_used_bytes");
    assert_true(used > 0);
    webhook_post(&fixture->rig, "s2", "a", ESE_APPEND_STORED);
    assert_int_equal(gauge(fixture, "ese_store_max_bytes"), fixture->rig.options.max_bytes);
    assert_int_equal(gauge(fixture, "ese_store_used_bytes"), used);
    assert_int_equal(gauge(fixture, "ese_store_queue_events"), 0);
    assert_int_equal(gauge(fixture, "ese_store_queue_bytes"), 0);
}

/* Its rows are of long ago, and nobody posts to it. */
static bool has_one_left(void *context)
{
    struct fixture *fixture = context;
    int64_t oldest, newest;

    return ese_webhook_streams_ends(fixture->rig.streams, "s", &oldest, &newest, NULL) == 0 && oldest == newest;
}

/* ---- while a writer is closed ----------------------------------------------------------------- */

static struct {
    _Atomic(struct fixture *) fixture; /* NULL: nothing is posted */
    struct webhook_posts posts;
    struct webhook_post post;
} at_closing = {.posts = WEBHOOK_POSTS_INIT};

void __real_ese_group_writer_close(struct ese_group_writer **writer); /* NOLINT: ld's name */
void __wrap_ese_group_writer_close(struct ese_group_writer **writer); /* NOLINT: ld's name */

void __wrap_ese_group_writer_close(struct ese_group_writer **writer) /* NOLINT: ld's name */
{
    struct fixture *fixture = atomic_exchange(&at_closing.fixture, NULL);
    if (fixture != NULL)
        webhook_post_begin(&fixture->rig, &at_closing.posts, &at_closing.post, "s0", "while it is closed");
    __real_ese_group_writer_close(writer);
}

static bool is_answered(void *context)
{
    (void)context;
    pthread_mutex_lock(&at_closing.posts.mutex);
    bool answered = at_closing.posts.under_way == 0;
    pthread_mutex_unlock(&at_closing.posts.mutex);
    return answered;
}

static void who_posts_while_its_writer_is_closed_is_not_forgotten(void **state)
{
    static const char *const names[] = {"s0", "s1", "s2", "s3"};
    struct fixture *fixture = *state;

    webhook_rig_open(&fixture->rig);
    for (size_t i = 0; i < ESE_COUNT_OF(names); i++)
        webhook_post(&fixture->rig, names[i], "body", ESE_APPEND_STORED);
    atomic_store(&at_closing.fixture, fixture);
    webhook_post(&fixture->rig, "s4", "for which there is no room but s0's", ESE_APPEND_STORED);
    assert_null(atomic_load(&at_closing.fixture));
    ese_webhook_streams_complete(fixture->rig.streams);
    assert_true(ese_test_wait_until(is_answered, NULL, 10000));
    assert_int_equal(at_closing.post.result, ESE_APPEND_STORED);
    assert_int_equal(at_closing.post.row.position, 2);
}

/* Two events of long ago. */
static void make_old_stream(struct fixture *fixture, const char *name)
{
    char file[32];
    snprintf(file, sizeof(file), "%s.db", name);
    char *path = ese_test_path(fixture->rig.directory, file);
    const struct ese_sqlite_options options = {.path = path, .durability = ESE_DURABILITY_OS};
    struct ese_sqlite *sqlite;

    assert_int_equal(ese_sqlite_open(&options, &sqlite, NULL), 0);
    assert_int_equal(ese_sqlite_run(sqlite, "CREATE TABLE events (uuid, body text, type text, created);"
                                            "INSERT INTO events VALUES ('', '', '', '2020-01-01 10:00:00 +0000 UTC');"
                                            "INSERT INTO events VALUES ('', '', '', '2020-01-01 10:00:00 +0000 UTC')",
                                    NULL), 0);
    ese_sqlite_close(&sqlite);
    free(path);
}

static void what_rests_loses_its_old_rows_too(void **state)
{
    struct fixture *fixture = *state;

    make_old_stream(fixture, "s");
    webhook_rig_open(&fixture->rig);
    assert_true(ese_test_wait_until(has_one_left, fixture, 20000));
    assert_ends(fixture, "s", 2, 2);
    assert_int_equal(webhook_post(&fixture->rig, "s", "new", ESE_APPEND_STORED), 3);
}

#define OLD 60 /* that they leave one a second would be too slow to be waited for */

static bool have_one_left_each(void *context)
{
    return counter(context, "ese_store_expired_events_total") == OLD;
}

/* The only place is another's, and stays so. */
static void what_rests_needs_no_place_for_its_old_rows(void **state)
{
    struct fixture *fixture = *state;
    char name[16];

    for (int i = 0; i < OLD; i++) {
        snprintf(name, sizeof(name), "s%d", i);
        make_old_stream(fixture, name);
    }
    fixture->rig.options.most_open = 1;
    webhook_rig_open(&fixture->rig);
    webhook_post(&fixture->rig, "s-busy", "a", ESE_APPEND_STORED);
    assert_true(ese_test_wait_until(have_one_left_each, fixture, 20000));
    assert_int_equal(counter(fixture, "ese_webhook_stream_openings_total"), 1);
    for (int i = 0; i < OLD; i++) {
        snprintf(name, sizeof(name), "s%d", i);
        assert_ends(fixture, name, 2, 2);
    }
}

/* ---- what there was before ------------------------------------------------------------------- */

static atomic_bool is_held; /* nobody opens a stream to write */

int __real_ese_webhook_table_open(const struct ese_webhook_table_options *options, struct ese_webhook_table **table,
                                  struct ese_error *error);
int __wrap_ese_webhook_table_open(const struct ese_webhook_table_options *options, struct ese_webhook_table **table,
                                  struct ese_error *error);

int __wrap_ese_webhook_table_open(const struct ese_webhook_table_options *options, struct ese_webhook_table **table,
                                  struct ese_error *error)
{
    while (atomic_load(&is_held))
        usleep(1000);
    return __real_ese_webhook_table_open(options, table, error);
}

static void assert_found(struct fixture *fixture, const char *stream, int64_t position)
{
    assert_int_equal(ese_webhook_streams_found(fixture->rig.streams, stream), position);
}

/* Whether somebody asks before a writer has opened it, while one does, or behind. */
static void what_is_found_is_what_was_there_before(void **state)
{
    struct fixture *fixture = *state;
    struct webhook_posts posts = WEBHOOK_POSTS_INIT;
    struct webhook_post post;

    for (int life = 0; life < 3; life++) {
        atomic_store(&is_held, true);
        webhook_rig_open(&fixture->rig);
        assert_found(fixture, "s0", -1);
        if (life == 1)
            assert_found(fixture, "s", 1);
        webhook_post_begin(&fixture->rig, &posts, &post, "s", "a");
        if (life > 0)
            assert_found(fixture, "s", life);
        atomic_store(&is_held, false);
        webhook_posts_wait(&fixture->rig, &posts);
        assert_int_equal(post.result, ESE_APPEND_STORED);
        assert_found(fixture, "s", life);
        assert_ends(fixture, "s", 1, life + 1);
        webhook_rig_close(&fixture->rig);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(many_streams_are_written_with_few_open, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_posts_while_its_writer_is_closed_is_not_forgotten, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stream_is_known_from_its_first_event_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(all_files_that_are_streams_are_listed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_directory_is_one_processes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_hostile_name_makes_no_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_is_no_stream_is_told_to_who_posts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_could_not_be_opened_is_tried_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(in_memory_all_stay_open_and_no_more_are_taken, set_up, tear_down),
        cmocka_unit_test_setup_teardown(so_many_wait_and_no_more, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_waits_at_the_end_is_stored_or_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(figures_are_of_what_is_open, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_rests_loses_its_old_rows_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_rests_needs_no_place_for_its_old_rows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_found_is_what_was_there_before, set_up, tear_down),
    };
    ese_test_directories_in_memory();
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
