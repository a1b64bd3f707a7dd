#include "orchestration/bench/child.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "ese-core/offspring.h"
#include "ese-core/service.h"
#include "orchestration/bench/place.h"

#define NOBODY 65534
#define PAUSE_NS (2 * ESE_NS_PER_MS)

#define MOST_ADDED 4 /* variables */

struct environment {
    char added[MOST_ADDED][ESE_PLACE_PATH_SIZE + 32];
    int count;
    char **words; /* allocated; NULL behind the last */
};

static void add(struct environment *environment, const char *name, const char *value)
{
    assert(environment->count < MOST_ADDED);
    snprintf(environment->added[environment->count++], sizeof environment->added[0], "%s=%s", name, value);
}

static int add_slow_disk(struct environment *environment, const struct ese_child *child, struct ese_error *error)
{
    char shim[ESE_PLACE_PATH_SIZE], sync_us[24];

    if (ese_place_binary("ese-disk.so", shim, error) != 0)
        return -1;
    snprintf(sync_us, sizeof sync_us, "%lld", (long long)child->sync_us);
    add(environment, "LD_PRELOAD", shim);
    add(environment, "ESE_DISK_ROOT", child->slow_disk);
    add(environment, "ESE_DISK_SYNC_US", sync_us);
    return 0;
}

/* What it gets: ours without what is meant for our binaries, and what is meant for it. */
static int make_environment(const struct ese_child *child, struct environment *environment, struct ese_error *error)
{
    size_t count = 0;

    *environment = (struct environment){.count = 0};
    if (child->libraries != NULL)
        add(environment, "LD_LIBRARY_PATH", child->libraries);
    if (child->slow_disk != NULL && add_slow_disk(environment, child, error) != 0)
        return -1;
    while (environ[count] != NULL)
        count++;
    environment->words = ese_alloc_array(count + MOST_ADDED + 1, sizeof *environment->words);
    count = 0;
    for (char **word = environ; *word != NULL; word++) {
        if (strncmp(*word, "ESE_", 4) != 0)
            environment->words[count++] = *word;
    }
    for (int i = 0; i < environment->count; i++)
        environment->words[count++] = environment->added[i];
    return 0;
}

static bool write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

    if (fd >= 0)
        close(fd);
    return written;
}

/* Those that refuse to run as root only look at the number of their user. In a namespace of its own that is another
 * one, and our files are its own, in whosever directory the lab may be. user_namespaces(7). Where none may be made (in
 * a container, as a rule), it is nobody, to whom its data is made over, and who must be let in there. */
static void drop_privileges(const struct ese_child *child)
{
    if (geteuid() != 0)
        return;
    if (unshare(CLONE_NEWUSER) == 0) {
        if (!write_text("/proc/self/uid_map", "1000 0 1") || !write_text("/proc/self/setgroups", "deny") ||
            !write_text("/proc/self/gid_map", "1000 0 1"))
            _exit(127);
        return;
    }
    if ((child->data != NULL && chown(child->data, NOBODY, NOBODY) != 0) || setgroups(0, NULL) != 0 ||
        setgid(NOBODY) != 0 || setuid(NOBODY) != 0)
        _exit(127);
}

/* In the child: only async-signal-safe calls from here to exec. */
static void become(const struct ese_child *child, pid_t parent, int output, int log, char **environment)
{
    if (child->unprivileged)
        drop_privileges(child);
    ese_offspring_settle(parent, output, log); /* after a change of the user, which ends what was set before */
    if (child->directory != NULL && chdir(child->directory) != 0)
        dprintf(STDERR_FILENO, "cannot work in %s: errno %d\n", child->directory, errno);
    else
        execvpe(child->words[0], (char *const *)child->words, environment);
    dprintf(STDERR_FILENO, "cannot run %s: errno %d\n", child->words[0], errno);
    _exit(127);
}

