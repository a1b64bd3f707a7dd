#include "ese-consumer/crew.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ese-core/log.h"
#include "ese-core/memory.h"
#include "ese-core/service.h"

struct mate {
    pid_t pid;  /* 0: not there, or no more */
    int handle; /* becomes readable when it ends */
};

struct crew {
    struct mate mates[ESE_CREW_MOST];
    int count;
    int living;
    bool told; /* to stop */
    int failed;
    int first_failed; /* its number */
    int first_status; /* as of waitpid */
    bool alike;       /* all that failed have that one */
};

/* ---- what several cannot have ---------------------------------------------------------------- */

static int refuse(const char *option, const char *value, int count, const char *remedy, struct ese_error *error)
{
    return ese_fail(error, ESE_E_USAGE, "--%s %.120s with --consumers %d: only one of them could have it; %s", option,
                    value, count, remedy);
}

int ese_crew_check(const struct ese_config *config, int count, struct ese_error *error)
{
    static const char *const of_one[] = {"history", "metrics", "ready-file"};
    if (count == 1)
        return 0;
    for (size_t i = 0; i < ESE_COUNT_OF(of_one); i++) {
        if (ese_config_has(config, of_one[i]))
            return refuse(of_one[i], ese_config_text(config, of_one[i]), count,
                          "start each member by itself, with --member", error);
    }
    if (strcmp(ese_config_text(config, "member"), "1") != 0)
        return refuse("member", ese_config_text(config, "member"), count, "leave one of the two away", error);
    return 0;
}

/* ---- starting -------------------------------------------------------------------------------- */

/* Ctrl-C is for whoever started us, who asks us to stop then. */
static void become_mate(pid_t starter, int number)
{
    char name[16];
    snprintf(name, sizeof name, "ese-member-%d", number);
    prctl(PR_SET_NAME, name);
    setpgid(0, 0);
    signal(SIGTTOU, SIG_IGN); /* and yet it may talk to the terminal */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != starter)
        ese_service_stop(); /* it has ended meanwhile */
}

/* 1 in the member. */
static int start(struct crew *crew, struct ese_error *error)
{
    struct mate *mate = &crew->mates[crew->count];
    pid_t starter = getpid();
    pid_t pid = ese_service_fork();
    if (pid == -1)
        return ese_fail_errno(error, "cannot start member %d", crew->count + 1);
    if (pid == 0) {
        become_mate(starter, crew->count + 1);
        return 1;
    }
    *mate = (struct mate){.pid = pid, .handle = (int)syscall(SYS_pidfd_open, pid, 0U)};
    if (mate->handle < 0) {
        ese_fail_errno(error, "cannot watch member %d", crew->count + 1);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        return -1;
    }
    crew->count++;
    crew->living++;
    ese_log_info("member %d is process %ld", crew->count, (long)pid);
    return 0;
}

static void close_handles(struct crew *crew)
{
    for (int i = 0; i < crew->count; i++) {
        if (crew->mates[i].handle >= 0)
            close(crew->mates[i].handle);
        crew->mates[i].handle = -1;
    }
}

/* ---- ending ---------------------------------------------------------------------------------- */

/* One that is stopped (SIGSTOP) is to hear of it, too. */
static void tell_to_stop(struct crew *crew)
{
    crew->told = true;
    for (int i = 0; i < crew->count; i++) {
        pid_t pid = crew->mates[i].pid;
        if (pid != 0 && (kill(pid, SIGTERM) != 0 || kill(pid, SIGCONT) != 0))
            ese_log_warning("member %d cannot be asked to stop: errno %d", i + 1, errno);
    }
}

static void write_end(int status, char *text, size_t size)
{
    if (WIFSIGNALED(status))
        snprintf(text, size, "was killed by signal %d", WTERMSIG(status));
    else
        snprintf(text, size, "ended with exit status %d", WEXITSTATUS(status));
}

static void note_failure(struct crew *crew, int number, int status)
{
    char how[64];
    write_end(status, how, sizeof how);
    if (crew->failed++ == 0) {
        crew->first_failed = number;
        crew->first_status = status;
        crew->alike = true;
    }
    crew->alike = crew->alike && status == crew->first_status;
    ese_log_error("member %d %s%s", number, how,
                  !crew->told && crew->living > 0 ? "; what it held goes to the others" : "");
}

static void bury(struct crew *crew, int i)
{
    int status = 0;
    if (waitpid(crew->mates[i].pid, &status, WNOHANG) != crew->mates[i].pid)
        return;
    crew->mates[i].pid = 0;
    crew->living--;
    if (status != 0)
        note_failure(crew, i + 1, status);
}

static void wait_for_all(struct crew *crew)
{
    struct pollfd ends[ESE_CREW_MOST + 1];
    while (crew->living > 0) {
        for (int i = 0; i < crew->count; i++)
            ends[i] = (struct pollfd){.fd = crew->mates[i].pid != 0 ? crew->mates[i].handle : -1, .events = POLLIN};
        ends[crew->count] = (struct pollfd){.fd = crew->told ? -1 : ese_service_stop_fd(), .events = POLLIN};
        if (poll(ends, (nfds_t)crew->count + 1, -1) < 0)
            continue; /* a signal */
        if (ends[crew->count].revents != 0)
            tell_to_stop(crew);
        for (int i = 0; i < crew->count; i++) {
            if (ends[i].revents != 0)
                bury(crew, i);
        }
    }
}

/* What all of them ended for, is what this ends for. */
static enum ese_code code_of(const struct crew *crew)
{
    if (crew->alike && crew->failed == crew->count && WIFEXITED(crew->first_status)) {
        switch (WEXITSTATUS(crew->first_status)) {
        case 3: return ESE_E_FENCED;
        case 64: return ESE_E_USAGE;
        case 69: return ESE_E_MISSING;
        default: break;
        }
    }
    return ESE_E_IO;
}

static int conclude(const struct crew *crew, struct ese_error *error)
{
    char how[64];
    if (crew->failed == 0)
        return 0;
    write_end(crew->first_status, how, sizeof how);
    return ese_fail(error, code_of(crew), "%d of %d members failed; the first was member %d, which %s", crew->failed,
                    crew->count, crew->first_failed, how);
}

int ese_crew_muster(int count, struct ese_error *error)
{
    struct crew crew = {.count = 0};
    int result = 0;
    assert(count > 1 && count <= ESE_CREW_MOST);
    signal(SIGCHLD, SIG_DFL); /* ignored, as some starters leave it, members would go without a status */
    while (result == 0 && crew.count < count && !ese_service_stopping())
        result = start(&crew, error);
    int number = crew.count + 1;
    if (result == 1) {
        close_handles(&crew);
        return number;
    }
    if (result != 0)
        tell_to_stop(&crew);
    wait_for_all(&crew);
    close_handles(&crew);
    return result != 0 ? -1 : conclude(&crew, error);
}
