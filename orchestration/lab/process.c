#include "orchestration/lab/process.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "ese-core/offspring.h"

struct ese_process {
    char *name;
    char *log_path;
    char *arguments[ESE_PROCESS_ARGUMENTS + 1];
    int count;
    pid_t pid;
    int status;
    struct ese_usage earlier; /* of lives that have ended */
    struct ese_usage present;
};

static int64_t read_number_after(const char *path, const char *label)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return -1;
    char line[256];
    long long value = -1;
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, label, strlen(label)) == 0 && sscanf(line + strlen(label), "%lld", &value) == 1)
            break;
    }
    fclose(file);
    return value;
}

int ese_usage_read(pid_t pid, struct ese_usage *usage)
{
    clockid_t clock;
    struct timespec used;
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) != 0)
        return -1;
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/io", (int)pid);
    int64_t written = read_number_after(path, "write_bytes:");
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    int64_t resident_kib = read_number_after(path, "VmRSS:");
    usage->cpu_ns = (int64_t)used.tv_sec * ESE_NS_PER_S + used.tv_nsec;
    usage->written_bytes = written < 0 ? 0 : written;
    usage->resident_bytes = resident_kib < 0 ? 0 : resident_kib * 1024;
    return 0;
}

struct ese_process *ese_process_new(const char *name, const char *log_path)
{
    struct ese_process *process = ese_alloc(sizeof *process);
    process->name = ese_copy_text(name);
    process->log_path = ese_copy_text(log_path);
    process->status = -1;
    return process;
}

void ese_process_free(struct ese_process **process)
{
    struct ese_process *old = *process;
    if (old == NULL)
        return;
    ese_process_kill(old);
    for (int i = 0; i < old->count; i++)
        free(old->arguments[i]);
    free(old->name);
    free(old->log_path);
    free(old);
    *process = NULL;
}

void ese_process_argument(struct ese_process *process, const char *text)
{
    assert(process->count < ESE_PROCESS_ARGUMENTS);
    process->arguments[process->count++] = ese_copy_text(text);
}

void ese_process_option(struct ese_process *process, const char *name, const char *value)
{
    for (int i = 1; i + 1 < process->count; i++) {
        if (strcmp(process->arguments[i], name) == 0) {
            free(process->arguments[i + 1]);
            process->arguments[i + 1] = ese_copy_text(value);
            return;
        }
    }
    ese_process_argument(process, name);
    ese_process_argument(process, value);
}

/* What a user has set for a binary of ours (ESE_RATE, ESE_RULE) is not meant for those the lab starts: the
 * lab says all they need to know. Drops it from the child's own copy of the environment. */
static void forget_own_variables(char **environment)
{
    char **kept = environment;
    for (char **word = environment; *word != NULL; word++) {
        if (strncmp(*word, "ESE_", 4) != 0)
            *kept++ = *word;
    }
    *kept = NULL;
}

/* In the child: only async-signal-safe calls from here to exec. */
static void become(const struct ese_process *process, pid_t parent, int log)
{
    ese_offspring_settle(parent, log, log);
    forget_own_variables(environ);
    execv(process->arguments[0], process->arguments);
    dprintf(STDERR_FILENO, "cannot run %s: errno %d\n", process->arguments[0], errno);
    _exit(127);
}

int ese_process_start(struct ese_process *process, struct ese_error *error)
{
    assert(process->pid == 0 && process->count > 0);
    int log = open(process->log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (log < 0)
        return ese_fail_errno(error, "cannot write the log %s", process->log_path);
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0)
        become(process, parent, log);
    close(log);
    if (pid < 0)
        return ese_fail_errno(error, "cannot start %s", process->name);
    process->pid = pid;
    process->present = (struct ese_usage){0};
    return 0;
}

const char *ese_process_name(const struct ese_process *process)
{
    return process->name;
}

pid_t ese_process_pid(const struct ese_process *process)
{
    return process->pid;
}

int ese_process_status(const struct ese_process *process)
{
    return process->status;
}

