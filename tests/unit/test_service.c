#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "ese-core/service.h"

/* Every test forks: the child is the service, its stdout and stderr come through one pipe. */

static const struct ese_option options[] = {
    {.name = "do", .kind = ESE_OPTION_CHOICE, .fallback = "nothing",
     .choices = "nothing|wait|stop|fork|write|flood|fail|miss|yield|insist", .help = "What run does."},
    {.name = "kind", .kind = ESE_OPTION_TEXT, .value = "NAME", .help = "Brings a table."},
    ESE_OPTION_END,
};
static const struct ese_option chosen_options[] = {
    {.name = "via", .kind = ESE_OPTION_TEXT, .value = "WAY", .help = "Of the chosen kind."},
    ESE_OPTION_END,
};

static int choose(struct ese_config *config, struct ese_error *error)
{
    const char *kind = ese_config_peek(config, "kind");
    if (kind == NULL)
        return 0;
    if (strcmp(kind, "x") != 0)
        return ese_fail(error, ESE_E_USAGE, "--kind: '%s' is unknown, give x", kind);
    ese_config_add(config, "Options of --kind x", chosen_options);
    return 0;
}

/* Ready first, then the wait that a signal ends. */
static int wait_for_stop(const struct ese_config *config, struct ese_error *error)
{
    if (ese_service_ready(config, "here", error) == -1)
        return -1;
    printf("ready\n");
    fflush(stdout);
    bool stopped = ese_service_wait(-1);
    printf("stopped %d\n", stopped && ese_service_stopping());
    return 7;
}

static void *ask_for_stop(void *nothing)
{
    ese_service_stop();
    return nothing;
}

static int stop_from_a_thread(void)
{
    pthread_t thread;
    bool before = ese_service_wait(1);
    pthread_create(&thread, NULL, ask_for_stop, NULL);
    bool after = ese_service_wait(-1) && ese_service_wait(-1);
    pthread_join(thread, NULL);
    return !before && after ? 0 : 3;
}

/* Also what the fork's two sides wait on is not the same. */
static int stop_one_of_two(void)
{
    pid_t pid = ese_service_fork();
    if (pid == 0) {
        ese_service_stop();
        _exit(ese_service_wait(-1) ? 5 : 3);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    int64_t before_ns = ese_clock_monotonic_ns();
    bool stopped = ese_service_wait(20);
    int64_t waited_ns = ese_clock_monotonic_ns() - before_ns;
    return WEXITSTATUS(status) == 5 && !stopped && waited_ns >= 19 * ESE_NS_PER_MS ? 0 : 3;
}

/* More than a buffer holds, where there is no room for it: nothing is left for the last flush. */
static int flood(void)
{
    static char text[100000];
    int full = open("/dev/full", O_WRONLY);
    dup2(full, STDOUT_FILENO);
    close(full);
    memset(text, 'x', sizeof text - 1);
    fputs(text, stdout);
    return 0;
}

static int run(const struct ese_config *config, struct ese_error *error)
{
    const char *what = ese_config_text(config, "do");
    if (strcmp(what, "wait") == 0)
        return wait_for_stop(config, error);
    if (strcmp(what, "stop") == 0)
        return stop_from_a_thread();
    if (strcmp(what, "fork") == 0)
        return stop_one_of_two();
    if (strcmp(what, "fail") == 0)
        return ese_fail(error, ESE_E_IO, "the disk is gone");
    if (strcmp(what, "miss") == 0)
        return ese_fail(error, ESE_E_MISSING, "no java here, install it");
    if (strcmp(what, "yield") == 0)
        return ese_fail(error, ESE_E_FENCED, "somebody newer is here");
    if (strcmp(what, "insist") == 0) { /* hears of the stop and does not care */
        wait_for_stop(config, error);
        fflush(stdout);
        for (;;)
            pause();
    }
    if (strcmp(what, "write") == 0) { /* into a pipe nobody reads: must not kill us */
        int ends[2];
        if (pipe(ends) == -1)
            return 1;
        close(ends[0]);
        return write(ends[1], "x", 1) == -1 ? 9 : 1;
    }
    if (strcmp(what, "flood") == 0)
        return flood();
    return 0;
}

static const struct ese_service service = {
    .manual = {.name = "ese-example",
               .summary = "is an example",
               .synopsis = "",
               .description = "It is."},
    .options = options,
    .choose = choose,
    .run = run,
};

struct child {
    pid_t pid;
    FILE *output;
    char text[8000]; /* read so far */
};

#define START(child, ...)                                                                          \
    do {                                                                                           \
        char *words[] = {"ese-example", __VA_ARGS__};                                              \
        start(child, ESE_COUNT_OF(words), words);                                                  \
    } while (0)

static void start(struct child *child, int count, char **words)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    fflush(stdout);
    child->pid = fork();
    if (child->pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        int status = ese_service_main(&service, count, words);
        fflush(stdout);
        _exit(status);
    }
    close(ends[1]);
    child->output = fdopen(ends[0], "r");
    child->text[0] = '\0';
}

