#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "orchestration/lab/process.h"
#include "orchestration/lab/run_directory.h"
#include "tests/support/wait.h"

static char directory[] = "/tmp/ese-process-XXXXXX";
static char log_path[64];

static int make_directory(void **state)
{
    (void)state;
    if (mkdtemp(directory) == NULL)
        return -1;
    snprintf(log_path, sizeof log_path, "%s/log", directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    ese_directory_remove(directory);
    return 0;
}

static struct ese_process *shell(const char *script)
{
    struct ese_process *process = ese_process_new("shell", log_path);
    ese_process_argument(process, "/bin/sh");
    ese_process_option(process, "-c", script);
    return process;
}

static void tells_how_it_ended(void **state)
{
    (void)state;
    struct ese_error error;
    struct ese_process *process = shell("echo last words; exit 3");
    assert_int_equal(ese_process_start(process, &error), 0);
    assert_true(ese_process_wait(process, 10000));
    assert_int_equal(ese_process_status(process), 3);
    char words[64];
    ese_process_last_words(process, words, sizeof words);
    assert_string_equal(words, "last words");
    ese_process_free(&process);
    assert_null(process);
}

static void asks_before_it_kills(void **state)
{
    (void)state;
    struct ese_error error;
    struct ese_process *polite = shell("exec sleep 60");
    struct ese_process *deaf = shell("trap '' TERM; echo deaf; while :; do sleep 1; done");
    char words[64] = "";
    assert_int_equal(ese_process_start(polite, &error), 0);
    assert_int_equal(ese_process_stop(polite, 5000), 128 + SIGTERM);
    assert_int_equal(ese_process_start(deaf, &error), 0);
    while (strcmp(words, "deaf") != 0)
        ese_process_last_words(deaf, words, sizeof words);
    assert_int_equal(ese_process_stop(deaf, 300), 128 + SIGKILL);
    ese_process_free(&polite);
    ese_process_free(&deaf);
}

/* Its state as the kernel tells it: 'T' is stopped. */
static char state_of(const struct ese_process *process)
{
    char path[64], letter = '?';
    snprintf(path, sizeof path, "/proc/%d/stat", (int)ese_process_pid(process));
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%*d (%*[^)]) %c", &letter), 1);
    fclose(file);
    return letter;
}

static bool stands_still(void *context)
{
    return state_of(context) == 'T';
}

static bool goes_on(void *context)
{
    return state_of(context) != 'T';
}

static void freezes_and_thaws(void **state)
{
    (void)state;
    struct ese_error error;
    struct ese_process *process = shell("exec sleep 60");
    ese_process_freeze(process); /* nobody is there: no-ops */
    ese_process_thaw(process);
    assert_int_equal(ese_process_start(process, &error), 0);
    ese_process_freeze(process);
    assert_true(ese_test_wait_until(stands_still, process, 10000));
    assert_true(ese_process_running(process));
    ese_process_thaw(process);
    assert_true(ese_test_wait_until(goes_on, process, 10000));
    ese_process_freeze(process);
    assert_int_equal(ese_process_stop(process, 60000), 128 + SIGTERM); /* it hears of it nevertheless */
    ese_process_free(&process);
}

static void counts_what_a_killed_life_has_cost(void **state)
{
    (void)state;
    struct ese_error error;
    struct ese_process *process = shell("i=0; while :; do i=$((i+1)); done");
    int64_t before = 0;
    for (int life = 1; life <= 2; life++) {
        assert_int_equal(ese_process_start(process, &error), 0);
        while (ese_process_usage(process).cpu_ns < before + 50 * ESE_NS_PER_MS)
            ese_process_sample(process);
        ese_process_shoot(process);
        assert_true(ese_process_wait(process, 10000));
        assert_int_equal(ese_process_status(process), 128 + SIGKILL);
        assert_true(ese_process_usage(process).cpu_ns >= before + 50 * ESE_NS_PER_MS);
        before = ese_process_usage(process).cpu_ns;
    }
    assert_int_equal(ese_process_usage(process).resident_bytes, 0);
    ese_process_free(&process);
}

static void counts_what_was_written(void **state)
{
    (void)state;
    struct ese_error error;
    char script[160];
    snprintf(script, sizeof script, "dd if=/dev/zero of=%s/file bs=65536 count=16 conv=fsync 2>/dev/null",
             directory);
    struct ese_process *process = shell("true");
    ese_process_option(process, "-c", script); /* a later one takes the earlier one's place */
    assert_int_equal(ese_process_start(process, &error), 0);
    assert_true(ese_process_wait(process, 10000));
    /* A file system in memory writes nothing to a disk: then there is nothing to count. */
    int64_t written = ese_process_usage(process).written_bytes;
    assert_true(written == 0 || written >= 16 * 65536);
    ese_process_free(&process);
}

static void says_what_cannot_be_run(void **state)
{
    (void)state;
    struct ese_error error;
    struct ese_process *process = ese_process_new("nothing", log_path);
    ese_process_argument(process, "/nonexistent/program");
    assert_int_equal(ese_process_start(process, &error), 0);
    assert_true(ese_process_wait(process, 10000));
    assert_int_equal(ese_process_status(process), 127);
    char words[128];
    ese_process_last_words(process, words, sizeof words);
    assert_non_null(strstr(words, "/nonexistent/program"));
    ese_process_free(&process);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_how_it_ended),
        cmocka_unit_test(asks_before_it_kills),
        cmocka_unit_test(freezes_and_thaws),
        cmocka_unit_test(counts_what_a_killed_life_has_cost),
        cmocka_unit_test(counts_what_was_written),
        cmocka_unit_test(says_what_cannot_be_run),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
