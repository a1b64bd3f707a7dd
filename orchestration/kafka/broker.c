#include "orchestration/kafka/broker.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/log_file.h"
#include "ese-core/memory.h"
#include "ese-core/offspring.h"
#include "ese-core/service.h"
#include "orchestration/kafka/java.h"
#include "orchestration/kafka/port.h"
#include "orchestration/kafka/readiness.h"

#define LOG_BYTES (INT64_C(4) * 1024 * 1024)
#define CLUSTER_ID_SIZE 23 /* 16 bytes in base64url without padding, and the NUL */
#define CONNECT_MS 20      /* between two looks whether anybody listens yet */
/* one attempt of a round trip; between two, we look whether the child lives */
#define PROBE_MS 5000

struct ese_broker {
    struct ese_java *java;
    char conf_dir[PATH_MAX];
    char data_dir[PATH_MAX];
    char log_path[PATH_MAX];
    char cluster_id[CLUSTER_ID_SIZE];
    char bootstrap[32];
    struct ese_listeners *listeners;
    bool detached;
    pid_t pid; /* 0: dead, and reaped */
    struct ese_broker_cost cost;
};

/* ---- preparing ----------------------------------------------------------------------------- */

static int make_directories(const char *path, struct ese_error *error)
{
    char part[PATH_MAX];
    if (ese_fit_text(part, sizeof part, path) == -1)
        return ese_fail(error, ESE_E_USAGE, "directory name is too long: '%.100s...'", path);
    for (char *slash = strchr(part + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(part, 0755); /* what really fails, fails below */
        *slash = '/';
    }
    if (mkdir(part, 0755) == -1 && errno != EEXIST)
        return ese_fail(error, ESE_E_MISSING,
                        "cannot make the directory '%.200s': %s; set ESE_LAB_HOME to one that can "
                        "be written", path, strerror(errno));
    return 0;
}

static int absolute(const char *path, const char *variable, char absolute_path[PATH_MAX],
                    struct ese_error *error)
{
    if (realpath(path, absolute_path) == NULL)
        return ese_fail(error, ESE_E_MISSING, "no directory '%.200s' (%s): set %s", path,
                        strerror(errno), variable);
    return 0;
}

/* Kafka writes ids as base64url; one that begins with '-' would look like a flag, so the first bit
 * is 0. */
static int draw_cluster_id(char text[CLUSTER_ID_SIZE], struct ese_error *error)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint8_t bytes[18] = {0}; /* two of padding, so that every sextet has its bits */
    if (getrandom(bytes, 16, 0) != 16)
        return ese_fail_errno(error, "no random bytes for a cluster id");
    bytes[0] &= 0x7f;
    for (int i = 0; i < CLUSTER_ID_SIZE - 1; i++) {
        int bit = i * 6;
        unsigned pair = (unsigned)bytes[bit / 8] << 8 | bytes[bit / 8 + 1];
        text[i] = digits[pair >> (10 - bit % 8) & 0x3f];
    }
    text[CLUSTER_ID_SIZE - 1] = '\0';
    return 0;
}

