#include "orchestration/lab/readiness.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/history.h"
#include "ese-core/number.h"
#include "ese-core/service.h"

#define LOOK_EVERY_MS 20

/* True when the condition holds; text is the condition's to fill. */
typedef bool condition(const char *subject, char *text, size_t size);

static int wait_for(condition *holds, const char *subject, const char *what, struct ese_process *process,
                    int timeout_ms, char *text, size_t size, struct ese_error *error)
{
    int64_t until = ese_clock_monotonic_ns() + timeout_ms * ESE_NS_PER_MS;
    while (!holds(subject, text, size)) {
        char last[300];
        if (!ese_process_running(process)) {
            ese_process_last_words(process, last, sizeof last);
            return ese_fail(error, ESE_E_IO, "%s ended with status %d before %s; it said: %s",
                            ese_process_name(process), ese_process_status(process), what, last);
        }
        if (ese_clock_monotonic_ns() > until) {
            ese_process_last_words(process, last, sizeof last);
            return ese_fail(error, ESE_E_TIMEOUT, "%s: not after %d s: %s; it said: %s",
                            ese_process_name(process), timeout_ms / 1000, what, last);
        }
        if (ese_service_wait(LOOK_EVERY_MS))
            return ese_fail(error, ESE_E_CLOSED, "stopped while waiting: %s", what);
    }
    return 0;
}

static bool has_line(const char *path, char *text, size_t size)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    bool read = fgets(text, (int)size, file) != NULL;
    fclose(file);
    if (read)
        text[strcspn(text, "\n")] = '\0';
    return read;
}

int ese_ready_file(const char *path, struct ese_process *process, int timeout_ms, char *address,
                   size_t size, struct ese_error *error)
{
    return wait_for(has_line, path, "it serves", process, timeout_ms, address, size, error);
}

static bool greets(const char *address, char *text, size_t size)
{
    char host[64];
    int64_t port;
    snprintf(host, sizeof host, "%s", address);
    char *colon = strrchr(host, ':');
    if (colon == NULL || ese_number_parse(colon + 1, "port", 1, 65535, &port, NULL) < 0)
        return false;
    *colon = '\0';
    struct sockaddr_in there = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct timeval patience = {.tv_sec = 1};
    int handle = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (handle < 0)
        return false;
    setsockopt(handle, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    bool greeted = inet_pton(AF_INET, host, &there.sin_addr) == 1 &&
                   connect(handle, (struct sockaddr *)&there, sizeof there) == 0 &&
                   recv(handle, text, size < 3 ? size : 3, 0) == 3 && memcmp(text, "220", 3) == 0;
    close(handle);
    return greeted;
}

int ese_ready_smtp(const char *address, struct ese_process *process, int timeout_ms,
                   struct ese_error *error)
{
    char greeting[8];
    return wait_for(greets, address, "it greets", process, timeout_ms, greeting, sizeof greeting, error);
}

static bool was_given(const char *path, char *text, size_t size)
{
    (void)text;
    (void)size;
    struct ese_history_reader *reader = NULL;
    struct ese_history_record record;
    bool given = false;
    if (ese_history_read_open(path, &reader, NULL) < 0)
        return false;
    while (!given && ese_history_read_next(reader, &record, NULL) == 1)
        given = record.kind == ESE_HISTORY_GIVEN;
    ese_history_read_close(&reader);
    return given;
}

int ese_ready_consumer(const char *history, struct ese_process *process, int timeout_ms,
                       struct ese_error *error)
{
    char nothing[1];
    return wait_for(was_given, history, "it was given a partition", process, timeout_ms, nothing,
                    sizeof nothing, error);
}
