#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ese-core/log_file.h"
#include "ese-core/memory.h"
#include "tests/support/directory.h"

struct fixture {
    char *directory;
    char *path;
    char *older; /* FILE.1 */
    int writer;  /* appends, as a child does all its life */
};

static int set_up(void **state)
{
    struct fixture *fixture = ese_alloc(sizeof *fixture);
    fixture->directory = ese_test_directory_make();
    fixture->path = ese_test_path(fixture->directory, "log");
    fixture->older = ese_test_path(fixture->directory, "log.1");
    fixture->writer = open(fixture->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    assert_true(fixture->writer >= 0);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    close(fixture->writer);
    free(fixture->path);
    free(fixture->older);
    ese_test_directory_remove(&fixture->directory);
    free(fixture);
    return 0;
}

static void write_line(struct fixture *fixture, int number)
{
    char line[32];
    int length = snprintf(line, sizeof line, "line %05d of this log\n", number);
    assert_int_equal(write(fixture->writer, line, (size_t)length), length);
}

static int64_t size_of(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 ? status.st_size : -1;
}

/* The numbers of the first and the last line; -1: none. Every line must be whole. */
static void read_lines(const char *path, int *first, int *last)
{
    char line[64];
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    *first = *last = -1;
    while (fgets(line, sizeof line, file) != NULL) {
        int number;
        assert_int_equal(sscanf(line, "line %d of this log\n", &number), 1);
        assert_true(*last < 0 || number == *last + 1);
        *last = number;
        if (*first < 0)
            *first = number;
    }
    fclose(file);
}

static void a_log_and_its_older_lines_stay_within_the_bound(void **state)
{
    struct fixture *fixture = *state;
    int first, last, older_first, older_last;
    for (int i = 0; i < 1000; i++) {
        write_line(fixture, i);
        ese_log_file_bound(fixture->path, 2000);
        assert_true(size_of(fixture->path) <= 2000);
        assert_true(size_of(fixture->older) <= 2000 + 32);
    }
    write_line(fixture, 1000);
    read_lines(fixture->path, &first, &last);
    read_lines(fixture->older, &older_first, &older_last);
    assert_int_equal(last, 1000);
    assert_int_equal(older_last + 1, first); /* nothing is missing between them */
    assert_true(older_last - older_first > 80);
}

static void a_small_log_is_left_alone(void **state)
{
    struct fixture *fixture = *state;
    write_line(fixture, 0);
    ese_log_file_bound(fixture->path, size_of(fixture->path));
    assert_true(size_of(fixture->path) > 0);
    assert_int_equal(size_of(fixture->older), -1);
    ese_log_file_bound("/nowhere/log", 0); /* which is not there */
}

static void older_lines_that_cannot_be_kept_are_given_up(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(mkdir(fixture->older, 0755), 0); /* in the way */
    write_line(fixture, 0);
    ese_log_file_bound(fixture->path, 10);
    assert_int_equal(size_of(fixture->path), 0);
    write_line(fixture, 1);
    int first, last;
    read_lines(fixture->path, &first, &last);
    assert_int_equal(first, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_log_and_its_older_lines_stay_within_the_bound, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_small_log_is_left_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(older_lines_that_cannot_be_kept_are_given_up, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
