/*
 * loop.h - one epoll, and what it watches. One thread.
 */
#ifndef ESE_PROXY_LOOP_H
#define ESE_PROXY_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "ese-core/error.h"

/* A descriptor that may be watched, of an owner who is told what epoll_wait(2) has said of it. -1: it is closed, and
 * nobody is told any more, not even of what was said in the same breath. */
struct ese_proxy_watch {
    int fd;
    void *owner;
    void (*ready)(struct ese_proxy_watch *watch, uint32_t events);
    uint32_t events;
    bool is_watched;
};

/* The descriptor of the epoll; -1 with error. */
int ese_proxy_loop_open(struct ese_error *error);

/* From now on for these events; 0: for errors only. */
void ese_proxy_loop_watch(int loop, struct ese_proxy_watch *watch, uint32_t events);
void ese_proxy_loop_forget(int loop, struct ese_proxy_watch *watch);

/* Waits for the next events, at most until then (monotonic; INT64_MAX: for ever), and tells those they are for, who
 * stay in memory until it returns. */
int ese_proxy_loop_turn(int loop, int64_t until_ns, struct ese_error *error);

#endif
