#include "orchestration/proxy/link.h"

#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/http_listen.h"
#include "ese-core/log.h"
#include "ese-core/memory.h"

#define BACKLOG 128
#define ACCEPTS 16                        /* at one event, so that others get their turn */
#define ACCEPT_AGAIN_NS (100 * ESE_NS_PER_MS) /* where the system has no room for one more */
#define STRETCH_MS 10                     /* of a bandwidth: what may leave at once */
#define CREDIT_NS (2 * STRETCH_MS * ESE_NS_PER_MS) /* what it may be behind, so that waking late costs nothing */

/* ---- who comes ---- */

/* At once, so that whoever comes knows. */
static void refuse(struct ese_proxy_link *link, int fd)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    struct ese_proxy_house *house = link->house;
    if (!house->is_full)
        ese_log_warning("%s: a connection is refused: there are %d, as many as --connections says", link->name,
                        house->open);
    house->is_full = true;
    link->refused++;
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(fd);
}

static void pause_accepting(struct ese_proxy_link *link, int64_t now_ns)
{
    ese_log_warning("%s: cannot accept a connection: %s", link->name, strerror(errno));
    ese_proxy_loop_watch(link->house->loop, &link->listener, 0);
    link->accept_ns = now_ns + ACCEPT_AGAIN_NS;
    link->is_timed = true;
}

static void on_listener(struct ese_proxy_watch *watch, uint32_t events)
{
    struct ese_proxy_link *link = watch->owner;
    int64_t now_ns = ese_clock_monotonic_ns();
    for (int i = 0; events != 0 && i < ACCEPTS; i++) {
        int fd = accept4(watch->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM))
            pause_accepting(link, now_ns);
        if (fd < 0)
            return;
        link->accepted++;
        if (link->house->open >= link->house->options.connections)
            refuse(link, fd);
        else
            ese_proxy_connection_open(link, fd, now_ns);
    }
}

/* ---- its beginning, and end ---- */

struct parts {
    char text[2 * ESE_PROXY_ADDRESS_SIZE + ESE_PROXY_NAME_SIZE];
    const char *name, *listen, *target;
};

static bool is_name(const char *text)
{
    return text[0] != '\0' && strlen(text) < ESE_PROXY_NAME_SIZE &&
           strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(text);
}

static int split(const char *text, struct parts *parts, struct ese_error *error)
{
    bool fits = ese_fit_text(parts->text, sizeof parts->text, text) == 0;
    char *equals = strchr(parts->text, '='), *comma = strchr(parts->text, ',');
    if (!fits || equals == NULL || comma == NULL || comma < equals)
        return ese_fail(error, ESE_E_USAGE, "--link '%.100s' is no NAME=LISTEN,TARGET, as "
                                            "client=127.0.0.1:0,127.0.0.1:2001", text);
    *equals = *comma = '\0';
    parts->name = parts->text;
    parts->listen = equals + 1;
    parts->target = comma + 1;
    return 0;
}

static int check(const struct parts *parts, struct ese_error *error)
{
    if (!is_name(parts->name))
        return ese_fail(error, ESE_E_USAGE, "--link '%.100s': a name is of letters a to z, digits and -, and of at "
                        "most %d", parts->name, ESE_PROXY_NAME_SIZE - 1);
    if (strncmp(parts->listen, "127.", 4) != 0 && strncmp(parts->listen, "[::1]:", 6) != 0)
        return ese_fail(error, ESE_E_USAGE, "--link %s: '%.100s' is not of this machine alone: listen on "
                        "127.0.0.1:PORT", parts->name, parts->listen);
    return 0;
}

static int look_up(struct ese_proxy_link *link, const char *target, struct ese_error *error)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    char host[ESE_PROXY_ADDRESS_SIZE];
    struct addrinfo *found;
    bool fits = ese_fit_text(host, sizeof host, target) == 0;
    char *colon = strrchr(host, ':');
    if (!fits || colon == NULL || colon == host)
        return ese_fail(error, ESE_E_USAGE, "--link %s: the target '%.100s' is no HOST:PORT", link->name, target);
    *colon = '\0';
    bool is_bracketed = host[0] == '[' && colon[-1] == ']';
    if (is_bracketed)
        colon[-1] = '\0';
    int problem = getaddrinfo(host + is_bracketed, colon + 1, &hints, &found);
    if (problem != 0)
        return ese_fail(error, ESE_E_USAGE, "--link %s: the target '%.100s': %s", link->name, target,
                        gai_strerror(problem));
    memcpy(&link->target, found->ai_addr, found->ai_addrlen);
    link->target_size = found->ai_addrlen;
    freeaddrinfo(found);
    return 0;
}

static int start_listening(struct ese_proxy_link *link, const char *address, struct ese_error *error)
{
    struct ese_http_listen listening;
    if (ese_http_listen_open(address, false, &listening, error) != 0)
        return -1;
    link->listener.fd = listening.fd;
    snprintf(link->address, sizeof link->address, "%s", listening.address);
    if (listen(listening.fd, BACKLOG) != 0)
        return ese_fail_errno(error, "cannot listen on %s", link->address);
    ese_proxy_loop_watch(link->house->loop, &link->listener, EPOLLIN);
    return 0;
}

int ese_proxy_link_open(struct ese_proxy_house *house, const char *text, struct ese_proxy_link **link,
                        struct ese_error *error)
{
    struct parts parts;
    *link = NULL;
    if (split(text, &parts, error) != 0 || check(&parts, error) != 0)
        return -1;
    struct ese_proxy_link *made = *link = ese_alloc(sizeof *made);
    made->house = house;
    made->accept_ns = INT64_MAX;
    made->listener = (struct ese_proxy_watch){.fd = -1, .owner = made, .ready = on_listener};
    snprintf(made->name, sizeof made->name, "%s", parts.name);
    TAILQ_INIT(&made->connections);
    if (look_up(made, parts.target, error) == 0 && start_listening(made, parts.listen, error) == 0)
        return 0;
    ese_proxy_link_close(link);
    return -1;
}