static void buried(struct ese_process *process, int status)
{
    process->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    process->earlier.cpu_ns += process->present.cpu_ns;
    process->earlier.written_bytes += process->present.written_bytes;
    process->present = (struct ese_usage){0};
    process->pid = 0;
}

bool ese_process_running(struct ese_process *process)
{
    if (process->pid == 0)
        return false;
    siginfo_t ended = {0};
    if (waitid(P_PID, (id_t)process->pid, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 && ended.si_pid == 0)
        return true;
    ese_process_sample(process); /* the dead still know what they cost, until they are waited for */
    int status = 0;
    waitpid(process->pid, &status, 0);
    buried(process, status);
    return false;
}

bool ese_process_wait(struct ese_process *process, int timeout_ms)
{
    if (process->pid == 0)
        return true;
    int handle = (int)syscall(SYS_pidfd_open, process->pid, 0U);
    struct pollfd ended = {.fd = handle, .events = POLLIN};
    int64_t until = ese_clock_monotonic_ns() + timeout_ms * ESE_NS_PER_MS;
    bool running = ese_process_running(process);
    while (running) {
        int64_t left = (until - ese_clock_monotonic_ns()) / ESE_NS_PER_MS;
        if (left <= 0)
            break;
        if (poll(&ended, 1, (int)left) < 0 && errno == EINTR)
            break; /* somebody wants the lab to stop */
        running = ese_process_running(process);
    }
    if (handle >= 0)
        close(handle);
    return !running;
}

static void end_with(struct ese_process *process, int number)
{
    ese_process_sample(process);
    kill(process->pid, number);
}

void ese_process_shoot(struct ese_process *process)
{
    if (ese_process_running(process))
        end_with(process, SIGKILL);
}

void ese_process_freeze(struct ese_process *process)
{
    if (ese_process_running(process))
        kill(process->pid, SIGSTOP);
}

void ese_process_thaw(struct ese_process *process)
{
    if (ese_process_running(process))
        kill(process->pid, SIGCONT);
}

void ese_process_kill(struct ese_process *process)
{
    if (!ese_process_running(process))
        return;
    end_with(process, SIGKILL);
    while (!ese_process_wait(process, 1000))
        continue;
}

int ese_process_stop(struct ese_process *process, int grace_ms)
{
    if (!ese_process_running(process))
        return process->status;
    end_with(process, SIGTERM);
    ese_process_thaw(process); /* so that it hears of it */
    int64_t until = ese_clock_monotonic_ns() + grace_ms * ESE_NS_PER_MS;
    while (!ese_process_wait(process, 100) && ese_clock_monotonic_ns() < until)
        continue;
    ese_process_kill(process);
    return process->status;
}

void ese_process_sample(struct ese_process *process)
{
    struct ese_usage usage;
    if (process->pid == 0 || ese_usage_read(process->pid, &usage) < 0)
        return;
    if (usage.cpu_ns >= process->present.cpu_ns)
        process->present.cpu_ns = usage.cpu_ns;
    if (usage.written_bytes >= process->present.written_bytes)
        process->present.written_bytes = usage.written_bytes;
    process->present.resident_bytes = usage.resident_bytes;
}

struct ese_usage ese_process_usage(const struct ese_process *process)
{
    return (struct ese_usage){
        .cpu_ns = process->earlier.cpu_ns + process->present.cpu_ns,
        .written_bytes = process->earlier.written_bytes + process->present.written_bytes,
        .resident_bytes = process->pid == 0 ? 0 : process->present.resident_bytes,
    };
}

void ese_process_last_words(const struct ese_process *process, char *text, size_t size)
{
    text[0] = '\0';
    FILE *file = fopen(process->log_path, "re");
    if (file == NULL)
        return;
    if (fseek(file, -2000, SEEK_END) != 0)
        rewind(file);
    char line[1024];
    while (fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] != '\0')
            snprintf(text, size, "%s", line);
    }
    fclose(file);
}