static bool formatted(const struct ese_broker *broker)
{
    char path[PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/log/meta.properties", broker->data_dir);
    return access(path, F_OK) == 0;
}

/* The settings everybody shares, and behind them what is this broker's alone. */
static int write_properties(const struct ese_broker *broker, struct ese_error *error)
{
    char from_path[PATH_MAX + 32], to_path[PATH_MAX + 32];
    snprintf(from_path, sizeof from_path, "%s/server.properties", broker->conf_dir);
    snprintf(to_path, sizeof to_path, "%s/server.properties", broker->data_dir);
    FILE *from = fopen(from_path, "r");
    if (from == NULL)
        return ese_fail_errno(error, "cannot read '%.200s'", from_path);
    FILE *to = fopen(to_path, "w");
    if (to == NULL) {
        fclose(from);
        return ese_fail_errno(error, "cannot write '%.200s'", to_path);
    }
    for (int c = getc(from); c != EOF; c = getc(from))
        putc(c, to);
    ese_listeners_write(broker->listeners, to);
    fprintf(to, "log.dirs=%s/log\n", broker->data_dir);
    fclose(from);
    if (fclose(to) != 0)
        return ese_fail_errno(error, "cannot write '%.200s'", to_path);
    return 0;
}

static int choose_ports(struct ese_broker *broker, const struct ese_broker_options *options,
                        struct ese_error *error)
{
    if (ese_listeners_open(options->port, options->listeners, options->listener_count,
                           &broker->listeners, error) == -1)
        return -1;
    snprintf(broker->bootstrap, sizeof broker->bootstrap, "127.0.0.1:%d",
             ese_listeners_port(broker->listeners));
    return write_properties(broker, error);
}

static int prepare(struct ese_broker *broker, const struct ese_broker_options *options,
                   struct ese_error *error)
{
    char jars[PATH_MAX], temporary[PATH_MAX + 8];
    broker->detached = options->detached;
    if (realpath(options->jars_dir, jars) == NULL)
        /* that they are missing is said by ese_java_find */
        ese_fit_text(jars, sizeof jars, options->jars_dir);
    if (absolute(options->conf_dir, "ESE_KAFKA_CONF", broker->conf_dir, error) == -1 ||
        make_directories(options->data_dir, error) == -1 ||
        absolute(options->data_dir, "ESE_LAB_HOME", broker->data_dir, error) == -1)
        return -1;
    if (strpbrk(broker->data_dir, ",\\") != NULL)
        return ese_fail(error, ESE_E_USAGE,
                        "'%.200s': Kafka cannot use a data directory with a comma or a backslash "
                        "in its name; choose another", broker->data_dir);
    if (ese_fit_text(broker->log_path, sizeof broker->log_path, options->log_path) == -1)
        return ese_fail(error, ESE_E_USAGE, "log path is too long: '%.100s...'", options->log_path);
    snprintf(temporary, sizeof temporary, "%s/tmp", broker->data_dir);
    if (make_directories(temporary, error) == -1 ||
        draw_cluster_id(broker->cluster_id, error) == -1)
        return -1;
    if (ese_java_find(jars, broker->conf_dir, broker->data_dir, &broker->java, error) == -1)
        return -1;
    return choose_ports(broker, options, error);
}

/* ---- the child: only async-signal-safe calls between fork and exec ------------------------- */

/* execv wants its words without const and does not change them. */
static void become(const char *const *words)
{
    execv(words[0], (char *const *)words);
    _exit(127);
}

static void format_storage(const char *const *format)
{
    pid_t self = getpid();
    pid_t child = fork();
    if (child == 0) {
        ese_offspring_tie(self);
        become(format);
    }
    int status = 1;
    while (waitpid(child, &status, 0) == -1 && errno == EINTR)
        continue;
    if (status != 0)
        _exit(1);
}

static void become_broker(const struct ese_broker *broker, const char *const *format, int log_fd,
                          pid_t parent)
{
    ese_offspring_settle(broker->detached ? 0 : parent, log_fd, log_fd);
    if (format != NULL)
        format_storage(format);
    become(ese_java_broker(broker->java));
}

/* The format command with the cluster id behind it. False when the storage is there already. */
static bool format_command(struct ese_broker *broker, const char *words[ESE_JAVA_WORDS + 1])
{
    if (formatted(broker))
        return false;
    const char *const *format = ese_java_format(broker->java);
    int count = 0;
    while (format[count] != NULL) {
        words[count] = format[count];
        count++;
    }
    words[count] = broker->cluster_id;
    words[count + 1] = NULL;
    return true;
}

static int spawn(struct ese_broker *broker, struct ese_error *error)
{
    const char *words[ESE_JAVA_WORDS + 1];
    bool format = format_command(broker, words);
    ese_log_file_bound(broker->log_path, LOG_BYTES); /* a detached one's is watched by nobody */
    int log_fd = open(broker->log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (log_fd == -1)
        return ese_fail_errno(error, "cannot write the broker's log '%.200s'", broker->log_path);
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0)
        become_broker(broker, format ? words : NULL, log_fd, parent);
    close(log_fd);
    if (pid == -1)
        return ese_fail_errno(error, "cannot start the broker");
    broker->pid = pid;
    return 0;
}

/* ---- its end ------------------------------------------------------------------------------- */

/* A process that has ended but was not waited for still has its figures. */
static int64_t disk_written(pid_t pid)
{
    char path[64], line[128];
    long long bytes = 0;
    snprintf(path, sizeof path, "/proc/%d/io", (int)pid);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return 0;
    while (fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "write_bytes: %lld", &bytes) == 1)
            break;
    }
    fclose(file);
    return bytes;
}

