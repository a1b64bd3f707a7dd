#include "ese-core/http_client_watch.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "ese-core/wire.h"

#define NEVER INT64_MAX
#define READY_AT_ONCE 64
#define MOST_WAIT_NS (3600 * ESE_NS_PER_S) /* in milliseconds, still an int */

/* What is known of one descriptor, found by its number. */
struct watched {
    uint8_t wanted; /* EPOLLIN, EPOLLOUT: what libcurl waits for */
    uint8_t set;    /* what the epoll has been told */
    bool is_made_here;
};

struct ese_http_watch {
    CURLM *multi;
    int epoll, wake;
    int64_t due_ns; /* when libcurl is to be called although no socket is ready, or NEVER */
    struct watched *watched;
    int watched_size;
};

static struct watched *watched_at(struct ese_http_watch *watch, int fd)
{
    if (fd >= watch->watched_size) {
        int size = fd + 64;
        struct watched *longer = ese_alloc_array((size_t)size, sizeof *longer);
        if (watch->watched_size > 0)
            memcpy(longer, watch->watched, (size_t)watch->watched_size * sizeof *longer);
        free(watch->watched);
        watch->watched = longer;
        watch->watched_size = size;
    }
    return &watch->watched[fd];
}

static int tell_epoll(struct ese_http_watch *watch, int fd, struct watched *watched, uint8_t events)
{
    int what = events == 0 ? EPOLL_CTL_DEL : watched->set == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    if (events == watched->set)
        return 0;
    watched->set = events;
    return epoll_ctl(watch->epoll, what, fd, &(struct epoll_event){.events = events, .data.fd = fd});
}

/* ---- libcurl's callbacks --------------------------------------------------------------------- */

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *unused)
{
    struct ese_http_watch *watch = context;
    struct watched *watched = watched_at(watch, fd);
    (void)easy, (void)unused;
    watched->wanted = 0;
    if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
        watched->wanted |= EPOLLIN;
    if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
        watched->wanted |= EPOLLOUT;
    if (what != CURL_POLL_REMOVE)
        return tell_epoll(watch, fd, watched, watched->wanted);
    if (!watched->is_made_here) /* closed without our being told */
        tell_epoll(watch, fd, watched, 0);
    return 0;
}

static int on_timer(CURLM *multi, long timeout_ms, void *context)
{
    struct ese_http_watch *watch = context;
    (void)multi;
    if (timeout_ms < 0)
        watch->due_ns = NEVER;
    else
        watch->due_ns = timeout_ms == 0 ? 0 : ese_clock_monotonic_ns() + timeout_ms * ESE_NS_PER_MS;
    return 0;
}

static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)purpose;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (fd < 0)
        return CURL_SOCKET_BAD;
    *watched_at(context, fd) = (struct watched){.is_made_here = true};
    ese_wire_opened(fd);
    return fd;
}

static int close_socket(void *context, curl_socket_t fd)
{
    struct watched *watched = watched_at(context, fd);
    tell_epoll(context, fd, watched, 0);
    *watched = (struct watched){0};
    ese_wire_closing(fd);
    return close(fd);
}

/* ---- opening --------------------------------------------------------------------------------- */

struct ese_http_watch *ese_http_watch_open(CURLM *multi)
{
    struct ese_http_watch *watch = ese_alloc(sizeof *watch);
    watch->multi = multi;
    watch->due_ns = NEVER;
    watch->epoll = epoll_create1(EPOLL_CLOEXEC);
    watch->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct epoll_event wake = {.events = EPOLLIN, .data.fd = watch->wake};
    if (watch->epoll < 0 || watch->wake < 0 || epoll_ctl(watch->epoll, EPOLL_CTL_ADD, watch->wake, &wake) != 0) {
        ese_http_watch_close(&watch);
        return NULL;
    }
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, watch);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, watch);
    return watch;
}

void ese_http_watch_add(struct ese_http_watch *watch, CURL *easy)
{
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, watch);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, watch);
}

void ese_http_watch_close(struct ese_http_watch **handle)
{
    struct ese_http_watch *watch = *handle;
    if (watch == NULL)
        return;
    int error = errno; /* for who could not open it */
    *handle = NULL;
    if (watch->epoll >= 0)
        close(watch->epoll);
    if (watch->wake >= 0)
        close(watch->wake);
    free(watch->watched);
    free(watch);
    errno = error;
}

/* ---- waiting --------------------------------------------------------------------------------- */

void ese_http_watch_run_due(struct ese_http_watch *watch)
{
    int running;
    if (watch->due_ns == NEVER || (watch->due_ns > 0 && watch->due_ns > ese_clock_monotonic_ns()))
        return;
    watch->due_ns = NEVER;
    curl_multi_socket_action(watch->multi, CURL_SOCKET_TIMEOUT, 0, &running);
}

/* libcurl reads and writes as it is told; of what is neither it finds out for itself. */
static void act(struct ese_http_watch *watch, int fd, uint32_t events)
{
    struct watched *watched = watched_at(watch, fd);
    int running, ready = (events & EPOLLIN ? CURL_CSELECT_IN : 0) | (events & EPOLLOUT ? CURL_CSELECT_OUT : 0);
    if (watched->wanted == 0) { /* closed by the other side between two requests: libcurl sees that in its turn */
        tell_epoll(watch, fd, watched, 0);
        return;
    }
    curl_multi_socket_action(watch->multi, fd, (events & (EPOLLERR | EPOLLHUP)) != 0 ? 0 : ready, &running);
}

/* In whole milliseconds, and not before the moment. */
static int wait_ms(int64_t until_ns)
{
    int64_t left_ns = until_ns > 0 ? until_ns - ese_clock_monotonic_ns() : 0;
    if (left_ns <= 0)
        return 0;
    return (int)(((left_ns < MOST_WAIT_NS ? left_ns : MOST_WAIT_NS) + ESE_NS_PER_MS - 1) / ESE_NS_PER_MS);
}

bool ese_http_watch_wait(struct ese_http_watch *watch, int64_t until_ns, int extra_fd)
{
    struct epoll_event events[READY_AT_ONCE], extra = {.events = EPOLLIN, .data.fd = extra_fd};
    bool is_extra = extra_fd >= 0, woken = false;
    if (watch->due_ns < until_ns)
        until_ns = watch->due_ns;
    if (is_extra && epoll_ctl(watch->epoll, EPOLL_CTL_ADD, extra_fd, &extra) != 0)
        return true; /* who reads from it is told what is wrong with it, or that it is never waited for (a file) */
    int count = epoll_wait(watch->epoll, events, READY_AT_ONCE, wait_ms(until_ns));
    for (int i = 0; i < count; i++) {
        int fd = events[i].data.fd;
        if (fd == watch->wake || (is_extra && fd == extra_fd))
            woken = true;
        else
            act(watch, fd, events[i].events);
        if (fd == watch->wake)
            eventfd_read(watch->wake, &(eventfd_t){0});
    }
    if (is_extra)
        epoll_ctl(watch->epoll, EPOLL_CTL_DEL, extra_fd, NULL);
    return woken;
}

void ese_http_watch_wake(struct ese_http_watch *watch)
{
    eventfd_write(watch->wake, 1);
}
