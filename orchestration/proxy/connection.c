#include "orchestration/proxy/connection.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "orchestration/proxy/link.h"

#define SWALLOW 65536 /* bytes at once, of those that nobody reads */

static int loop_of(const struct ese_proxy_connection *connection)
{
    return connection->link->house->loop;
}

static bool is_open(const struct ese_proxy_connection *connection, enum ese_proxy_end end)
{
    return connection->sockets[end].watch.fd >= 0;
}

static enum ese_proxy_end other(enum ese_proxy_end end)
{
    return end == ESE_PROXY_NEAR ? ESE_PROXY_FAR : ESE_PROXY_NEAR;
}

/* ---- its end ---- */

/* A socket that lingers for no time is reset (socket(7), SO_LINGER; tcp(7)). */
static void close_socket(struct ese_proxy_connection *connection, enum ese_proxy_end end, bool is_reset)
{
    struct ese_proxy_watch *watch = &connection->sockets[end].watch;
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    if (watch->fd < 0)
        return;
    ese_proxy_loop_forget(loop_of(connection), watch);
    if (is_reset)
        setsockopt(watch->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(watch->fd);
    watch->fd = -1;
}

/* It may be among those that an event still under way is for, and is freed later. */
static void leave(struct ese_proxy_connection *connection, bool is_reset)
{
    struct ese_proxy_link *link = connection->link;
    close_socket(connection, ESE_PROXY_NEAR, is_reset);
    close_socket(connection, ESE_PROXY_FAR, is_reset);
    TAILQ_REMOVE(&link->connections, connection, list);
    TAILQ_INSERT_TAIL(&link->house->ended, connection, list);
    link->open--;
    link->house->open--;
}

void ese_proxy_connection_reset(struct ese_proxy_connection *connection)
{
    leave(connection, true);
}

void ese_proxy_connection_free(struct ese_proxy_connection **connection)
{
    for (int way = 0; way < ESE_PROXY_WAYS; way++)
        ese_proxy_flow_close(&(*connection)->flows[way]);
    free(*connection);
    *connection = NULL;
}

static bool is_gone(const struct ese_proxy_connection *connection)
{
    return !is_open(connection, ESE_PROXY_NEAR) && !is_open(connection, ESE_PROXY_FAR);
}

/* An end was reset, or could not be reached: the other one is told, once that has got through. */
static void lose(struct ese_proxy_connection *connection, enum ese_proxy_end end, int64_t now_ns)
{
    close_socket(connection, end, true);
    if (is_gone(connection)) {
        leave(connection, true);
        return;
    }
    connection->is_broken = true;
    connection->broken_way = (enum ese_proxy_way)end;
    connection->told_ns = now_ns + connection->link->delay.latency_ns;
}

void ese_proxy_connection_halve(struct ese_proxy_connection *connection, enum ese_proxy_end gone)
{
    close_socket(connection, gone, true);
    connection->is_broken = false;
    connection->is_orphan = true;
    if (is_gone(connection))
        leave(connection, true);
}

/* ---- in, and out ---- */

static void fill(struct ese_proxy_connection *connection, enum ese_proxy_way way, int64_t now_ns)
{
    struct ese_proxy_link *link = connection->link;
    struct ese_proxy_flow *flow = &connection->flows[way];
    size_t room;
    char *place = ese_proxy_flow_room(flow, &room);
    if (room == 0 || flow->has_ended || link->cut[way])
        return;
    ssize_t count = recv(connection->sockets[way].watch.fd, place, room, 0);
    if (count > 0)
        ese_proxy_flow_put(flow, (size_t)count, &link->delay, now_ns);
    else if (count == 0)
        ese_proxy_flow_end(flow, &link->delay, now_ns);
    else if (errno != EAGAIN && errno != EINTR)
        lose(connection, (enum ese_proxy_end)way, now_ns);
}

/* What is due, as far as the line and the other end take it. */
static void drain(struct ese_proxy_connection *connection, enum ese_proxy_way way, int64_t now_ns)
{
    struct ese_proxy_flow *flow = &connection->flows[way];
    enum ese_proxy_end end = other((enum ese_proxy_end)way);
    struct ese_proxy_socket *to = &connection->sockets[end];
    while (!to->is_connecting && !to->is_blocked && !connection->link->cut[way]) {
        size_t length, most = ese_proxy_link_allowance(connection->link, way, now_ns);
        const char *bytes = ese_proxy_flow_due(flow, now_ns, &length);
        if (length == 0 || most == 0)
            break;
        ssize_t count = send(to->watch.fd, bytes, length < most ? length : most, MSG_NOSIGNAL);
        if (count > 0) {
            ese_proxy_flow_take(flow, (size_t)count);
            ese_proxy_link_spend(connection->link, connection, way, (size_t)count, now_ns);
        } else if (errno == EAGAIN) {
            to->is_blocked = true;
        } else if (errno != EINTR) {
            lose(connection, end, now_ns);
            return;
        }
    }
    if (!to->is_connecting && !connection->link->cut[way] && !to->is_shut && ese_proxy_flow_is_over(flow, now_ns)) {
        shutdown(to->watch.fd, SHUT_WR);
        to->is_shut = true;
    }
}

/* What the end that is left sends goes nowhere. Once the other is back it knows nothing of the connection, and answers
 * whatever it hears of it with a reset: at once, where that end has been sending again and again. */
static void swallow(struct ese_proxy_connection *connection, bool is_readable)
{
    static char nowhere[SWALLOW];
    enum ese_proxy_end end = is_open(connection, ESE_PROXY_NEAR) ? ESE_PROXY_NEAR : ESE_PROXY_FAR;
    struct ese_proxy_socket *left = &connection->sockets[end];
    ssize_t count = is_readable ? recv(left->watch.fd, nowhere, sizeof nowhere, 0) : -1;
    if (count >= 0)
        connection->orphan_spoke = true;
    if (connection->orphan_spoke && (left->is_shut || !connection->link->is_half_open))
        leave(connection, true);
    else
        ese_proxy_loop_watch(loop_of(connection), &left->watch, count == 0 || left->is_parked ? 0 : EPOLLIN);
    if (count == 0)
        left->is_parked = true;
}

/* ---- what is waited for ---- */

static void await(struct ese_proxy_connection *connection, enum ese_proxy_end end)
{
    struct ese_proxy_socket *own = &connection->sockets[end];
    const bool *cut = connection->link->cut;
    size_t room;
    uint32_t events = 0;
    ese_proxy_flow_room(&connection->flows[end], &room);
    if (!own->is_connecting && !connection->flows[end].has_ended && !cut[end] && room > 0)
        events |= EPOLLIN;
    if (own->is_connecting || (own->is_blocked && !cut[other(end)]))
        events |= EPOLLOUT;
    if (events == 0 && own->is_parked) /* else it would be told of its end without end */
        ese_proxy_loop_forget(loop_of(connection), &own->watch);
    else
        ese_proxy_loop_watch(loop_of(connection), &own->watch, events);
}

static void await_both(struct ese_proxy_connection *connection)
{
    if (connection->sockets[ESE_PROXY_NEAR].is_shut && connection->sockets[ESE_PROXY_FAR].is_shut) {
        leave(connection, false);
        return;
    }
    await(connection, ESE_PROXY_NEAR);
    await(connection, ESE_PROXY_FAR);
}

/* Tells the end that is left, where the news has got through, or waits on. */
static void tell(struct ese_proxy_connection *connection, int64_t now_ns)
{
    enum ese_proxy_end left = other((enum ese_proxy_end)connection->broken_way);
    if (!connection->link->cut[connection->broken_way] && connection->told_ns <= now_ns)
        leave(connection, true);
    else
        ese_proxy_loop_watch(loop_of(connection), &connection->sockets[left].watch, 0);
}

void ese_proxy_connection_pump(struct ese_proxy_connection *connection, int64_t now_ns)
{
    for (int way = 0; way < ESE_PROXY_WAYS && !connection->is_broken && !connection->is_orphan; way++)
        drain(connection, (enum ese_proxy_way)way, now_ns);
    if (is_gone(connection))
        return;
    if (connection->is_orphan)
        swallow(connection, false);
    else if (connection->is_broken)
        tell(connection, now_ns);
    else
        await_both(connection);
}

int64_t ese_proxy_connection_next_ns(const struct ese_proxy_connection *connection, int64_t now_ns)
{
    const struct ese_proxy_link *link = connection->link;
    int64_t first_ns = INT64_MAX;
    if (connection->is_broken)
        return link->cut[connection->broken_way] ? INT64_MAX : connection->told_ns;
    for (int way = 0; way < ESE_PROXY_WAYS && !connection->is_orphan; way++) {
        const struct ese_proxy_socket *to = &connection->sockets[other((enum ese_proxy_end)way)];
        if (to->is_connecting || to->is_blocked || to->is_shut || link->cut[way])
            continue;
        int64_t next_ns = ese_proxy_flow_next_ns(&connection->flows[way]);
        if (next_ns <= now_ns && link->bytes_per_s > 0) /* the line has no room for it yet */
            next_ns = link->free_ns[way];
        first_ns = next_ns < first_ns ? next_ns : first_ns;
    }
    return first_ns;
}

/* ---- what happens to it ---- */

/* Whether the socket has failed: 0, or why. */
static int problem_of(const struct ese_proxy_socket *own)
{
    int problem = 0;
    socklen_t size = sizeof problem;
    return getsockopt(own->watch.fd, SOL_SOCKET, SO_ERROR, &problem, &size) == 0 ? problem : errno;
}

static void happen(struct ese_proxy_connection *connection, enum ese_proxy_end end, uint32_t events)
{
    struct ese_proxy_socket *own = &connection->sockets[end];
    int64_t now_ns = ese_clock_monotonic_ns();
    if ((events & (EPOLLERR | EPOLLHUP)) != 0 && problem_of(own) != 0) {
        lose(connection, end, now_ns);
    } else if (connection->is_orphan) {
        swallow(connection, true);
        return;
    } else if (connection->is_broken) {
        leave(connection, true); /* it has closed, and need not be told any more */
    } else {
        if ((events & EPOLLOUT) != 0)
            own->is_connecting = own->is_blocked = false;
        own->is_parked = own->is_parked || (events & EPOLLHUP) != 0;
        if ((events & (EPOLLIN | EPOLLHUP)) != 0 && !own->is_connecting)
            fill(connection, (enum ese_proxy_way)end, now_ns);
    }
    if (!is_gone(connection))
        ese_proxy_connection_pump(connection, now_ns);
}

static void on_near(struct ese_proxy_watch *watch, uint32_t events)
{
    happen(watch->owner, ESE_PROXY_NEAR, events);
}

static void on_far(struct ese_proxy_watch *watch, uint32_t events)
{
    happen(watch->owner, ESE_PROXY_FAR, events);
}

/* ---- its beginning ---- */

/* Bytes go on as they come, and no more are held by the kernel than are meant to be. */
static void tune(int fd, size_t buffer)
{
    int on = 1, bytes = (int)buffer;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
}

static void connect_far(struct ese_proxy_connection *connection, int64_t now_ns)
{
    struct ese_proxy_link *link = connection->link;
    struct ese_proxy_socket *far = &connection->sockets[ESE_PROXY_FAR];
    far->watch.fd = socket(link->target.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    far->is_connecting = true;
    if (far->watch.fd >= 0)
        tune(far->watch.fd, link->house->options.buffer);
    if (far->watch.fd < 0 || (connect(far->watch.fd, (struct sockaddr *)&link->target, link->target_size) != 0 &&
                              errno != EINPROGRESS))
        lose(connection, ESE_PROXY_FAR, now_ns);
}

void ese_proxy_connection_open(struct ese_proxy_link *link, int fd, int64_t now_ns)
{
    struct ese_proxy_house *house = link->house;
    struct ese_proxy_connection *made = ese_alloc(sizeof *made);
    made->link = link;
    made->sockets[ESE_PROXY_NEAR].watch = (struct ese_proxy_watch){.fd = fd, .owner = made, .ready = on_near};
    made->sockets[ESE_PROXY_FAR].watch = (struct ese_proxy_watch){.fd = -1, .owner = made, .ready = on_far};
    for (int way = 0; way < ESE_PROXY_WAYS; way++)
        ese_proxy_flow_open(&made->flows[way], house->options.buffer,
                            ese_random_seeded(house->options.seed, house->streams++));
    TAILQ_INSERT_TAIL(&link->connections, made, list);
    link->open++;
    house->open++;
    tune(fd, house->options.buffer);
    if (link->is_half_open)
        made->is_orphan = true;
    else
        connect_far(made, now_ns);
    ese_proxy_connection_pump(made, now_ns);
}
