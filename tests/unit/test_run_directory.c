#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ese-core/memory.h"
#include "orchestration/lab/run_directory.h"
#include "tests/support/directory.h"

#define LATER_RUNS 12

static int set_up(void **state)
{
    char *home = ese_test_directory_make();
    setenv("ESE_LAB_HOME", home, 1);
    *state = home;
    return 0;
}

static int tear_down(void **state)
{
    unsetenv("ESE_LAB_HOME");
    ese_test_directory_remove((char **)state);
    return 0;
}

/* A run of somebody who is gone. */
static void make_in_a_child(char path[ESE_ARTIFACT_PATH_SIZE])
{
    int ends[2], status = -1;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        bool made = ese_run_directory_make(NULL, path, NULL) == 0;
        _exit(made && write(ends[1], path, ESE_ARTIFACT_PATH_SIZE) > 0 ? 0 : 1);
    }
    close(ends[1]); /* so that a child that has failed is the end of it */
    assert_int_equal(read(ends[0], path, ESE_ARTIFACT_PATH_SIZE), ESE_ARTIFACT_PATH_SIZE);
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* Runs of the year 2099, so that those of now are older. */
static void make_later_runs(const char *home)
{
    char path[ESE_ARTIFACT_PATH_SIZE];
    for (int i = 0; i < LATER_RUNS; i++) {
        snprintf(path, sizeof path, "%s/runs/20991231-1200%02d", home, i);
        assert_int_equal(mkdir(path, 0755), 0);
    }
}

static void runs_of_one_second_share_nothing(void **state)
{
    (void)state;
    char first[ESE_ARTIFACT_PATH_SIZE], second[ESE_ARTIFACT_PATH_SIZE];
    assert_int_equal(ese_run_directory_make(NULL, first, NULL), 0);
    assert_int_equal(ese_run_directory_make(NULL, second, NULL), 0);
    assert_string_not_equal(first, second);
    assert_int_equal(access(first, F_OK), 0);
    assert_int_equal(access(second, F_OK), 0);
}

static void the_oldest_leaves_but_not_from_under_its_maker(void **state)
{
    char held[ESE_ARTIFACT_PATH_SIZE], left[ESE_ARTIFACT_PATH_SIZE], oldest[ESE_ARTIFACT_PATH_SIZE];
    assert_int_equal(ese_run_directory_make(NULL, held, NULL), 0);
    make_in_a_child(left);
    make_later_runs(*state);
    make_in_a_child(oldest);
    assert_int_equal(access(held, F_OK), 0);
    assert_int_equal(access(left, F_OK), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(runs_of_one_second_share_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_oldest_leaves_but_not_from_under_its_maker, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
