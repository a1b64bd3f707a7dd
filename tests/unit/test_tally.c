/* What is counted is there after kill -9, and in the next life. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ese-core/memory.h"
#include "ese-core/tally.h"
#include "tests/support/directory.h"

/* One life: counts, and is killed. */
static void live(const char *path, int64_t syncs, int64_t answered)
{
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        ese_tally_count(ESE_TALLY_SYNCS, 1000); /* of a time when nobody had asked */
        if (ese_tally_open(path, NULL) == -1)
            _exit(1);
        ese_tally_count(ESE_TALLY_SYNCS, syncs);
        for (int64_t i = 0; i < answered; i++)
            ese_tally_count(ESE_TALLY_ANSWERED, 1);
        int fd = open(path, O_RDONLY);
        ese_tally_count(ESE_TALLY_SYNCS, -1);
        if (ese_tally_sync(fd) != 0 || ese_tally_sync(-1) == 0)
            _exit(1);
        kill(getpid(), SIGKILL);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
}

static void what_was_counted_survives(void **state)
{
    (void)state;
    char *directory = ese_test_directory_make(), *path = ese_test_path(directory, "server.tally");
    int64_t counts[ESE_TALLIES];
    struct ese_error error;
    assert_int_equal(ese_tally_read(path, counts, &error), -1);
    assert_int_equal(error.code, ESE_E_MISSING);
    live(path, 3, 7);
    assert_int_equal(ese_tally_read(path, counts, NULL), 0);
    assert_int_equal(counts[ESE_TALLY_SYNCS], 3);
    assert_int_equal(counts[ESE_TALLY_ANSWERED], 7);
    assert_int_equal(counts[ESE_TALLY_ASKED], 0);
    live(path, 2, 0);
    assert_int_equal(ese_tally_read(path, counts, NULL), 0);
    assert_int_equal(counts[ESE_TALLY_SYNCS], 5);
    free(path);
    ese_test_directory_remove(&directory);
}

static void another_file_is_none(void **state)
{
    (void)state;
    char *directory = ese_test_directory_make(), *path = ese_test_path(directory, "another");
    int64_t counts[ESE_TALLIES];
    FILE *file = fopen(path, "w");
    fprintf(file, "%0200d", 0);
    fclose(file);
    assert_int_equal(ese_tally_read(path, counts, NULL), -1);
    free(path);
    ese_test_directory_remove(&directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_counted_survives),
        cmocka_unit_test(another_file_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
