#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <sqlite3.h>

#include "ese-core/memory.h"
#include "ese-core/sqlite.h"
#include "ese-core/sqlite_checkpointer.h"
#include "ese-core/sqlite_syncs.h"
#include "tests/support/directory.h"

#define MAX_BYTES (INT64_C(1) << 30)
#define LOG_MOST (MAX_BYTES / 16)
#define ROWS_MOST 20000 /* a frame each, at least */

struct fixture {
    char *directory;
    char *path;
    struct ese_sqlite *sqlite;
};

/* ---- who takes the log in --------------------------------------------------------------------- */

static pthread_t writer;
static atomic_int beside, by_the_writer; /* checkpoints */

/* Where it is gated, the other thread works only while the writer has something to commit, so that the log does not
 * begin anew by itself: whatever is taken in, that is to come. */
static atomic_bool is_gated, is_at_gate, is_asked;
static sem_t gate, passed;

static void work_beside(void)
{
    atomic_store(&is_at_gate, true);
    while (atomic_load(&is_gated) && sem_wait(&gate) != 0)
        continue;
    atomic_store(&is_at_gate, false);
}

/* Who was asked comes, however late he wakes. */
static void let_others_work(void)
{
    if (!atomic_load(&is_gated) || !atomic_exchange(&is_asked, false))
        return;
    while (!atomic_load(&is_at_gate))
        sched_yield();
    sem_post(&gate);
    while (sem_wait(&passed) != 0)
        continue;
}

static void open_gate(void)
{
    atomic_store(&is_gated, false);
    sem_post(&gate);
}

int __real_sqlite3_wal_checkpoint_v2(sqlite3 *handle, const char *name, int mode, int *logged, int *taken_in);
int __wrap_sqlite3_wal_checkpoint_v2(sqlite3 *handle, const char *name, int mode, int *logged, int *taken_in);

int __wrap_sqlite3_wal_checkpoint_v2(sqlite3 *handle, const char *name, int mode, int *logged, int *taken_in)
{
    bool is_beside = !pthread_equal(pthread_self(), writer);
    if (is_beside)
        work_beside();
    int result = __real_sqlite3_wal_checkpoint_v2(handle, name, mode, logged, taken_in);
    atomic_fetch_add(is_beside ? &beside : &by_the_writer, 1);
    if (is_beside)
        sem_post(&passed);
    return result;
}

void __real_ese_sqlite_checkpointer_ask(struct ese_sqlite_checkpointer *checkpointer);
void __wrap_ese_sqlite_checkpointer_ask(struct ese_sqlite_checkpointer *checkpointer);

void __wrap_ese_sqlite_checkpointer_ask(struct ese_sqlite_checkpointer *checkpointer)
{
    atomic_store(&is_asked, true);
    __real_ese_sqlite_checkpointer_ask(checkpointer);
}

/* What SQLite calls. Where it is stuck, the other thread's come to no end. */
static atomic_bool is_stuck;

int fdatasync(int fd)
{
    while (atomic_load(&is_stuck) && !pthread_equal(pthread_self(), writer))
        usleep(1000);
    return (int)syscall(SYS_fdatasync, fd);
}

/* ---- a database ------------------------------------------------------------------------------- */

static void open_things(struct fixture *fixture, enum ese_durability durability, int64_t max_bytes)
{
    static const char schema[] = "CREATE TABLE IF NOT EXISTS thing (number INTEGER, bytes BLOB)";
    const struct ese_sqlite_options options = {.path = fixture->path,
                                               .durability = durability,
                                               .schema = schema,
                                               .own_table = "thing",
                                               .max_bytes = max_bytes};
    struct ese_error error = {0};
    if (ese_sqlite_open(&options, &fixture->sqlite, &error) != 0)
        fail_msg("%s", error.text);
}

static void add_row(struct fixture *fixture)
{
    struct ese_error error = {0};
    if (ese_sqlite_begin(fixture->sqlite, &error) != 0 ||
        ese_sqlite_run(fixture->sqlite, "INSERT INTO thing VALUES (1, zeroblob(3000))", &error) != 0)
        fail_msg("%s", error.text);
    let_others_work();
    if (ese_sqlite_commit(fixture->sqlite, &error) != 0)
        fail_msg("%s", error.text);
}

static int64_t count_rows(struct fixture *fixture)
{
    struct ese_statement *count = ese_statement_new(fixture->sqlite, "SELECT sum(number) FROM thing");
    assert_int_equal(ese_statement_step(count, NULL), 1);
    int64_t rows = ese_statement_column_number(count, 0);
    ese_statement_reset(count);
    return rows;
}

static int64_t log_bytes(const struct fixture *fixture)
{
    char path[4200];
    struct stat about;
    snprintf(path, sizeof path, "%s-wal", fixture->path);
    return stat(path, &about) == 0 ? about.st_size : 0;
}

static int set_up(void **state)
{
    struct fixture *fixture = *state = ese_alloc(sizeof *fixture);
    fixture->directory = ese_test_directory_make();
    fixture->path = ese_test_path(fixture->directory, "things.db");
    writer = pthread_self();
    atomic_store(&beside, 0);
    atomic_store(&by_the_writer, 0);
    atomic_store(&is_gated, true);
    atomic_store(&is_at_gate, false);
    atomic_store(&is_asked, false);
    sem_init(&gate, 0, 0);
    sem_init(&passed, 0, 0);
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    open_gate();
    ese_sqlite_close(&fixture->sqlite);
    sem_destroy(&gate);
    sem_destroy(&passed);
    ese_test_directory_remove(&fixture->directory);
    free(fixture->path);
    free(fixture);
    return 0;
}