static int fork_with(struct ese_child *child, char **environment, struct ese_error *error)
{
    int log = open(child->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (log < 0)
        return ese_fail_errno(error, "cannot write %s", child->log);
    int output = child->output == NULL ? log : open(child->output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (output < 0) {
        close(log);
        return ese_fail_errno(error, "cannot write %s", child->output);
    }
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        become(child, parent, output, log, environment);
    if (output != log)
        close(output);
    close(log);
    if (pid < 0)
        return ese_fail_errno(error, "cannot start %s", child->words[0]);
    child->pid = pid;
    return 0;
}

int ese_child_start(struct ese_child *child, struct ese_error *error)
{
    struct environment environment;

    assert(child->pid == 0 && child->words[0] != NULL && child->words[ESE_CHILD_WORDS] == NULL);
    if (make_environment(child, &environment, error) != 0)
        return -1;
    int status = fork_with(child, environment.words, error);
    free(environment.words);
    return status;
}

bool ese_child_running(struct ese_child *child, int *status)
{
    int ended = 0;

    if (child->pid == 0)
        return false;
    if (waitpid(child->pid, &ended, WNOHANG) == 0)
        return true;
    child->pid = 0;
    if (status != NULL)
        *status = WIFSIGNALED(ended) ? 128 + WTERMSIG(ended) : WEXITSTATUS(ended);
    return false;
}

void ese_child_stop(struct ese_child *child, int signal, int grace_ms)
{
    if (!ese_child_running(child, NULL))
        return;
    kill(child->pid, signal);
    int64_t until_ns = ese_clock_monotonic_ns() + grace_ms * ESE_NS_PER_MS;
    while (ese_child_running(child, NULL)) {
        int64_t now_ns = ese_clock_monotonic_ns();
        if (now_ns > until_ns)
            kill(child->pid, SIGKILL);
        ese_clock_sleep_until(now_ns + PAUSE_NS);
    }
}

static void last_words(const char *path, char *text, size_t size)
{
    char line[400];
    FILE *file = fopen(path, "re");

    snprintf(text, size, "it said nothing");
    if (file == NULL)
        return;
    if (fseek(file, -4000, SEEK_END) != 0)
        rewind(file);
    while (fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] != '\0')
            snprintf(text, size, "%s", line);
    }
    fclose(file);
}

int ese_child_complain(const struct ese_child *child, const char *what, struct ese_error *error)
{
    char words[300];
    const char *slash = strrchr(child->words[0], '/');

    last_words(child->log, words, sizeof words);
    return ese_fail(error, ESE_E_IO, "%s %s: %s", slash == NULL ? child->words[0] : slash + 1, what, words);
}

int ese_child_let_run(struct ese_child *child, int64_t span_ns, struct ese_error *error)
{
    int64_t until_ns = ese_clock_monotonic_ns() + span_ns;

    while (ese_clock_monotonic_ns() < until_ns) {
        ese_clock_sleep_until(until_ns);
        if (ese_service_stopping())
            return ese_fail(error, ESE_E_CLOSED, "asked to stop");
    }
    return ese_child_running(child, NULL) ? 0 : ese_child_complain(child, "has ended", error);
}

int ese_child_finish(struct ese_child *child, int timeout_ms, struct ese_error *error)
{
    int64_t until_ns = ese_clock_monotonic_ns() + timeout_ms * ESE_NS_PER_MS;
    int status = 0;

    while (ese_child_running(child, &status)) {
        int64_t now_ns = ese_clock_monotonic_ns();
        if (now_ns > until_ns || ese_service_stopping()) {
            ese_child_stop(child, SIGKILL, 0);
            return ese_service_stopping() ? ese_fail(error, ESE_E_CLOSED, "asked to stop")
                                          : ese_child_complain(child, "does not come to an end", error);
        }
        ese_clock_sleep_until(now_ns + PAUSE_NS);
    }
    return status == 0 ? 0 : ese_child_complain(child, "has failed", error);
}

int ese_child_run(struct ese_child *child, int timeout_ms, struct ese_error *error)
{
    return ese_child_start(child, error) != 0 ? -1 : ese_child_finish(child, timeout_ms, error);
}