static void reset_all(struct ese_proxy_link *link)
{
    while (!TAILQ_EMPTY(&link->connections))
        ese_proxy_connection_reset(TAILQ_FIRST(&link->connections));
}

void ese_proxy_link_close(struct ese_proxy_link **link)
{
    struct ese_proxy_link *old = *link;
    if (old == NULL)
        return;
    reset_all(old);
    ese_proxy_loop_forget(old->house->loop, &old->listener);
    if (old->listener.fd >= 0)
        close(old->listener.fd);
    free(old);
    *link = NULL;
}

/* ---- what it is like ---- */

/* Each as it stands now; some may leave meanwhile, and some move to the end of the list, having had their turn. */
static void pump_all(struct ese_proxy_link *link, int64_t now_ns)
{
    struct ese_proxy_connection *next = TAILQ_FIRST(&link->connections);
    for (int left = link->open; left > 0 && next != NULL; left--) {
        struct ese_proxy_connection *connection = next;
        next = TAILQ_NEXT(connection, list);
        ese_proxy_connection_pump(connection, now_ns);
    }
}

static void halve_all(struct ese_proxy_link *link, enum ese_proxy_end gone)
{
    struct ese_proxy_connection *next = TAILQ_FIRST(&link->connections);
    while (next != NULL) {
        struct ese_proxy_connection *connection = next;
        next = TAILQ_NEXT(connection, list);
        ese_proxy_connection_halve(connection, gone);
    }
    link->is_half_open = true;
    link->gone = gone;
}

static void restore(struct ese_proxy_link *link)
{
    link->delay = (struct ese_proxy_delay){0};
    link->bytes_per_s = 0;
    link->cut[ESE_PROXY_FORWARD] = link->cut[ESE_PROXY_BACKWARD] = false;
    link->is_half_open = false;
}

void ese_proxy_link_change(struct ese_proxy_link *link, const struct ese_proxy_condition *condition, int64_t now_ns)
{
    switch (condition->verb) {
    case ESE_PROXY_LATENCY:
        link->delay.latency_ns = condition->latency_ns;
        link->delay.jitter_ns = condition->jitter_ns;
        break;
    case ESE_PROXY_BANDWIDTH:
        link->bytes_per_s = condition->bytes_per_s;
        link->free_ns[ESE_PROXY_FORWARD] = link->free_ns[ESE_PROXY_BACKWARD] = now_ns;
        break;
    case ESE_PROXY_CUT:
        memcpy(link->cut, condition->cut, sizeof link->cut);
        break;
    case ESE_PROXY_HALF_OPEN:
        halve_all(link, condition->gone);
        break;
    case ESE_PROXY_RESET:
        reset_all(link);
        break;
    case ESE_PROXY_RESTORE:
        restore(link);
        break;
    }
    link->is_timed = true;
    pump_all(link, now_ns);
}

size_t ese_proxy_link_allowance(const struct ese_proxy_link *link, enum ese_proxy_way way, int64_t now_ns)
{
    if (link->bytes_per_s == 0)
        return SIZE_MAX;
    if (link->free_ns[way] > now_ns)
        return 0;
    int64_t stretch = link->bytes_per_s * STRETCH_MS / 1000;
    return stretch > 0 ? (size_t)stretch : 1;
}

void ese_proxy_link_spend(struct ese_proxy_link *link, struct ese_proxy_connection *connection, enum ese_proxy_way way,
                          size_t bytes, int64_t now_ns)
{
    link->passed[way] += (int64_t)bytes;
    if (link->bytes_per_s == 0)
        return;
    if (link->free_ns[way] < now_ns - CREDIT_NS)
        link->free_ns[way] = now_ns - CREDIT_NS;
    link->free_ns[way] += (int64_t)((double)bytes * (double)ESE_NS_PER_S / (double)link->bytes_per_s);
    TAILQ_REMOVE(&link->connections, connection, list); /* others first, the next time */
    TAILQ_INSERT_TAIL(&link->connections, connection, list);
}

/* ---- what is due ---- */

static void accept_again(struct ese_proxy_link *link, int64_t now_ns)
{
    if (link->accept_ns > now_ns)
        return;
    link->accept_ns = INT64_MAX;
    ese_proxy_loop_watch(link->house->loop, &link->listener, EPOLLIN);
}

int64_t ese_proxy_link_turn(struct ese_proxy_link *link, int64_t now_ns)
{
    if (!link->is_timed)
        return INT64_MAX;
    accept_again(link, now_ns);
    struct ese_proxy_connection *next = TAILQ_FIRST(&link->connections);
    for (int left = link->open; left > 0 && next != NULL; left--) {
        struct ese_proxy_connection *connection = next;
        next = TAILQ_NEXT(connection, list);
        if (ese_proxy_connection_next_ns(connection, now_ns) <= now_ns)
            ese_proxy_connection_pump(connection, now_ns);
    }
    int64_t first_ns = link->accept_ns;
    TAILQ_FOREACH(next, &link->connections, list)
    {
        int64_t next_ns = ese_proxy_connection_next_ns(next, now_ns);
        first_ns = next_ns < first_ns ? next_ns : first_ns;
    }
    link->is_timed = first_ns != INT64_MAX || link->delay.latency_ns + link->delay.jitter_ns + link->bytes_per_s > 0;
    return first_ns;
}
