#include "orchestration/lab/process.h"

#include <assert.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
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
    char *variables[ESE_PROCESS_VARIABLES]; /* "NAME=VALUE" */
    bool keeps_settings;
    int variable_count;
    pid_t pid;
    int status;
    int lives;
    struct ese_usage earlier; /* of lives that have ended */
    struct ese_usage present;
};

struct labelled {
    const char *label;
    int64_t number; /* 0: it does not stand there */
};

/* The numbers behind these labels, each in a line of its own. */
static void read_labelled(const char *path, struct labelled *wanted, size_t count)
{
    FILE *file = fopen(path, "re");
    char line[256];
    for (size_t i = 0; i < count; i++)
        wanted[i].number = 0;
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        long long value;
        for (size_t i = 0; i < count; i++) {
            size_t length = strlen(wanted[i].label);
            if (strncmp(line, wanted[i].label, length) == 0 && sscanf(line + length, "%lld", &value) == 1)
                wanted[i].number = value;
        }
    }
    if (file != NULL)
        fclose(file);
}

int ese_usage_read(pid_t pid, struct ese_usage *usage)
{
    clockid_t clock;
    struct timespec used;
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) != 0)
        return -1;
    char path[64];
    struct labelled written = {.label = "write_bytes:"}, resident[] = {{.label = "VmRSS:"}, {.label = "VmHWM:"}};
    snprintf(path, sizeof path, "/proc/%d/io", (int)pid);
    read_labelled(path, &written, 1);
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    read_labelled(path, resident, ESE_COUNT_OF(resident));
    usage->cpu_ns = (int64_t)used.tv_sec * ESE_NS_PER_S + used.tv_nsec;
    usage->written_bytes = written.number;
    usage->resident_bytes = resident[0].number * 1024;
    usage->resident_peak_bytes = resident[1].number * 1024;
    return 0;
}

void ese_usage_add_switches(pid_t pid, struct ese_usage *usage)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *threads = opendir(path);
    for (struct dirent *thread; threads != NULL && (thread = readdir(threads)) != NULL;) {
        struct labelled switches[] = {{.label = "voluntary_ctxt_switches:"}, {.label = "nonvoluntary_ctxt_switches:"}};
        char status[400];
        if (thread->d_name[0] == '.')
            continue;
        snprintf(status, sizeof status, "%s/%s/status", path, thread->d_name);
        read_labelled(status, switches, ESE_COUNT_OF(switches));
        usage->switches += switches[0].number;
        usage->preemptions += switches[1].number;
    }
    if (threads != NULL)
        closedir(threads);
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
    for (int i = 0; i < old->variable_count; i++)
        free(old->variables[i]);
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

/* ---- its environment ------------------------------------------------------------------------- */

static void set_variable(struct ese_process *process, const char *name, const char *value)
{
    size_t length = strlen(name), size = length + strlen(value) + 2;
    char *text = ese_alloc(size);
    int place = 0;
    snprintf(text, size, "%s=%s", name, value);
    while (place < process->variable_count && strncmp(process->variables[place], text, length + 1) != 0)
        place++;
    assert(place < ESE_PROCESS_VARIABLES);
    free(process->variables[place]);
    process->variables[place] = text;
    process->variable_count += place == process->variable_count;
}

void ese_process_environment(struct ese_process *process, const char *name, const char *value)
{
    set_variable(process, name, value);
}

void ese_process_keep_settings(struct ese_process *process)
{
    process->keeps_settings = true;
}

#define PRELOAD "LD_PRELOAD"

/* Behind what is there already: of this process, or of whoever started us. */
void ese_process_preload(struct ese_process *process, const char *library)
{
    const char *before = getenv(PRELOAD);
    for (int i = 0; i < process->variable_count; i++) {
        if (strncmp(process->variables[i], PRELOAD "=", strlen(PRELOAD "=")) == 0)
            before = process->variables[i] + strlen(PRELOAD "=");
    }
    bool is_first = before == NULL || before[0] == '\0';
    size_t size = strlen(library) + (is_first ? 0 : strlen(before) + 1) + 1;
    char *libraries = ese_alloc(size);
    snprintf(libraries, size, "%s%s%s", is_first ? "" : before, is_first ? "" : ":", library);
    set_variable(process, PRELOAD, libraries);
    free(libraries);
}

static bool is_own_variable(const struct ese_process *process, const char *text)
{
    size_t length = strcspn(text, "=") + 1;
    for (int i = 0; i < process->variable_count; i++) {
        if (strncmp(process->variables[i], text, length) == 0)
            return true;
    }
    return false;
}

/* What a user has set for a binary of ours (ESE_RATE, ESE_RULE) is not meant for those the lab starts, but for another
 * lab: it says all that the others need to know. An array, to be freed, of texts that are not. */