/* ---- tests ------------------------------------------------------------------------------------ */

static void at_os_the_log_is_taken_in_by_somebody_else(void **state)
{
    struct fixture *fixture = *state;
    int rows = 0;
    open_things(fixture, ESE_DURABILITY_OS, MAX_BYTES);
    int64_t syncs = ese_sqlite_syncs();
    while (log_bytes(fixture) < 1100 * 4120) {
        add_row(fixture);
        assert_true(++rows < ROWS_MOST);
    }
    while (atomic_load(&beside) == 0) {
        add_row(fixture);
        assert_true(++rows < ROWS_MOST);
    }
    assert_int_equal(atomic_load(&by_the_writer), 0);
    assert_true(ese_sqlite_syncs() > syncs);
    assert_int_equal(count_rows(fixture), rows);
}

static void the_log_begins_anew_now_and_then(void **state)
{
    struct fixture *fixture = *state;
    int rows = 0;
    open_things(fixture, ESE_DURABILITY_OS, MAX_BYTES);
    while (atomic_load(&by_the_writer) < 2) {
        add_row(fixture);
        assert_true(++rows < ROWS_MOST);
    }
    int64_t longest = log_bytes(fixture);
    assert_true(longest < LOG_MOST / 3); /* before it would have to, at a half */
    for (int i = 0; i < 500; i++)
        add_row(fixture);
    assert_int_equal(log_bytes(fixture), longest); /* written from its beginning on */
    open_gate();
    ese_sqlite_close(&fixture->sqlite);
    open_things(fixture, ESE_DURABILITY_OS, MAX_BYTES);
    assert_int_equal(count_rows(fixture), rows + 500);
}

/* Its commits wait for the disk anyway. */
static void at_disk_it_is_whoever_commits(void **state)
{
    struct fixture *fixture = *state;
    open_things(fixture, ESE_DURABILITY_DISK, MAX_BYTES);
    for (int i = 0; i < 1100; i++)
        add_row(fixture);
    assert_true(atomic_load(&by_the_writer) > 0);
    assert_int_equal(atomic_load(&beside), 0);
}

/* There is no room to wait until somebody else has come to an end. */
static void where_little_log_may_be_it_is_whoever_commits(void **state)
{
    struct fixture *fixture = *state;
    open_things(fixture, ESE_DURABILITY_OS, MAX_BYTES / 64);
    for (int i = 0; i < 1100; i++)
        add_row(fixture);
    assert_true(atomic_load(&by_the_writer) > 0);
    assert_int_equal(atomic_load(&beside), 0);
    assert_true(log_bytes(fixture) <= 6 << 20);
}

static void who_closes_waits_for_it(void **state)
{
    struct fixture *fixture = *state;
    int rows = 0;
    open_gate();
    for (int life = 0; life < 5; life++) {
        open_things(fixture, ESE_DURABILITY_OS, MAX_BYTES);
        for (int64_t log = 0; log < 1000 * 4120; log = log_bytes(fixture), rows++)
            add_row(fixture);
        ese_sqlite_close(&fixture->sqlite);
        assert_int_equal(log_bytes(fixture), 0);
    }
    open_things(fixture, ESE_DURABILITY_OS, MAX_BYTES);
    assert_int_equal(count_rows(fixture), rows);
}

#define LITTLE_MOST (INT64_C(16) << 20) /* of a log, where a database may have sixteen times as much */
#define LITTLE_MORE (1 << 20)

struct release {
    struct fixture *fixture;
    atomic_int rows;
};

/* Lets it go on once the writer waits for it, or has gone too far. */
static void *release_when_waited_for(void *context)
{
    struct release *release = context;
    int rows = 0, still = 0;
    while (still < 100 && log_bytes(release->fixture) <= LITTLE_MOST + LITTLE_MORE) {
        int now = atomic_load(&release->rows);
        still = now == rows && log_bytes(release->fixture) >= LITTLE_MOST ? still + 1 : 0;
        rows = now;
        usleep(2000);
    }
    atomic_store(&is_stuck, false);
    return NULL;
}

/* Who waits for it does not write on meanwhile. */
static void a_log_that_is_taken_in_slowly_stays_bounded(void **state)
{
    struct release release = {.fixture = *state};
    pthread_t releasing;
    int64_t longest = 0;
    open_gate();
    atomic_store(&is_stuck, true);
    open_things(release.fixture, ESE_DURABILITY_OS, 16 * LITTLE_MOST);
    assert_int_equal(pthread_create(&releasing, NULL, release_when_waited_for, &release), 0);
    while (atomic_load(&release.rows) < ROWS_MOST) {
        add_row(release.fixture);
        atomic_fetch_add(&release.rows, 1);
        longest = log_bytes(release.fixture) > longest ? log_bytes(release.fixture) : longest;
    }
    pthread_join(releasing, NULL);
    assert_in_range(longest, LITTLE_MOST, LITTLE_MOST + LITTLE_MORE);
    assert_int_equal(count_rows(release.fixture), ROWS_MOST);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(at_os_the_log_is_taken_in_by_somebody_else, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_log_begins_anew_now_and_then, set_up, tear_down),
        cmocka_unit_test_setup_teardown(at_disk_it_is_whoever_commits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(where_little_log_may_be_it_is_whoever_commits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_log_that_is_taken_in_slowly_stays_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_closes_waits_for_it, set_up, tear_down),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests_name("sqlite_checkpointer", tests, NULL, NULL);
}
