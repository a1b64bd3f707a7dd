/* The directory of a file that is to be made; and its name, where it is to be there after a loss of power. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdbool.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ese-core/file_directory.h"
#include "ese-core/memory.h"
#include "ese-core/sqlite_syncs.h"
#include "tests/support/apart.h"
#include "tests/support/directory.h"

/* ---- what the system does ---------------------------------------------------------------------- */

static int syncs;
static ino_t synced; /* the last one */
static int refusal;  /* 0: none */

/* These three take the place of the library's. */
int fdatasync(int fd)
{
    struct stat status;

    assert_int_equal(fstat(fd, &status), 0);
    synced = status.st_ino;
    syncs++;
    errno = refusal;
    return refusal == 0 ? 0 : -1;
}

static bool others_come_first, may_be_read;

int access(const char *path, int mode)
{
    if (mode == R_OK && !may_be_read) {
        errno = EACCES; /* root would be told otherwise */
        return -1;
    }
    return (int)syscall(SYS_faccessat, AT_FDCWD, path, mode);
}

int mkdir(const char *path, mode_t mode)
{
    if (others_come_first)
        assert_int_equal(syscall(SYS_mkdirat, AT_FDCWD, path, mode), 0);
    return (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}

static ino_t inode_of(const char *path)
{
    struct stat status;

    assert_int_equal(stat(path, &status), 0);
    return status.st_ino;
}

static bool is_directory(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* ---- a directory, and the path of a file in one of it that is not there --------------------- */

struct fixture {
    char *top, *directory, *file;
    struct ese_error error;
};

static int set_up(void **state)
{
    struct fixture *fixture = ese_alloc(sizeof *fixture);

    fixture->top = ese_test_directory_make();
    fixture->directory = ese_test_path(fixture->top, "new");
    fixture->file = ese_test_path(fixture->directory, "file");
    syncs = 0;
    synced = 0;
    refusal = 0;
    others_come_first = false;
    may_be_read = true;
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    ese_test_directory_remove(&fixture->top);
    free(fixture->directory);
    free(fixture->file);
    free(fixture);
    return 0;
}

static int make_for(struct fixture *fixture, const char *path)
{
    return ese_file_directory_make(path, "--state", &fixture->error);
}

static int make_durable_for(struct fixture *fixture, const char *path)
{
    return ese_file_directory_make_durable(path, "--state", &fixture->error);
}

/* ---- what it does --------------------------------------------------------------------------- */

static void what_is_not_there_is_made(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(make_for(fixture, fixture->file), 0);
    assert_true(is_directory(fixture->directory));
    assert_int_not_equal(access(fixture->file, F_OK), 0); /* only the directory */
    assert_int_equal(syncs, 0);
}

static void a_durable_one_has_its_name_synced_whoever_made_it(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(make_durable_for(fixture, fixture->file), 0);
    assert_true(is_directory(fixture->directory));
    assert_int_equal(syncs, 1);
    assert_int_equal(synced, inode_of(fixture->top));
    assert_int_equal(make_durable_for(fixture, fixture->file), 0);
    assert_int_equal(syncs, 2);
    assert_int_equal(synced, inode_of(fixture->top));
}

static void what_is_there_stays(void **state)
{
    struct fixture *fixture = *state;
    char *inside = ese_test_path(fixture->top, "file");

    assert_int_equal(make_for(fixture, fixture->file), 0);
    ino_t inode = inode_of(fixture->directory);
    assert_int_equal(make_for(fixture, fixture->file), 0);
    assert_int_equal(inode_of(fixture->directory), inode);
    assert_int_equal(make_for(fixture, inside), 0);
    assert_int_equal(make_for(fixture, "file"), 0); /* of where we are */
    assert_int_equal(make_for(fixture, "/file"), 0);
    assert_int_equal(make_durable_for(fixture, "file"), 0);
    assert_int_equal(make_durable_for(fixture, "/file"), 0);
    free(inside);
}

static void beside_where_we_are_too(void **state)
{
    struct fixture *fixture = *state;
    char before[4096];

    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(fixture->top), 0);
    assert_int_equal(make_durable_for(fixture, "new/file"), 0);
    assert_int_equal(chdir(before), 0);
    assert_true(is_directory(fixture->directory));
    assert_int_equal(synced, inode_of(fixture->top));
}

static void those_above_it_must_be(void **state)
{
    struct fixture *fixture = *state;
    char *deep = ese_test_path(fixture->file, "below");

    assert_int_equal(make_for(fixture, deep), -1);
    assert_int_equal(fixture->error.code, ESE_E_USAGE);
    assert_non_null(strstr(fixture->error.text, "--state '"));
    assert_non_null(strstr(fixture->error.text, deep));
    assert_non_null(strstr(fixture->error.text, "No such file or directory"));
    assert_int_equal(make_durable_for(fixture, deep), -1);
    assert_false(is_directory(fixture->directory));
    assert_int_equal(syncs, 0);
    free(deep);
}

static void somebody_else_may_have_made_it_meanwhile(void **state)
{
    struct fixture *fixture = *state;

    others_come_first = true;
    assert_int_equal(make_for(fixture, fixture->file), 0);
    assert_true(is_directory(fixture->directory));
}

/* A failed sync is one for the whole process. */
static const char *find_failure_passed_over(void *context)
{
    struct fixture *fixture = context;

    refusal = EIO;
    if (make_durable_for(fixture, fixture->file) != -1)
        return "a sync that failed is passed over";
    return fixture->error.code == ESE_E_IO && ese_sqlite_syncs_failed() ? NULL : "it is told as something else";
}

static void whose_name_cannot_be_synced_is_not_durable(void **state)
{
    ese_test_apart(find_failure_passed_over, *state);
}

static void what_may_not_be_read_above_is_not_synced(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(make_for(fixture, fixture->file), 0);
    may_be_read = false;
    assert_int_equal(make_durable_for(fixture, fixture->file), 0);
    assert_int_equal(syncs, 0);
    assert_false(ese_sqlite_syncs_failed());
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int count, char **words)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_not_there_is_made),
        TEST(a_durable_one_has_its_name_synced_whoever_made_it),
        TEST(what_is_there_stays),
        TEST(beside_where_we_are_too),
        TEST(those_above_it_must_be),
        TEST(somebody_else_may_have_made_it_meanwhile),
        TEST(whose_name_cannot_be_synced_is_not_durable),
        TEST(what_may_not_be_read_above_is_not_synced),
    };

    if (count > 1)
        cmocka_set_test_filter(words[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
