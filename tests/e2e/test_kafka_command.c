/* `./lab kafka`: a broker that stays while its starter goes, and is found and stopped again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ese-core/memory.h"
#include "orchestration/kafka/kafka_command.h"
#include "orchestration/kafka/kafka_home.h"
#include "orchestration/kafka/readiness.h"
#include "orchestration/kafka/running.h"
#include "tests/support/directory.h"

static char *directory;
static struct ese_kafka_home home;
static struct ese_error error;

/* In a process of its own, as a user's shell does it. */
static int command(const char *word, const char *flag)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        char *words[] = {ese_copy_text("kafka"), ese_copy_text(word), ese_copy_text(flag), NULL};
        if (freopen("/dev/null", "w", stdout) == NULL)
            _exit(99);
        _exit(ese_kafka_command(flag == NULL ? 2 : 3, words));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void starts_stays_and_stops(void **state)
{
    (void)state;
    struct ese_running running;
    char address[64];
    assert_int_equal(command("status", NULL), 1);
    assert_int_equal(ese_kafka_running(address, sizeof address), -1);

    assert_int_equal(command("start", "--port=0"), 0);
    assert_int_equal(command("status", NULL), 0);
    assert_int_equal(ese_kafka_running(address, sizeof address), 0);
    assert_int_equal(ese_readiness_check(address, 5000, &error), 0);
    assert_int_equal(command("start", "--port=0"), 0); /* again: finds it running */
    assert_int_equal(command("topics", "--durability=disk"), 0);

    assert_true(ese_running_find(&home, &running));
    assert_int_equal(command("stop", NULL), 0);
    assert_int_equal(ese_readiness_check(address, 300, &error), -1);
    assert_int_equal(access(home.pid_file, F_OK), -1);
    assert_int_equal(command("stop", NULL), 0);
}

/* A pid that came round again is somebody else: this very test. */
static void takes_no_stranger_for_its_broker(void **state)
{
    (void)state;
    struct ese_running stranger = {.pid = getpid(), .bootstrap = "127.0.0.1:1"};
    assert_int_equal(ese_running_note(&home, &stranger, &error), 0);
    assert_int_equal(command("status", NULL), 1);
    assert_int_equal(command("stop", NULL), 0);
}

static void refuses_what_it_does_not_know(void **state)
{
    (void)state;
    assert_int_equal(command("dance", NULL), 64);
    assert_int_equal(command("start", "--port=99999"), 64);
    assert_int_equal(command("start", "--bootstrap-server=x"), 64);
}

static int remove_all(void **state)
{
    (void)state;
    struct ese_running running;
    if (ese_running_find(&home, &running)) /* a test has failed before its stop */
        ese_running_stop(&home, &running, 0, NULL);
    ese_test_directory_remove(&directory);
    return 0;
}

/* A lab home of its own, which borrows only the jars. */
static int make_home(void)
{
    char jars[PATH_MAX], link_path[PATH_MAX];
    ese_kafka_home(&home);
    if (realpath(home.jars, jars) == NULL)
        return -1;
    directory = ese_test_directory_make();
    setenv("ESE_LAB_HOME", directory, 1);
    ese_kafka_home(&home);
    snprintf(link_path, sizeof link_path, "%s/kafka", directory);
    return mkdir(link_path, 0755) == 0 && symlink(jars, home.jars) == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_stays_and_stops),
        cmocka_unit_test(takes_no_stranger_for_its_broker),
        cmocka_unit_test(refuses_what_it_does_not_know),
    };
    if (make_home() == -1) {
        printf("1..0 # SKIP no Kafka jars in '%s': ./lab doctor says how to get them\n", home.jars);
        return remove_all(NULL);
    }
    return cmocka_run_group_tests(tests, NULL, remove_all);
}
