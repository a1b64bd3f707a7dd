#include "ese-core/http_client_sockets.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "ese-core/clock.h"

#define MOST_EVENTS 64   /* of one wait */
#define LONGEST_MS 60000 /* of one wait, so that it fits an int */

/* ---- what libcurl asks for ------------------------------------------------------------------- */

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *known)
{
    struct ese_http_sockets *sockets = context;
    struct epoll_event event = {.data.fd = fd};
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        epoll_ctl(sockets->poll_fd, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    if (what != CURL_POLL_OUT)
        event.events |= EPOLLIN;
    if (what != CURL_POLL_IN)
        event.events |= EPOLLOUT;
    if (epoll_ctl(sockets->poll_fd, known != NULL ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) == 0)
        curl_multi_assign(sockets->multi, fd, sockets); /* known from now on; forgotten when it is removed */
    return 0; /* anything else ends all transfers; what cannot be followed runs into its own time limit */
}

static int on_timer(CURLM *multi, long timeout_ms, void *context)
{
    struct ese_http_sockets *sockets = context;
    (void)multi;
    sockets->due_ns = timeout_ms < 0 ? INT64_MAX : ese_clock_monotonic_ns() + timeout_ms * ESE_NS_PER_MS;
    return 0;
}

/* ---- opening and closing --------------------------------------------------------------------- */

int ese_http_sockets_open(struct ese_http_sockets *sockets, CURLM *multi)
{
    *sockets = (struct ese_http_sockets){.multi = multi, .wake_fd = -1, .due_ns = INT64_MAX};
    sockets->poll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (sockets->poll_fd < 0)
        return -1;
    sockets->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = sockets->wake_fd};
    if (sockets->wake_fd < 0 || epoll_ctl(sockets->poll_fd, EPOLL_CTL_ADD, sockets->wake_fd, &event) != 0)
        return -1;
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, sockets);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, sockets);
    return 0;
}

void ese_http_sockets_close(struct ese_http_sockets *sockets)
{
    if (sockets->wake_fd >= 0)
        close(sockets->wake_fd);
    if (sockets->poll_fd >= 0)
        close(sockets->poll_fd);
}

/* ---- waiting --------------------------------------------------------------------------------- */

void ese_http_sockets_run_due(struct ese_http_sockets *sockets)
{
    int running;
    if (sockets->due_ns > ese_clock_monotonic_ns())
        return;
    sockets->due_ns = INT64_MAX; /* libcurl says anew, also where this is a moment too early */
    curl_multi_socket_action(sockets->multi, CURL_SOCKET_TIMEOUT, 0, &running);
}

/* An error, or an end, is found by whoever reads or writes. */
static void act(struct ese_http_sockets *sockets, const struct epoll_event *event)
{
    int what = 0, running;
    if (event->events & (EPOLLIN | EPOLLERR | EPOLLHUP))
        what |= CURL_CSELECT_IN;
    if (event->events & (EPOLLOUT | EPOLLERR | EPOLLHUP))
        what |= CURL_CSELECT_OUT;
    curl_multi_socket_action(sockets->multi, event->data.fd, what, &running);
}

static int in_ms(int64_t left_ns)
{
    int64_t left_ms = (left_ns + ESE_NS_PER_MS - 1) / ESE_NS_PER_MS;
    return left_ms < 0 ? 0 : left_ms > LONGEST_MS ? LONGEST_MS : (int)left_ms;
}

bool ese_http_sockets_wait(struct ese_http_sockets *sockets, int64_t left_ns, int extra_fd)
{
    struct epoll_event events[MOST_EVENTS];
    struct pollfd either[] = {{.fd = sockets->poll_fd, .events = POLLIN}, {.fd = extra_fd, .events = POLLIN}};
    int64_t due_in_ns = sockets->due_ns == INT64_MAX ? INT64_MAX : sockets->due_ns - ese_clock_monotonic_ns();
    int patience_ms = in_ms(due_in_ns < left_ns ? due_in_ns : left_ns);
    if (extra_fd >= 0) {
        poll(either, 2, patience_ms);
        patience_ms = 0;
    }
    int count = epoll_wait(sockets->poll_fd, events, MOST_EVENTS, patience_ms);
    for (int i = 0; i < count; i++) {
        eventfd_t wakes;
        if (events[i].data.fd == sockets->wake_fd)
            eventfd_read(sockets->wake_fd, &wakes);
        else
            act(sockets, &events[i]);
    }
    ese_http_sockets_run_due(sockets);
    return either[1].revents != 0;
}

void ese_http_sockets_wake(struct ese_http_sockets *sockets)
{
    eventfd_write(sockets->wake_fd, 1);
}