static double seconds(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

/* Waits at most timeout_ms (-1: for ever) for the child's end and takes its cost. True when it
 * ended. */
static bool reap(struct ese_broker *broker, int timeout_ms)
{
    if (broker->pid == 0)
        return true;
    int fd = pidfd_open(broker->pid, 0);
    struct pollfd ended = {.fd = fd, .events = POLLIN};
    int64_t limit_ns = ese_clock_monotonic_ns() + timeout_ms * ESE_NS_PER_MS;
    int result;
    do {
        int64_t left_ms = (limit_ns - ese_clock_monotonic_ns()) / ESE_NS_PER_MS;
        result = poll(&ended, 1, timeout_ms < 0 ? -1 : left_ms < 0 ? 0 : (int)left_ms);
    } while (result == -1 && errno == EINTR);
    close(fd);
    if (result != 1)
        return false;
    int64_t written = disk_written(broker->pid);
    struct rusage usage = {0};
    while (wait4(broker->pid, NULL, 0, &usage) == -1 && errno == EINTR)
        continue;
    int64_t rss = (int64_t)usage.ru_maxrss * 1024;
    broker->pid = 0;
    broker->cost.lives++;
    broker->cost.cpu_s += seconds(usage.ru_utime) + seconds(usage.ru_stime);
    broker->cost.disk_written_bytes += written;
    broker->cost.switches += usage.ru_nvcsw;
    broker->cost.preemptions += usage.ru_nivcsw;
    if (rss > broker->cost.rss_peak_bytes)
        broker->cost.rss_peak_bytes = rss;
    return true;
}

/* ---- the face ------------------------------------------------------------------------------ */

int ese_broker_start(const struct ese_broker_options *options, struct ese_broker **broker,
                     struct ese_error *error)
{
    *broker = ese_alloc(sizeof **broker);
    if (prepare(*broker, options, error) == -1 || spawn(*broker, error) == -1) {
        ese_broker_close(broker);
        return -1;
    }
    return 0;
}

/* Looks whether it listens, which takes most of a start, and only then sends records. */
int ese_broker_wait_ready(struct ese_broker *broker, int timeout_ms, struct ese_error *error)
{
    int64_t limit_ns = ese_clock_monotonic_ns() + timeout_ms * ESE_NS_PER_MS;
    bool listens = false;
    for (;;) {
        if (reap(broker, listens ? 0 : CONNECT_MS))
            return ese_fail(error, ESE_E_CLOSED,
                            "the Kafka broker ended before it was ready; its last words are in "
                            "'%.200s'", broker->log_path);
        if (ese_service_stopping())
            return ese_fail(error, ESE_E_CLOSED, "stopped before Kafka was ready");
        int64_t left_ms = (limit_ns - ese_clock_monotonic_ns()) / ESE_NS_PER_MS;
        if (left_ms <= 0)
            return ese_fail(error, ESE_E_TIMEOUT,
                            "the Kafka broker took no record within %d ms; its log is '%.200s'",
                            timeout_ms, broker->log_path);
        listens = listens || ese_port_listens(ese_listeners_port(broker->listeners));
        int probe_ms = left_ms < PROBE_MS ? (int)left_ms : PROBE_MS;
        if (listens && ese_readiness_check(broker->bootstrap, probe_ms, NULL) == 0)
            return 0;
    }
}

const char *ese_broker_bootstrap(const struct ese_broker *broker)
{
    return broker->bootstrap;
}

int ese_broker_listener_port(const struct ese_broker *broker, int i)
{
    return ese_listeners_further_port(broker->listeners, i);
}

const char *ese_broker_data_dir(const struct ese_broker *broker)
{
    return broker->data_dir;
}

pid_t ese_broker_pid(const struct ese_broker *broker)
{
    return broker->pid;
}

bool ese_broker_running(struct ese_broker *broker)
{
    return !reap(broker, 0);
}

static void tell(const struct ese_broker *broker, int number)
{
    if (broker->pid != 0)
        kill(broker->pid, number);
}

void ese_broker_shoot(struct ese_broker *broker)
{
    tell(broker, SIGKILL);
}

void ese_broker_freeze(struct ese_broker *broker)
{
    tell(broker, SIGSTOP);
}

void ese_broker_thaw(struct ese_broker *broker)
{
    tell(broker, SIGCONT);
}

void ese_broker_kill(struct ese_broker *broker)
{
    ese_broker_shoot(broker);
    reap(broker, -1);
}

int ese_broker_restart(struct ese_broker *broker, struct ese_error *error)
{
    ese_broker_kill(broker);
    return spawn(broker, error);
}

void ese_broker_stop(struct ese_broker *broker, int timeout_ms)
{
    tell(broker, SIGTERM);
    tell(broker, SIGCONT); /* so that it hears of it */
    if (!reap(broker, timeout_ms))
        ese_broker_kill(broker);
}

struct ese_broker_cost ese_broker_cost(const struct ese_broker *broker)
{
    return broker->cost;
}

void ese_broker_close(struct ese_broker **broker)
{
    if (*broker == NULL)
        return;
    ese_broker_kill(*broker);
    ese_broker_leave(broker);
}

void ese_broker_leave(struct ese_broker **broker)
{
    if (*broker == NULL)
        return;
    ese_listeners_close(&(*broker)->listeners);
    ese_java_free(&(*broker)->java);
    free(*broker);
    *broker = NULL;
}
