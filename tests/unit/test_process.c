#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
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

static void what_goes_over_several_lines_is_told_by_its_head(void **state)
{
    (void)state;
    static const char *const said[][2] = {
        {"listening\ncannot open it: {\n  \"path\": \"/x\",\n  \"errno\": 2\n}\n", "cannot open it: { \"path\": "
                                                                                   "\"/x\","},
        {"listening\n{\n  \"error\": \"no room\",\n  \"at\": 1\n}\n", "\"error\": \"no room\", \"at\": 1"},
        {"Exception: no port\n\tat One.two\n\tat Three.four\n\n", "Exception: no port at One.two"},
        {"a\nb\n}\n", "b"}, /* near: there is a line of its own */
        {"}\n", "}"},
    };
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        char words[200], command[300];
        struct ese_error error;
        snprintf(command, sizeof command, "cat << 'END'\n%sEND\n", said[i][0]);
        struct ese_process *process = shell(command);
        assert_int_equal(ese_process_start(process, &error), 0);
        assert_true(ese_process_wait(process, 10000));
        ese_process_last_words(process, words, sizeof words);
        assert_string_equal(words, said[i][1]);
        ese_process_free(&process);
        unlink(log_path);
    }
}

/* Nothing of ours that a user has set, but what it is told itself; what is preloaded stands behind what was. */
static void its_environment_is_what_it_is_told(void **state)
{
    (void)state;
    struct ese_error error;
    setenv("ESE_OTHER", "of the user", 1);
    setenv("LD_PRELOAD", "", 1);
    struct ese_process *process = shell("echo $ESE_OTHER,$ESE_OWN,$LD_PRELOAD,$HOME");
    ese_process_environment(process, "ESE_OWN", "one");
    ese_process_environment(process, "ESE_OWN", "two");
    ese_process_environment(process, "HOME", "/elsewhere");
    assert_int_equal(ese_process_start(process, &error), 0);
    assert_true(ese_process_wait(process, 10000));
    char words[64];
    ese_process_last_words(process, words, sizeof words);
    assert_string_equal(words, ",two,,/elsewhere");
    ese_process_keep_settings(process);
    assert_int_equal(ese_process_start(process, &error), 0);
    assert_true(ese_process_wait(process, 10000));
    ese_process_last_words(process, words, sizeof words);
    assert_string_equal(words, "of the user,two,,/elsewhere");
    ese_process_free(&process);
    unsetenv("ESE_OTHER");
    unsetenv("LD_PRELOAD");
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

/* One that sleeps again and again, in each of two lives; and while it lives, by its threads. */
static void counts_its_context_switches(void **state)
{
    (void)state;
    struct ese_error error;
    struct ese_process *process = shell("for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.01; done");
    int64_t before = 0;
    for (int life = 1; life <= 2; life++) {
        assert_int_equal(ese_process_start(process, &error), 0);
        assert_true(ese_process_wait(process, 10000));
        int64_t switches = ese_process_usage(process).switches;
        assert_true(switches >= before + 10); /* it waits for each */
        before = switches;
    }
    assert_int_equal(ese_process_lives(process), 2);
    struct ese_usage own = {.switches = 1000000};
    struct timespec a_while = {.tv_nsec = 1000000};
    ese_usage_add_switches(getpid(), &own);
    int64_t until_now = own.switches;
    assert_true(until_now > 1000000);
    for (int i = 0; i < 20; i++)
        nanosleep(&a_while, NULL);
    own.switches = 1000000;
    ese_usage_add_switches(getpid(), &own);
    assert_true(own.switches >= until_now + 20);
    ese_process_free(&process);
}

static void keeps_the_most_memory_of_any_life(void **state)
{
    (void)state;
    struct ese_error error;
    struct ese_process *process = shell("exec sleep 60");
    assert_int_equal(ese_process_start(process, &error), 0);
    ese_process_sample(process);
    int64_t peak = ese_process_usage(process).resident_peak_bytes;
    assert_true(peak >= ese_process_usage(process).resident_bytes && peak > 0);
    ese_process_kill(process);
    assert_true(ese_process_usage(process).resident_peak_bytes >= peak);
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
        cmocka_unit_test(what_goes_over_several_lines_is_told_by_its_head),
        cmocka_unit_test(its_environment_is_what_it_is_told),
        cmocka_unit_test(asks_before_it_kills),
        cmocka_unit_test(freezes_and_thaws),
        cmocka_unit_test(counts_what_a_killed_life_has_cost),
        cmocka_unit_test(counts_its_context_switches),
        cmocka_unit_test(keeps_the_most_memory_of_any_life),
        cmocka_unit_test(counts_what_was_written),
        cmocka_unit_test(says_what_cannot_be_run),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
