#include "orchestration/bench/sink.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "ese-core/memory.h"

#define EVENTS 64
#define FIRST_BYTES 16384
#define MOST_BYTES (16 << 20)
#define BACKLOG 1024

/* Whoever pushes, by one connection. */
struct caller {
    int fd;
    char *bytes;
    size_t length, size;
    struct caller *next, **place;
};

struct ese_sink {
    int listener, stop, epoll, port;
    pthread_t thread;
    bool runs;
    struct caller *callers;
    int64_t last[ESE_SINK_PATHS]; /* position; 0: nothing has come yet */
    _Atomic int64_t events, gaps, hanging;
};

/* What a head says; a number that it does not is 0. */
struct head {
    int path;
    int64_t length, position, count;
};

/* ---- requests -------------------------------------------------------------------------------------------------- */

static void take_header(struct head *head, const char *line, const char *end)
{
    const struct {
        const char *name;
        size_t length;
        int64_t *value;
    } headers[] = {
        {"content-length:", 15, &head->length},
        {"x-event-position:", 17, &head->position},
        {"x-event-count:", 14, &head->count},
    };

    for (size_t i = 0; i < ESE_COUNT_OF(headers); i++) {
        if ((size_t)(end - line) > headers[i].length && strncasecmp(line, headers[i].name, headers[i].length) == 0)
            *headers[i].value = strtoll(line + headers[i].length, NULL, 10);
    }
}

/* A number of digits only, with a space behind it. ESE_SINK_PATHS: it is no subscriber's. */
static int read_path(const char *text, const char *end)
{
    const char *at = text;
    int path = 0;

    while (at < end && isdigit((unsigned char)*at) && path < ESE_SINK_PATHS)
        path = 10 * path + (*at++ - '0');
    return at > text && at < end && *at == ' ' && path < ESE_SINK_PATHS ? path : ESE_SINK_PATHS;
}

/* Of bytes that end with an empty line. False: it is none that is served here. */
static bool read_head(const char *bytes, const char *end, struct head *head)
{
    static const char begin[] = "POST /", hang[] = "POST /hang ";

    *head = (struct head){.path = ESE_SINK_HANG};
    if ((size_t)(end - bytes) < sizeof hang || strncmp(bytes, begin, strlen(begin)) != 0)
        return false;
    if (strncmp(bytes, hang, strlen(hang)) != 0)
        head->path = read_path(bytes + strlen(begin), end);
    for (const char *line = bytes; (line = memchr(line, '\n', (size_t)(end - line))) != NULL;)
        take_header(head, ++line, end);
    return head->path < ESE_SINK_PATHS && head->length >= 0 && head->length < MOST_BYTES;
}

static void count(struct ese_sink *sink, const struct head *head)
{
    int64_t events = head->count > 0 ? head->count : 1, *last = &sink->last[head->path];

    if (*last != 0 && head->position != *last + events)
        atomic_fetch_add(&sink->gaps, 1);
    *last = head->position;
    atomic_fetch_add(&sink->events, events);
}

