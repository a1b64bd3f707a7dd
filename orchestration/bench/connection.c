#include "orchestration/bench/connection.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ese-core/memory.h"
#include "ese-core/number.h"

#define FIRST_BYTES 65536
#define MOST_BYTES (1 << 23)

static int parse_address(const char *text, struct sockaddr_in *address, struct ese_error *error)
{
    char host[64];
    const char *colon = strrchr(text, ':');
    int64_t port;

    *address = (struct sockaddr_in){.sin_family = AF_INET};
    if (colon == NULL || (size_t)(colon - text) >= sizeof host)
        return ese_fail(error, ESE_E_INVALID, "'%.100s' is no HOST:PORT", text);
    memcpy(host, text, (size_t)(colon - text));
    host[colon - text] = '\0';
    if (inet_pton(AF_INET, host, &address->sin_addr) != 1)
        return ese_fail(error, ESE_E_INVALID, "'%.100s' is no IPv4 address with a port", text);
    if (ese_number_parse(colon + 1, "port", 1, 65535, &port, error) != 0)
        return -1;
    address->sin_port = htons((uint16_t)port);
    return 0;
}

static int connect_to(const char *address, int *fd, struct ese_error *error)
{
    struct sockaddr_in peer;
    int on = 1;

    if (parse_address(address, &peer, error) != 0)
        return -1;
    *fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (*fd < 0 || connect(*fd, (struct sockaddr *)&peer, sizeof peer) != 0)
        return ese_fail_errno(error, "no connection to %s", address);
    setsockopt(*fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return 0;
}

int ese_bench_connection_open(struct ese_bench_connection *connection, const struct ese_bench_protocol *protocol,
                              const char *address, uint32_t run, uint16_t lane, int batch, struct ese_error *error)
{
    *connection = (struct ese_bench_connection){.protocol = protocol, .fd = -1, .size = FIRST_BYTES};
    connection->bytes = ese_alloc(connection->size);
    ese_payload_make(&connection->payload, run, lane);
    ese_bench_request_make(&connection->request, protocol, address, &connection->payload, batch);
    return connect_to(address, &connection->fd, error);
}

void ese_bench_connection_close(struct ese_bench_connection *connection)
{
    if (connection->bytes == NULL)
        return; /* was never opened */
    if (connection->fd >= 0)
        close(connection->fd);
    ese_bench_request_clear(&connection->request);
    free(connection->bytes);
    connection->bytes = NULL;
}

/* ---- sending --------------------------------------------------------------------------------------------------- */

bool ese_bench_connection_wants_write(const struct ese_bench_connection *connection)
{
    return connection->answers_left > 0 && connection->written < connection->request.bytes.length;
}

int ese_bench_connection_write(struct ese_bench_connection *connection, struct ese_error *error)
{
    const struct ese_buffer *bytes = &connection->request.bytes;

    while (connection->written < bytes->length) {
        ssize_t sent = send(connection->fd, bytes->text + connection->written, bytes->length - connection->written,
                            MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && (errno == EAGAIN || errno == EINTR))
            return 0;
        if (sent < 0)
            return ese_fail_errno(error, "a request could not be sent");
        connection->written += (size_t)sent;
    }
    return 0;
}

int ese_bench_connection_send(struct ese_bench_connection *connection, int64_t due_ns, struct ese_error *error)
{
    ese_bench_request_number(&connection->request, &connection->payload, connection->next);
    connection->next += (uint32_t)connection->request.count;
    connection->answers_left = connection->request.answers;
    connection->all_right = true;
    connection->written = 0;
    connection->due_ns = due_ns;
    return ese_bench_connection_write(connection, error);
}

/* ---- reading --------------------------------------------------------------------------------------------------- */

static int wrong(const struct ese_bench_connection *connection, struct ese_error *error)
{
    int shown = connection->length < 80 ? (int)connection->length : 80;

    return ese_fail(error, ESE_E_INVALID, "what came is no answer in %s: '%.*s'", connection->protocol->name, shown,
                    connection->bytes);
}

/* The first line of it. */
static void note_wrong(struct ese_bench_connection *connection, const char *bytes, size_t length)
{
    size_t shown = 0;

    while (shown < length && shown < sizeof connection->wrong - 1 && bytes[shown] >= ' ')
        shown++;
    memcpy(connection->wrong, bytes, shown);
    connection->wrong[shown] = '\0';
    connection->all_right = false;
}

/* What of the bytes is understood leaves them. */
static int understand(struct ese_bench_connection *connection, struct ese_error *error)
{
    size_t at = 0;
    int known = 1;

    while (known == 1 && at < connection->length) {
        struct ese_bench_answer answer;
        size_t left = connection->length - at;
        bool asked = connection->answers_left > 0;
        known = asked ? connection->protocol->read(connection->bytes + at, left, &answer) : -1;
        if (known < 0)
            return wrong(connection, error);
        if (known == 0)
            break;
        size_t here = answer.length < left ? answer.length : left;
        at += here;
        connection->skip = answer.length - here;
        if (!answer.right)
            note_wrong(connection, connection->bytes + at - here, here);
        connection->answers_left--;
    }
    connection->length -= at;
    memmove(connection->bytes, connection->bytes + at, connection->length);
    return 0;
}

/* The rest of an answer whose head was understood is of no interest. */
static void pass_over(struct ese_bench_connection *connection)
{
    size_t here = connection->skip < connection->length ? connection->skip : connection->length;

    connection->skip -= here;
    connection->length -= here;
    memmove(connection->bytes, connection->bytes + here, connection->length);
}

static int make_room(struct ese_bench_connection *connection, struct ese_error *error)
{
    if (connection->length < connection->size)
        return 0;
    if (connection->size >= MOST_BYTES)
        return ese_fail(error, ESE_E_FULL, "an answer is larger than %d bytes", MOST_BYTES);
    connection->size *= 2;
    connection->bytes = ese_realloc_array(connection->bytes, connection->size, 1);
    return 0;
}

int ese_bench_connection_read(struct ese_bench_connection *connection, struct ese_error *error)
{
    if (make_room(connection, error) != 0)
        return -1;
    ssize_t got = recv(connection->fd, connection->bytes + connection->length, connection->size - connection->length,
                       MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (got < 0)
        return ese_fail_errno(error, "an answer could not be read");
    if (got == 0)
        return ese_fail(error, ESE_E_CLOSED, "the server has closed a connection under load");
    connection->length += (size_t)got;
    pass_over(connection);
    if (understand(connection, error) != 0)
        return -1;
    return connection->answers_left == 0 && connection->skip == 0;
}
