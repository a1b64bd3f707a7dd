#include "ese-core/offspring.h"

#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NOTHING_RUN 127 /* as the shell has it */

void ese_offspring_tie(pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(NOTHING_RUN);
}

void ese_offspring_settle(pid_t parent, int output, int errors)
{
    if (parent == 0) {
        setsid();
    } else {
        setpgid(0, 0);
        ese_offspring_tie(parent);
    }
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null == -1 || dup2(null, STDIN_FILENO) == -1 || dup2(output, STDOUT_FILENO) == -1 ||
        dup2(errors, STDERR_FILENO) == -1)
        _exit(NOTHING_RUN);
    syscall(SYS_close_range, 3U, ~0U, 0U);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
}
