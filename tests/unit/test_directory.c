/* The directory of a file that is to be made: made once, its name synced by who made it. */
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

#include "ese-core/directory.h"
#include "ese-core/memory.h"
#include "tests/support/directory.h"

/* ---- what the system does ---------------------------------------------------------------------- */

static int syncs;
static ino_t synced; /* the last one */
static int refusal;  /* 0: none */

/* These two take the place of the library's. */
int fsync(int fd)
{
    struct stat status;

    assert_int_equal(fstat(fd, &status), 0);
    synced = status.st_ino;
    syncs++;
    errno = refusal;
    return refusal == 0 ? 0 : -1;
}

static bool others_come_first;

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
    return ese_directory_make_for(path, "--state", &fixture->error);
}

/* ---- what it does --------------------------------------------------------------------------- */

static void what_is_not_there_is_made_and_its_name_synced(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(make_for(fixture, fixture->file), 0);
    assert_true(is_directory(fixture->directory));
    assert_int_not_equal(access(fixture->file, F_OK), 0); /* only the directory */
    assert_int_equal(syncs, 1);
    assert_int_equal(synced, inode_of(fixture->top));
}

static void what_is_there_stays_and_is_not_synced(void **state)
{
    struct fixture *fixture = *state;
    char *inside = ese_test_path(fixture->top, "file");

    assert_int_equal(make_for(fixture, fixture->file), 0);
    ino_t inode = inode_of(fixture->directory);
    syncs = 0;
    assert_int_equal(make_for(fixture, fixture->file), 0);
    assert_int_equal(inode_of(fixture->directory), inode);
    assert_int_equal(make_for(fixture, inside), 0);
    assert_int_equal(make_for(fixture, "file"), 0); /* of where we are */
    assert_int_equal(make_for(fixture, "/file"), 0);
    assert_int_equal(syncs, 0);
    free(inside);
}

static void beside_where_we_are_too(void **state)
{
    struct fixture *fixture = *state;
    char before[4096];

    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(fixture->top), 0);
    assert_int_equal(make_for(fixture, "new/file"), 0);
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
    assert_false(is_directory(fixture->directory));
    free(deep);
}

static void whose_name_cannot_be_synced_does_not_stay(void **state)
{
    struct fixture *fixture = *state;

    refusal = EIO;
    assert_int_equal(make_for(fixture, fixture->file), -1);
    assert_int_equal(fixture->error.code, ESE_E_IO);
    assert_non_null(strstr(fixture->error.text, strerror(EIO)));
    assert_false(is_directory(fixture->directory));
}

static void somebody_else_may_have_made_it_meanwhile(void **state)
{
    struct fixture *fixture = *state;

    others_come_first = true;
    assert_int_equal(make_for(fixture, fixture->file), 0);
    assert_true(is_directory(fixture->directory));
    assert_int_equal(syncs, 0); /* which is theirs to do */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int count, char **words)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_not_there_is_made_and_its_name_synced),
        TEST(what_is_there_stays_and_is_not_synced),
        TEST(beside_where_we_are_too),
        TEST(those_above_it_must_be),
        TEST(whose_name_cannot_be_synced_does_not_stay),
        TEST(somebody_else_may_have_made_it_meanwhile),
    };

    if (count > 1)
        cmocka_set_test_filter(words[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
