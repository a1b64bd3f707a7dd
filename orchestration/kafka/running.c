#include "orchestration/kafka/running.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "ese-core/memory.h"

/* True when `wanted` is one of the words of the process's command line (NUL-separated in /proc). */
static bool has_word(pid_t pid, const char *wanted)
{
    char path[64], words[16384];
    snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return false;
    size_t length = fread(words, 1, sizeof words - 1, file);
    fclose(file);
    words[length] = '\0';
    for (const char *word = words; word < words + length; word += strlen(word) + 1) {
        if (strcmp(word, wanted) == 0)
            return true;
    }
    return false;
}

static bool is_our_broker(const struct ese_kafka_home *home, pid_t pid)
{
    char data[PATH_MAX], properties[PATH_MAX + 32];
    if (realpath(home->data, data) == NULL)
        return false;
    snprintf(properties, sizeof properties, "%s/server.properties", data);
    return has_word(pid, "kafka.Kafka") && has_word(pid, properties);
}

bool ese_running_find(const struct ese_kafka_home *home, struct ese_running *running)
{
    FILE *file = fopen(home->pid_file, "r");
    if (file == NULL)
        return false;
    int pid = 0;
    int fields = fscanf(file, "%d %63s", &pid, running->bootstrap);
    fclose(file);
    running->pid = pid;
    return fields == 2 && pid > 0 && is_our_broker(home, pid);
}

int ese_running_note(const struct ese_kafka_home *home, const struct ese_running *running,
                     struct ese_error *error)
{
    FILE *file = fopen(home->pid_file, "w");
    if (file == NULL)
        return ese_fail_errno(error, "cannot write '%.200s'", home->pid_file);
    fprintf(file, "%d %s\n", (int)running->pid, running->bootstrap);
    if (fclose(file) != 0)
        return ese_fail_errno(error, "cannot write '%.200s'", home->pid_file);
    return 0;
}

static bool ended_within(int pid_fd, int timeout_ms)
{
    struct pollfd ended = {.fd = pid_fd, .events = POLLIN};
    return poll(&ended, 1, timeout_ms) == 1;
}

int ese_running_stop(const struct ese_kafka_home *home, const struct ese_running *running,
                     int timeout_ms, struct ese_error *error)
{
    int fd = pidfd_open(running->pid, 0);
    if (fd != -1) {
        /* The descriptor names this very process, whatever becomes of its number. */
        bool ended = !is_our_broker(home, running->pid) ||
                     pidfd_send_signal(fd, SIGTERM, NULL, 0) == -1 ||
                     ended_within(fd, timeout_ms);
        if (!ended && pidfd_send_signal(fd, SIGKILL, NULL, 0) == 0)
            ended = ended_within(fd, timeout_ms);
        close(fd);
        if (!ended)
            return ese_fail(error, ESE_E_TIMEOUT, "the broker (pid %d) does not end",
                            (int)running->pid);
    }
    if (unlink(home->pid_file) == -1 && errno != ENOENT)
        return ese_fail_errno(error, "cannot remove '%.200s'", home->pid_file);
    return 0;
}