static bool answer(struct ese_sink *sink, const struct caller *caller, const struct head *head)
{
    static const char taken[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

    if (head->path == ESE_SINK_HANG) {
        atomic_fetch_add(&sink->hanging, 1);
        return true;
    }
    count(sink, head);
    return send(caller->fd, taken, strlen(taken), MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)strlen(taken);
}

/* Whatever is whole leaves the bytes. False: what comes there is no push. */
static bool understand(struct ese_sink *sink, struct caller *caller)
{
    size_t at = 0;
    const char *end;

    while ((end = memmem(caller->bytes + at, caller->length - at, "\r\n\r\n", 4)) != NULL) {
        struct head head;
        if (!read_head(caller->bytes + at, end + 2, &head))
            return false;
        size_t whole = (size_t)(end + 4 - caller->bytes) + (size_t)head.length;
        if (whole > caller->length)
            break;
        if (!answer(sink, caller, &head))
            return false;
        at = whole;
    }
    caller->length -= at;
    memmove(caller->bytes, caller->bytes + at, caller->length);
    return caller->length < MOST_BYTES;
}

/* ---- connections ----------------------------------------------------------------------------------------------- */

static void drop(struct caller *caller)
{
    *caller->place = caller->next;
    if (caller->next != NULL)
        caller->next->place = caller->place;
    close(caller->fd);
    free(caller->bytes);
    free(caller);
}

static void add_caller(struct ese_sink *sink)
{
    int on = 1, fd = accept4(sink->listener, NULL, NULL, SOCK_CLOEXEC);

    if (fd < 0)
        return;
    struct caller *caller = ese_alloc(sizeof *caller);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = caller};
    *caller = (struct caller){.fd = fd, .size = FIRST_BYTES, .next = sink->callers, .place = &sink->callers};
    caller->bytes = ese_alloc(caller->size);
    if (caller->next != NULL)
        caller->next->place = &caller->next;
    sink->callers = caller;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (epoll_ctl(sink->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        drop(caller);
}

static void serve(struct ese_sink *sink, struct caller *caller)
{
    if (caller->length == caller->size) {
        caller->size *= 2;
        caller->bytes = ese_realloc_array(caller->bytes, caller->size, 1);
    }
    ssize_t got = recv(caller->fd, caller->bytes + caller->length, caller->size - caller->length, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got > 0)
        caller->length += (size_t)got;
    if (got <= 0 || !understand(sink, caller))
        drop(caller);
}

static void *run(void *context)
{
    struct ese_sink *sink = context;
    struct epoll_event events[EVENTS];

    for (;;) {
        int ready = epoll_wait(sink->epoll, events, EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            if (events[i].data.ptr == &sink->stop)
                return NULL;
            if (events[i].data.ptr == sink)
                add_caller(sink);
            else
                serve(sink, events[i].data.ptr);
        }
    }
}

/* ---- life ------------------------------------------------------------------------------------------------------ */

static int listen_anywhere(struct ese_sink *sink)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int status = -1;

    sink->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (sink->listener >= 0 && bind(sink->listener, (struct sockaddr *)&address, size) == 0 &&
        listen(sink->listener, BACKLOG) == 0)
        status = getsockname(sink->listener, (struct sockaddr *)&address, &size);
    sink->port = ntohs(address.sin_port);
    return status;
}

static int watch(struct ese_sink *sink, int fd, void *who)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = who};

    return epoll_ctl(sink->epoll, EPOLL_CTL_ADD, fd, &event);
}

int ese_sink_open(struct ese_sink **sink, struct ese_error *error)
{
    struct ese_sink *opened = *sink = ese_alloc(sizeof *opened);

    opened->listener = -1;
    opened->epoll = epoll_create1(EPOLL_CLOEXEC);
    opened->stop = eventfd(0, EFD_CLOEXEC);
    if (listen_anywhere(opened) != 0 || watch(opened, opened->listener, opened) != 0 ||
        watch(opened, opened->stop, &opened->stop) != 0)
        return ese_fail_errno(error, "nothing can be received from 127.0.0.1");
    opened->runs = pthread_create(&opened->thread, NULL, run, opened) == 0;
    return opened->runs ? 0 : ese_fail_errno(error, "no thread to receive by");
}

void ese_sink_close(struct ese_sink **sink)
{
    struct ese_sink *closed = *sink;

    if (closed == NULL)
        return;
    *sink = NULL;
    if (closed->runs) {
        eventfd_write(closed->stop, 1);
        pthread_join(closed->thread, NULL);
    }
    while (closed->callers != NULL)
        drop(closed->callers);
    close(closed->listener);
    close(closed->epoll);
    close(closed->stop);
    free(closed);
}

/* ---- what is told ---------------------------------------------------------------------------------------------- */

void ese_sink_url(const struct ese_sink *sink, int path, char url[ESE_SINK_URL_SIZE])
{
    if (path == ESE_SINK_HANG)
        snprintf(url, ESE_SINK_URL_SIZE, "http://127.0.0.1:%d/hang", sink->port);
    else
        snprintf(url, ESE_SINK_URL_SIZE, "http://127.0.0.1:%d/%d", sink->port, path);
}

int64_t ese_sink_events(const struct ese_sink *sink)
{
    return atomic_load(&sink->events);
}

int64_t ese_sink_gaps(const struct ese_sink *sink)
{
    return atomic_load(&sink->gaps);
}

int64_t ese_sink_hanging(const struct ese_sink *sink)
{
    return atomic_load(&sink->hanging);
}

int64_t ese_sink_cpu_ns(const struct ese_sink *sink)
{
    struct timespec used = {0};
    clockid_t clock;

    if (!sink->runs || pthread_getcpuclockid(sink->thread, &clock) != 0 || clock_gettime(clock, &used) != 0)
        return 0;
    return (int64_t)used.tv_sec * 1000000000 + used.tv_nsec;
}
