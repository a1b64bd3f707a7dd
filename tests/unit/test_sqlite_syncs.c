/* A sync that has failed is the process's last one: each case here is a process of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <string.h>
#include <unistd.h>

#include "ese-core/memory.h"
#include "ese-core/sqlite.h"
#include "ese-core/sqlite_syncs.h"
#include "tests/support/apart.h"
#include "tests/support/directory.h"

static bool fails;
static int calls;

int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);

/* Once it has failed it succeeds, as the kernel's does. */
int __wrap_fdatasync(int fd)
{
    calls++;
    if (!fails)
        return __real_fdatasync(fd);
    fails = false;
    errno = EIO;
    return -1;
}

struct fixture {
    char *directory;
    char *path;
    struct ese_sqlite *sqlite; /* with a transaction that is not committed */
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

static bool begin(struct fixture *fixture)
{
    const struct ese_sqlite_options options = {.path = fixture->path,
                                               .durability = ESE_DURABILITY_DISK,
                                               .schema = "CREATE TABLE IF NOT EXISTS thing (number)"};
    return ese_sqlite_open(&options, &fixture->sqlite, NULL) == 0 && ese_sqlite_begin(fixture->sqlite, NULL) == 0 &&
           ese_sqlite_run(fixture->sqlite, "INSERT INTO thing VALUES (1)", NULL) == 0;
}

static int sync_file(struct fixture *fixture, struct ese_error *error)
{
    FILE *file = fopen(fixture->path, "r");
    int result = file == NULL ? -1 : ese_sqlite_sync_open(fileno(file), error);
    if (file != NULL)
        fclose(file);
    return result;
}

static int sync_directory(struct fixture *fixture, struct ese_error *error)
{
    return ese_sqlite_sync_directory(fixture->path, error);
}

static int commit(struct fixture *fixture, struct ese_error *error)
{
    return ese_sqlite_commit(fixture->sqlite, error);
}

struct order {
    struct fixture *fixture;
    int (*first)(struct fixture *, struct ese_error *), (*second)(struct fixture *, struct ese_error *);
};

/* Where the first of them fails and then the other is wanted. */
static const char *find_problem(void *context)
{
    const struct order *order = context;
    struct ese_error error = {0};
    if (!begin(order->fixture))
        return "no transaction begins";
    fails = true;
    if (order->first(order->fixture, &error) != -1 || fails || error.code != ESE_E_IO)
        return "a failed sync is passed over";
    if (!ese_sqlite_syncs_failed() || strstr(error.text, "start this program again") == NULL)
        return "a failed sync is not remembered";
    int calls_before = calls;
    int64_t syncs_before = ese_sqlite_syncs();
    if (order->second(order->fixture, &error) != -1)
        return "the second one is taken for good";
    return calls != calls_before || ese_sqlite_syncs() != syncs_before ? "something was synced" : NULL;
}

static void assert_last(struct fixture *fixture, int (*first)(struct fixture *, struct ese_error *),
                        int (*second)(struct fixture *, struct ese_error *))
{
    ese_test_apart(find_problem, &(struct order){fixture, first, second});
}

static void no_file_is_synced_after_it(void **state)
{
    assert_last(*state, sync_file, sync_file);
    assert_last(*state, sync_directory, sync_file);
}

static void no_directory_is_synced_after_it(void **state)
{
    assert_last(*state, sync_file, sync_directory);
    assert_last(*state, sync_directory, sync_directory);
}

static void nothing_is_committed_after_it(void **state)
{
    assert_last(*state, sync_file, commit);
    assert_last(*state, sync_directory, commit);
}

static void without_one_they_are_counted(void **state)
{
    struct fixture *fixture = *state;
    assert_true(begin(fixture));
    int64_t before = ese_sqlite_syncs();
    assert_int_equal(sync_file(fixture, NULL), 0);
    assert_int_equal(sync_directory(fixture, NULL), 0);
    assert_int_equal(ese_sqlite_syncs(), before + 2);
    assert_int_equal(commit(fixture, NULL), 0);
    assert_true(ese_sqlite_syncs() > before + 2);
    assert_false(ese_sqlite_syncs_failed());
}

/* ---- no descriptor left ---------------------------------------------------------------------- */

static struct rlimit usual;

/* So many more may be opened: those that are open have the lowest numbers. */
static void leave(rlim_t descriptors)
{
    int next = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_true(next >= 0);
    close(next);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &usual), 0);
    const struct rlimit tight = {.rlim_cur = (rlim_t)next + descriptors, .rlim_max = usual.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
}

static void leave_as_usual(void)
{
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &usual), 0);
}

static void without_a_descriptor_no_sync_has_failed(void **state)
{
    struct ese_error error = {0};
    leave(0);
    int result = sync_directory(*state, &error);
    leave_as_usual();
    assert_int_equal(result, -1);
    assert_int_equal(error.code, ESE_E_IO);
    assert_non_null(strstr(error.text, strerror(EMFILE)));
    assert_false(ese_sqlite_syncs_failed());
    assert_int_equal(sync_directory(*state, &error), 0);
}

/* With one descriptor more each time; what is there has its name on the disk. */
static void what_is_opened_without_descriptors_is_opened_later(void **state)
{
    struct fixture *fixture = *state;
    int tries = 0;
    bool is_open = false;
    while (!is_open) {
        int calls_before = calls;
        struct ese_error error = {0};
        bool was_there = access(fixture->path, F_OK) == 0;
        leave((rlim_t)tries++);
        is_open = ese_sqlite_open(&(struct ese_sqlite_options){.path = fixture->path, .durability = ESE_DURABILITY_DISK,
                                                               .schema = "CREATE TABLE IF NOT EXISTS thing (number)"},
                                  &fixture->sqlite, &error) == 0;
        leave_as_usual();
        assert_false(ese_sqlite_syncs_failed());
        assert_true(is_open || error.code == ESE_E_IO);
        assert_true(was_there || access(fixture->path, F_OK) != 0 || calls > calls_before);
        assert_true(tries < 20);
    }
    assert_true(tries > 3); /* there was something in the way */
    ese_sqlite_close(&fixture->sqlite);
    assert_true(begin(fixture));
    assert_int_equal(commit(fixture, NULL), 0);
}

/* A failure stays one, whatever else is missing. */
static const char *find_failure_forgotten(void *context)
{
    struct ese_error error = {0};
    fails = true;
    if (sync_directory(context, NULL) != -1)
        return "a failed sync is passed over";
    leave(0);
    int result = sync_directory(context, &error);
    leave_as_usual();
    bool is_told = ese_sqlite_syncs_failed() && strstr(error.text, "start this program again") != NULL;
    return result == -1 && is_told ? NULL : "it is told as something else";
}

static void without_a_descriptor_a_failed_sync_stays_failed(void **state)
{
    ese_test_apart(find_failure_forgotten, *state);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(no_file_is_synced_after_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_directory_is_synced_after_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_committed_after_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_one_they_are_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_a_descriptor_no_sync_has_failed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_opened_without_descriptors_is_opened_later, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_a_descriptor_a_failed_sync_stays_failed, set_up, tear_down),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
