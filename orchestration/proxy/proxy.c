#include "orchestration/proxy/proxy.h"

#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "ese-core/buffer.h"
#include "ese-core/clock.h"
#include "ese-core/descriptors.h"
#include "ese-core/memory.h"
#include "orchestration/proxy/control.h"
#include "orchestration/proxy/link.h"

#define OTHER_DESCRIPTORS 64 /* than those of connections */
#define ADDRESSES_SIZE (ESE_PROXY_LINKS * (ESE_PROXY_NAME_SIZE + ESE_PROXY_ADDRESS_SIZE))

struct ese_proxy {
    struct ese_proxy_house house;
    struct ese_descriptors descriptors;
    struct ese_proxy_link *links[ESE_PROXY_LINKS];
    int count;
    struct ese_proxy_control *control; /* NULL: there is none */
    struct ese_proxy_watch stop;
    bool is_stopped;
    struct ese_buffer addresses;
};

int ese_proxy_open(const struct ese_proxy_options *options, struct ese_proxy **proxy, struct ese_error *error)
{
    struct ese_proxy *made = *proxy = ese_alloc(sizeof *made);
    made->house.options = *options;
    made->house.loop = -1;
    made->stop.fd = -1;
    made->addresses = (struct ese_buffer)ESE_BUFFER_INIT(ADDRESSES_SIZE);
    TAILQ_INIT(&made->house.ended);
    /* Nobody is accepted whose two sockets could not be had. */
    made->descriptors = (struct ese_descriptors){.count = options->connections * 2 + OTHER_DESCRIPTORS,
                                                 .options = "--connections"};
    ese_descriptors_need(&made->descriptors);
    if (ese_descriptors_check(error) == 0 &&
        (made->house.loop = ese_proxy_loop_open(error)) >= 0 &&
        (options->control == NULL ||
         ese_proxy_control_open(made, made->house.loop, options->control, &made->control, error) == 0))
        return 0;
    ese_proxy_close(proxy);
    return -1;
}

static void free_ended(struct ese_proxy *proxy)
{
    struct ese_proxy_connections *ended = &proxy->house.ended;
    while (!TAILQ_EMPTY(ended)) {
        struct ese_proxy_connection *connection = TAILQ_FIRST(ended);
        TAILQ_REMOVE(ended, connection, list);
        ese_proxy_connection_free(&connection);
    }
    if (proxy->house.open < proxy->house.options.connections)
        proxy->house.is_full = false;
}

void ese_proxy_close(struct ese_proxy **proxy)
{
    struct ese_proxy *old = *proxy;
    if (old == NULL)
        return;
    for (int i = 0; i < old->count; i++)
        ese_proxy_link_close(&old->links[i]);
    free_ended(old);
    ese_proxy_control_close(&old->control);
    if (old->house.loop >= 0)
        close(old->house.loop);
    ese_buffer_free(&old->addresses);
    ese_descriptors_drop(&old->descriptors);
    free(old);
    *proxy = NULL;
}

static struct ese_proxy_link *find(const struct ese_proxy *proxy, const char *name, size_t length)
{
    for (int i = 0; i < proxy->count; i++) {
        if (strlen(proxy->links[i]->name) == length && memcmp(proxy->links[i]->name, name, length) == 0)
            return proxy->links[i];
    }
    return NULL;
}

int ese_proxy_add(struct ese_proxy *proxy, const char *text, struct ese_error *error)
{
    if (proxy->count == ESE_PROXY_LINKS)
        return ese_fail(error, ESE_E_USAGE, "--link: there may be at most %d", ESE_PROXY_LINKS);
    if (find(proxy, text, strcspn(text, "=")) != NULL)
        return ese_fail(error, ESE_E_USAGE, "--link '%.100s': that name is taken; give each one of its own", text);
    if (ese_proxy_link_open(&proxy->house, text, &proxy->links[proxy->count], error) != 0)
        return -1;
    const struct ese_proxy_link *link = proxy->links[proxy->count++];
    ese_buffer_printf(&proxy->addresses, "%s%s=%s", proxy->count > 1 ? " " : "", link->name, link->address);
    return 0;
}

const char *ese_proxy_addresses(struct ese_proxy *proxy)
{
    return proxy->count == 0 ? "" : proxy->addresses.text;
}

/* ---- what it is told ---- */

static void show(const struct ese_proxy_link *link, char answer[ESE_PROXY_ANSWER_SIZE])
{
    snprintf(answer, ESE_PROXY_ANSWER_SIZE, "ok open=%d accepted=%lld refused=%lld forward=%lld backward=%lld",
             link->open, (long long)link->accepted, (long long)link->refused,
             (long long)link->passed[ESE_PROXY_FORWARD], (long long)link->passed[ESE_PROXY_BACKWARD]);
}

static int change(struct ese_proxy_link *link, const char *text, struct ese_error *error)
{
    struct ese_proxy_condition condition;
    if (ese_proxy_condition_parse(text, &condition, error) != 0)
        return -1;
    ese_proxy_link_change(link, &condition, ese_clock_monotonic_ns());
    return 0;
}

void ese_proxy_tell(struct ese_proxy *proxy, const char *line, char answer[ESE_PROXY_ANSWER_SIZE])
{
    struct ese_error error;
    const char *rest = strchr(line, ' ');
    struct ese_proxy_link *link = find(proxy, line, strcspn(line, " "));
    if (link == NULL || rest == NULL) {
        snprintf(answer, ESE_PROXY_ANSWER_SIZE, "error: '%.80s': say LINK CONDITION, or LINK show; the links are "
                 "%.300s", line, ese_proxy_addresses(proxy));
        return;
    }
    if (strcmp(rest + 1, "show") == 0)
        show(link, answer);
    else if (change(link, rest + 1, &error) == 0)
        snprintf(answer, ESE_PROXY_ANSWER_SIZE, "ok");
    else
        snprintf(answer, ESE_PROXY_ANSWER_SIZE, "error: %.480s", error.text);
}

/* ---- its run ---- */

static void on_stop(struct ese_proxy_watch *watch, uint32_t events)
{
    struct ese_proxy *proxy = watch->owner;
    proxy->is_stopped = events != 0;
}

int ese_proxy_run(struct ese_proxy *proxy, int stop_fd, struct ese_error *error)
{
    int result = 0;
    proxy->stop = (struct ese_proxy_watch){.fd = stop_fd, .owner = proxy, .ready = on_stop};
    proxy->is_stopped = false;
    ese_proxy_loop_watch(proxy->house.loop, &proxy->stop, EPOLLIN);
    while (result == 0 && !proxy->is_stopped) {
        int64_t now_ns = ese_clock_monotonic_ns(), until_ns = INT64_MAX;
        for (int i = 0; i < proxy->count; i++) {
            int64_t next_ns = ese_proxy_link_turn(proxy->links[i], now_ns);
            until_ns = next_ns < until_ns ? next_ns : until_ns;
        }
        free_ended(proxy);
        result = ese_proxy_loop_turn(proxy->house.loop, until_ns, error);
    }
    ese_proxy_loop_forget(proxy->house.loop, &proxy->stop);
    return result;
}