static char **environment_of(struct ese_process *process)
{
    size_t count = 0;
    while (environ[count] != NULL)
        count++;
    char **made = ese_alloc_array(count + ESE_PROCESS_VARIABLES + 1, sizeof *made), **next = made;
    for (char **word = environ; *word != NULL; word++) {
        if ((process->keeps_settings || strncmp(*word, "ESE_", 4) != 0) && !is_own_variable(process, *word))
            *next++ = *word;
    }
    for (int i = 0; i < process->variable_count; i++)
        *next++ = process->variables[i];
    *next = NULL;
    return made;
}

/* ---- its lives ------------------------------------------------------------------------------- */

/* In the child: only async-signal-safe calls from here to exec. */
static void become(const struct ese_process *process, char **environment, pid_t parent, int log)
{
    ese_offspring_settle(parent, log, log);
    execve(process->arguments[0], process->arguments, environment);
    dprintf(STDERR_FILENO, "cannot run %s: errno %d\n", process->arguments[0], errno);
    _exit(127);
}

int ese_process_start(struct ese_process *process, struct ese_error *error)
{
    assert(process->pid == 0 && process->count > 0);
    int log = open(process->log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (log < 0)
        return ese_fail_errno(error, "cannot write the log %s", process->log_path);
    char **environment = environment_of(process);
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0)
        become(process, environment, parent, log);
    free(environment);
    close(log);
    if (pid < 0)
        return ese_fail_errno(error, "cannot start %s", process->name);
    process->pid = pid;
    process->lives++;
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

static void buried(struct ese_process *process, int status, const struct rusage *usage)
{
    struct ese_usage *earlier = &process->earlier;
    process->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    earlier->cpu_ns += process->present.cpu_ns;
    earlier->written_bytes += process->present.written_bytes;
    earlier->switches += usage->ru_nvcsw;
    earlier->preemptions += usage->ru_nivcsw;
    if (process->present.resident_peak_bytes > earlier->resident_peak_bytes)
        earlier->resident_peak_bytes = process->present.resident_peak_bytes;
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
    struct rusage usage = {0};
    wait4(process->pid, &status, 0, &usage);
    buried(process, status, &usage);
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
    if (usage.resident_peak_bytes >= process->present.resident_peak_bytes) /* the dead have none */
        process->present.resident_peak_bytes = usage.resident_peak_bytes;
    process->present.resident_bytes = usage.resident_bytes;
}

struct ese_usage ese_process_usage(const struct ese_process *process)
{
    const struct ese_usage *earlier = &process->earlier, *present = &process->present;
    bool is_higher = present->resident_peak_bytes > earlier->resident_peak_bytes;
    return (struct ese_usage){
        .cpu_ns = earlier->cpu_ns + present->cpu_ns,
        .written_bytes = earlier->written_bytes + present->written_bytes,
        .resident_bytes = process->pid == 0 ? 0 : present->resident_bytes,
        .resident_peak_bytes = is_higher ? present->resident_peak_bytes : earlier->resident_peak_bytes,
        .switches = earlier->switches,
        .preemptions = earlier->preemptions,
    };
}

int ese_process_lives(const struct ese_process *process)
{
    return process->lives;
}

static bool tells_something(const char *line)
{
    while (*line != '\0' && !isalnum((unsigned char)*line))
        line++;
    return *line != '\0';
}

/* Of what goes over several lines its head, and the first that is set in behind it: the last is a bracket, or the end
 * of a stack. Where a bracket alone is the head, the first behind it. */
static void hear(const char *line, char *text, size_t size, bool *is_whole)
{
    const char *words = line + strspn(line, " \t\r");
    size_t length = strlen(text);
    bool is_set_in = words != line, is_new = text[0] == '\0' || !tells_something(text);
    if (words[0] == '\0')
        return;
    if (!tells_something(words)) {
        if (is_new || (!is_set_in && strchr("{[(", words[0]) != NULL))
            snprintf(text, size, "%s", words);
    } else if (!is_set_in || is_new) {
        snprintf(text, size, "%s", words);
        *is_whole = false;
    } else if (!*is_whole) {
        snprintf(text + length, size - length, " %s", words);
        *is_whole = true;
    }
}

void ese_process_last_words(const struct ese_process *process, char *text, size_t size)
{
    bool is_whole = false;
    text[0] = '\0';
    FILE *file = fopen(process->log_path, "re");
    if (file == NULL)
        return;
    if (fseek(file, -2000, SEEK_END) != 0)
        rewind(file);
    char line[1024];
    while (fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        hear(line, text, size, &is_whole);
    }
    fclose(file);
}
