/* The clock of http_connection.c starts with a request's first byte, not with its last activity:
 * who drips bytes is cut off like who sends none (RFC 9112 section 9.5 leaves time-outs to us). */
#include "ese-core/http_server_internal.h"

#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"

#define QUIET_NS ESE_NS_PER_S        /* who says nothing for so long makes room for somebody who waits, */
#define UNREAD_NS (5 * ESE_NS_PER_S) /* as does who reads nothing of its answer */

#define TIMED_OUT "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n"

static struct tcp_info info_of(int fd)
{
    struct tcp_info info = {0};
    socklen_t length = sizeof info;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0)
        return (struct tcp_info){0};
    return info;
}

static void add(struct ese_http_server *server, struct MHD_Connection *mhd, void **context)
{
    struct http_connection *connection = ese_alloc(sizeof *connection);
    connection->server = server;
    connection->fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    connection->quiet_since_ns = ese_clock_monotonic_ns();
    connection->next = server->connections;
    if (connection->next != NULL)
        connection->next->previous = connection;
    server->connections = connection;
    server->connected++;
    *context = connection;
    ese_metric_add(server->connection_count, 1);
}

/* Of a request for whose query it has no room, libmicrohttpd tells the beginning, and no end. */
static void drop(struct ese_http_server *server, struct http_connection *connection)
{
    if (connection->previous != NULL)
        connection->previous->next = connection->next;
    else
        server->connections = connection->next;
    if (connection->next != NULL)
        connection->next->previous = connection->previous;
    server->connected--;
    if (connection->request != NULL)
        ese_http_request_release(connection->request);
    free(connection);
    ese_metric_add(server->connection_count, -1);
}

void ese_http_connection_notify(void *server, struct MHD_Connection *mhd, void **context,
                                enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        add(server, mhd, context);
    else if (*context != NULL)
        drop(server, *context);
}

struct http_connection *ese_http_connection_of(struct MHD_Connection *mhd)
{
    return MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

/* libmicrohttpd tells of a request when its first line is there. What comes before is seen by the
 * kernel's count of bytes: once it is beyond the requests that were, another has begun. */
static bool has_begun(struct http_connection *connection, int64_t now_ns)
{
    if (connection->began_ns == 0 && info_of(connection->fd).tcpi_bytes_received > connection->consumed)
        connection->began_ns = now_ns;
    return connection->began_ns != 0;
}

void ese_http_connection_rest(struct http_connection *connection,
                              const struct ese_http_request *request)
{
    connection->phase = HTTP_WAITING;
    connection->request = NULL;
    connection->quiet_since_ns = ese_clock_monotonic_ns();
    connection->began_ns = 0;
    connection->stuck_at = 0;
    connection->consumed += request->header_bytes + request->body_bytes;
}

/* The shutdown makes libmicrohttpd see the end and close. */
static void hang_up(struct http_connection *connection)
{
    connection->cut = true;
    shutdown(connection->fd, SHUT_RDWR);
}

/* Nothing was answered to this request yet, so that the 408 cannot stand in the midst of something. */
static void cut(struct http_connection *connection)
{
    const char *text = connection->server->manners.any_origin
                           ? TIMED_OUT "Access-Control-Allow-Origin: *\r\nVary: Origin\r\n\r\n"
                           : TIMED_OUT "\r\n";
    /* Who does not read cannot be told: the result changes nothing. */
    send(connection->fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL);
    hang_up(connection);
}

/* As many are connected as may be, and another one waits to be. */
static bool is_crowded(const struct ese_http_server *server)
{
    struct pollfd door = {.fd = server->listen.fd, .events = POLLIN};
    return server->connected >= server->options.max_connections && poll(&door, 1, 0) > 0;
}

/* Its memory is full of what libmicrohttpd makes nothing of (a chunk's extension, say), so that this neither
 * reads on nor rests. Seen by what still waits to be read, twice at the same place: between two looks all is
 * read that can be. */
static bool is_stuck(struct http_connection *connection)
{
    const struct ese_http_request *request = connection->request;
    uint64_t before = connection->stuck_at;
    int waiting = 0;
    if (request == NULL || !request->headers_read || ioctl(connection->fd, FIONREAD, &waiting) != 0)
        waiting = 0;
    connection->stuck_at = waiting > 0 ? request->body_bytes + 1 : 0;
    return waiting > 0 && connection->stuck_at == before;
}

/* Its answer waits to be sent, and nothing of it has been taken for long. Who waits for an answer has none to take. */
static bool is_unread(struct http_connection *connection, int64_t now_ns)
{
    uint64_t taken = info_of(connection->fd).tcpi_bytes_acked;
    int waiting = 0;
    if (ioctl(connection->fd, SIOCOUTQ, &waiting) != 0 || waiting == 0 || taken != connection->taken) {
        connection->taken = taken;
        connection->taken_since_ns = now_ns;
    }
    return now_ns - connection->taken_since_ns > UNREAD_NS;
}

static void look_at(struct http_connection *connection, int64_t oldest_ns, bool is_crowded,
                    int64_t now_ns)
{
    if (connection->cut)
        return;
    if (connection->phase == HTTP_ANSWERING) {
        if (is_crowded && is_unread(connection, now_ns))
            hang_up(connection);
    } else if (has_begun(connection, now_ns)) {
        if (connection->began_ns < oldest_ns)
            cut(connection);
        else if (is_stuck(connection))
            hang_up(connection);
    } else if (is_crowded && now_ns - connection->quiet_since_ns > QUIET_NS) {
        hang_up(connection);
    }
}

int64_t ese_http_connection_check_interval_ns(const struct ese_http_server *server)
{
    int64_t interval_ns = server->options.request_deadline_ms * ESE_NS_PER_MS / 8;
    return interval_ns < ESE_NS_PER_S / 4 ? interval_ns : ESE_NS_PER_S / 4;
}

void ese_http_connection_check_deadlines(struct ese_http_server *server, int64_t now_ns)
{
    if (now_ns < server->next_check_ns)
        return;
    server->next_check_ns = now_ns + ese_http_connection_check_interval_ns(server);
    int64_t oldest_ns = now_ns - server->options.request_deadline_ms * ESE_NS_PER_MS;
    bool crowded = is_crowded(server);
    for (struct http_connection *each = server->connections; each != NULL; each = each->next)
        look_at(each, oldest_ns, crowded, now_ns);
}
