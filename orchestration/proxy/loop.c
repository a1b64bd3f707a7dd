#include "orchestration/proxy/loop.h"

#include <errno.h>
#include <sys/epoll.h>

#include "ese-core/clock.h"
#include "ese-core/log.h"

#define EVENTS 64

int ese_proxy_loop_open(struct ese_error *error)
{
    int loop = epoll_create1(EPOLL_CLOEXEC);
    return loop < 0 ? ese_fail_errno(error, "cannot make an epoll") : loop;
}

void ese_proxy_loop_watch(int loop, struct ese_proxy_watch *watch, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = watch};
    if (watch->is_watched && watch->events == events)
        return;
    if (epoll_ctl(loop, watch->is_watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, watch->fd, &event) != 0)
        ese_log_error("cannot watch a descriptor: errno %d", errno);
    watch->is_watched = true;
    watch->events = events;
}

void ese_proxy_loop_forget(int loop, struct ese_proxy_watch *watch)
{
    if (watch->is_watched)
        epoll_ctl(loop, EPOLL_CTL_DEL, watch->fd, NULL);
    watch->is_watched = false;
}

int ese_proxy_loop_turn(int loop, int64_t until_ns, struct ese_error *error)
{
    struct epoll_event events[EVENTS];
    int64_t left_ns = until_ns == INT64_MAX ? 0 : until_ns - ese_clock_monotonic_ns();
    if (left_ns < 0)
        left_ns = 0;
    struct timespec left = {.tv_sec = left_ns / ESE_NS_PER_S, .tv_nsec = left_ns % ESE_NS_PER_S};
    int count = epoll_pwait2(loop, events, EVENTS, until_ns == INT64_MAX ? NULL : &left, NULL);
    if (count < 0 && errno != EINTR)
        return ese_fail_errno(error, "epoll_pwait2");
    for (int i = 0; i < count; i++) {
        struct ese_proxy_watch *watch = events[i].data.ptr;
        if (watch->fd >= 0)
            watch->ready(watch, events[i].events);
    }
    return 0;
}
