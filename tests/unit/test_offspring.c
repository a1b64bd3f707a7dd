#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ese-core/offspring.h"

static void take(int fd, int *value)
{
    assert_int_equal(read(fd, value, sizeof *value), (int)sizeof *value);
}

static void tell(int value)
{
    if (write(STDOUT_FILENO, &value, sizeof value) != (ssize_t)sizeof value)
        _exit(1);
}

/* What a child finds of itself: group, reads nothing, the starter's descriptor, its mask, its SIGPIPE. */
static void tell_all(int held)
{
    char byte;
    sigset_t mask;
    struct sigaction pipe_action;

    tell(getpgrp() == getpid());
    tell(getsid(0) == getpid());
    tell(read(STDIN_FILENO, &byte, 1) == 0);
    tell(fcntl(held, F_GETFD) == -1 && errno == EBADF);
    sigprocmask(SIG_SETMASK, NULL, &mask);
    tell(sigismember(&mask, SIGUSR1) == 0);
    sigaction(SIGPIPE, NULL, &pipe_action);
    tell(pipe_action.sa_handler == SIG_DFL);
    _exit(0);
}

static void expect_of_child(pid_t parent, bool own_session)
{
    int ends[2], value, status;
    sigset_t blocked, before;
    struct sigaction ignore = {.sa_handler = SIG_IGN}, earlier;

    assert_int_equal(pipe(ends), 0);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    sigprocmask(SIG_BLOCK, &blocked, &before);
    sigaction(SIGPIPE, &ignore, &earlier);
    pid_t child = fork();
    if (child == 0) {
        ese_offspring_settle(parent, ends[1], ends[1]);
        tell_all(ends[0]);
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
    sigaction(SIGPIPE, &earlier, NULL);
    close(ends[1]);
    bool expected[] = {true, own_session, true, true, true, true};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        take(ends[0], &value);
        assert_int_equal(value, expected[i]);
    }
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void it_has_a_group_of_its_own_and_nothing_of_its_starters(void **state)
{
    (void)state;
    expect_of_child(getpid(), false);
}

static void without_a_parent_it_has_a_session_of_its_own(void **state)
{
    (void)state;
    expect_of_child(0, true);
}

/* Grandchild of the test: its end is seen by the pipe that it alone holds then. */
static void it_dies_with_its_starter(void **state)
{
    (void)state;
    int ends[2], value;

    assert_int_equal(pipe(ends), 0);
    pid_t starter = fork();
    if (starter == 0) {
        pid_t self = getpid();
        if (fork() == 0) {
            ese_offspring_settle(self, ends[1], ends[1]);
            tell(1);
            for (;;)
                pause();
        }
        close(ends[1]);
        for (;;)
            pause();
    }
    close(ends[1]);
    take(ends[0], &value);
    kill(starter, SIGKILL);
    assert_int_equal(waitpid(starter, NULL, 0), starter);
    assert_int_equal(read(ends[0], &value, sizeof value), 0);
    close(ends[0]);
}

static void one_whose_starter_is_gone_ends(void **state)
{
    (void)state;
    int status;
    pid_t child = fork();

    if (child == 0) {
        ese_offspring_tie(getpid()); /* who is not its parent */
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 127);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_has_a_group_of_its_own_and_nothing_of_its_starters),
        cmocka_unit_test(without_a_parent_it_has_a_session_of_its_own),
        cmocka_unit_test(it_dies_with_its_starter),
        cmocka_unit_test(one_whose_starter_is_gone_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