static void read_line(struct child *child)
{
    size_t used = strlen(child->text);
    if (fgets(child->text + used, (int)(sizeof child->text - used), child->output) == NULL)
        fail_msg("the child ended early, it said: %s", child->text);
}

/* The exit status, or 1000 + signal. The rest of the output is in text. */
static int finish(struct child *child)
{
    size_t used = strlen(child->text);
    used += fread(child->text + used, 1, sizeof child->text - used - 1, child->output);
    child->text[used] = '\0';
    fclose(child->output);
    int status;
    assert_int_equal(waitpid(child->pid, &status, 0), child->pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void said(const struct child *child, const char *part)
{
    if (strstr(child->text, part) == NULL)
        fail_msg("'%s' expected in: %s", part, child->text);
}

static void a_signal_asks_for_a_stop(void **state)
{
    (void)state;
    const int numbers[] = {SIGINT, SIGTERM};
    for (size_t i = 0; i < ESE_COUNT_OF(numbers); i++) {
        struct child child;
        START(&child, "--do=wait");
        read_line(&child);
        kill(child.pid, numbers[i]);
        assert_int_equal(finish(&child), 7);
        said(&child, "stopped 1\n");
    }
}

static void a_second_signal_ends_at_once(void **state)
{
    (void)state;
    struct child child;
    START(&child, "--do=insist");
    read_line(&child);
    kill(child.pid, SIGTERM);
    read_line(&child);
    said(&child, "stopped 1\n");
    kill(child.pid, SIGINT);
    assert_int_equal(finish(&child), 130);
}

static void a_thread_may_ask_for_a_stop(void **state)
{
    (void)state;
    struct child child;
    START(&child, "--do=stop");
    assert_int_equal(finish(&child), 0);
}

static void a_fork_stops_alone(void **state)
{
    (void)state;
    struct child child;
    START(&child, "--do=fork");
    assert_int_equal(finish(&child), 0);
}

static void a_closed_pipe_is_no_death(void **state)
{
    (void)state;
    struct child child;
    START(&child, "--do=write");
    assert_int_equal(finish(&child), 9);
}

static void output_that_finds_no_room_is_a_failure(void **state)
{
    (void)state;
    struct child child;
    START(&child, "--do=flood");
    assert_int_equal(finish(&child), 1);
    said(&child, "cannot write all of it to stdout");
}

static void the_ready_file_is_whole(void **state)
{
    (void)state;
    char folder[] = "/tmp/ese-test-service-XXXXXX", path[80], flag[100], content[20] = "";
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/ready", folder);
    snprintf(flag, sizeof flag, "--ready-file=%s", path);
    struct child child;
    START(&child, "--do=wait", flag);
    read_line(&child);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(content, sizeof content, file));
    fclose(file);
    assert_string_equal(content, "here\n");
    kill(child.pid, SIGTERM);
    assert_int_equal(finish(&child), 7);
    unlink(path);
    assert_int_equal(rmdir(folder), 0); /* nothing else was left there */

    START(&child, "--do=wait", flag); /* the folder is gone */
    assert_int_equal(finish(&child), 64);
    said(&child, path);
    START(&child, "--do=wait", "--ready-file=/tmp");
    assert_int_equal(finish(&child), 64);
    said(&child, "--ready-file '/tmp': ");
    START(&child, "--do=wait", "--ready-file=");
    assert_int_equal(finish(&child), 64);
    said(&child, "--ready-file: the value is empty, give FILE");
}

static void one_file_serves_one_purpose(void **state)
{
    (void)state;
    struct child child;
    START(&child, "--config=/dev/null", "--ready-file=/dev/../dev/null");
    assert_int_equal(finish(&child), 64);
    said(&child, "--config are both");
    said(&child, "give two files");
}

static void a_command_serves_nobody(void **state)
{
    (void)state;
    struct ese_service command = service;
    char *words[] = {"ese-example", "--ready-file=x"};
    command.is_command = true;
    pid_t pid = fork();
    if (pid == 0) {
        close(STDERR_FILENO);
        _exit(ese_service_main(&command, ESE_COUNT_OF(words), words));
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 64);
}

static void errors_decide_the_exit_status(void **state)
{
    (void)state;
    struct child child;
    START(&child, "--do=fail");
    assert_int_equal(finish(&child), 1);
    assert_string_equal(child.text, "ese-example: the disk is gone\n");
    START(&child, "--do=miss");
    assert_int_equal(finish(&child), 69);
    START(&child, "--do=yield");
    assert_int_equal(finish(&child), 3);
    START(&child, "--do=sing");
    assert_int_equal(finish(&child), 64);
    said(&child, "ese-example: --do: 'sing' is wrong, give one of nothing|");
    said(&child, "; see ese-example --help\n");
    START(&child, "--kind=y");
    assert_int_equal(finish(&child), 64);
    said(&child, "'y' is unknown");
    START(&child, "superfluous");
    assert_int_equal(finish(&child), 64);
    said(&child, "'superfluous'");
    START(&child, "--config=/nowhere");
    assert_int_equal(finish(&child), 64);
    said(&child, "/nowhere");
}

static void options_are_checked_without_running(void **state)
{
    (void)state;
    struct child child;
    START(&child, "--kind=x", "--via=y", "--do=fail", "--check-options");
    assert_int_equal(finish(&child), 0);
    assert_string_equal(child.text, "");
    START(&child, "--kind=x", "--do=sing", "--check-options");
    assert_int_equal(finish(&child), 64);
    said(&child, "'sing' is wrong");
    START(&child, "--via=y", "--check-options"); /* not of this kind */
    assert_int_equal(finish(&child), 64);
    START(&child, "--config=/nowhere", "--check-options");
    assert_int_equal(finish(&child), 64);
}

static void help_shows_the_tables_that_were_chosen(void **state)
{
    (void)state;
    struct child child;
    START(&child, "--kind", "x", "--via", "y", "--help");
    assert_int_equal(finish(&child), 0);
    said(&child, "Options of --kind x:\n      --via WAY");
    START(&child, "--kind", "y", "--help"); /* choosing fails: help all the same */
    assert_int_equal(finish(&child), 0);
    said(&child, "--kind NAME");
    assert_null(strstr(child.text, "--via"));
    START(&child, "--nonsense", "-h");
    assert_int_equal(finish(&child), 0);
}

static void questions_are_answered(void **state)
{
    (void)state;
    struct child child;
    START(&child, "--version");
    assert_int_equal(finish(&child), 0);
    assert_string_equal(child.text, "ese-example " ESE_VERSION "\n");
    START(&child, "--man");
    assert_int_equal(finish(&child), 0);
    said(&child, ".Dt ESE-EXAMPLE 1\n");
    START(&child, "--completion", "bash");
    assert_int_equal(finish(&child), 0);
    said(&child, "complete -o default -F _ese_example ese-example\n");
    START(&child, "--completion", "fish");
    assert_int_equal(finish(&child), 64);
}

static void outside_main_nothing_stops(void **state)
{
    (void)state;
    int64_t before_ns = ese_clock_monotonic_ns();
    assert_int_equal(ese_service_stop_fd(), -1);
    assert_false(ese_service_wait(20));
    assert_true(ese_clock_monotonic_ns() - before_ns >= 19 * ESE_NS_PER_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signal_asks_for_a_stop),
        cmocka_unit_test(a_second_signal_ends_at_once),
        cmocka_unit_test(a_thread_may_ask_for_a_stop),
        cmocka_unit_test(a_fork_stops_alone),
        cmocka_unit_test(a_closed_pipe_is_no_death),
        cmocka_unit_test(output_that_finds_no_room_is_a_failure),
        cmocka_unit_test(the_ready_file_is_whole),
        cmocka_unit_test(one_file_serves_one_purpose),
        cmocka_unit_test(a_command_serves_nobody),
        cmocka_unit_test(errors_decide_the_exit_status),
        cmocka_unit_test(options_are_checked_without_running),
        cmocka_unit_test(help_shows_the_tables_that_were_chosen),
        cmocka_unit_test(questions_are_answered),
        cmocka_unit_test(outside_main_nothing_stops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
