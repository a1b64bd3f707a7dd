#include "ese-core/wire.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/socket.h>

#define MOST_SOCKETS 4096

/* What a socket's counters said last. Only ever more: a socket that can no longer be read keeps
 * it. */
struct followed {
    int fd;
    uint64_t sent, received;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct followed sockets[MOST_SOCKETS];
static int socket_count;
static struct ese_wire_totals ended; /* of sockets that were closed, and what was added by hand */

static void read_counters(struct followed *socket)
{
    struct tcp_info info = {0};
    socklen_t length = sizeof info;
    if (getsockopt(socket->fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0)
        return;
    if (info.tcpi_bytes_acked > socket->sent)
        socket->sent = info.tcpi_bytes_acked;
    if (info.tcpi_bytes_received > socket->received)
        socket->received = info.tcpi_bytes_received;
}

static struct followed *find(int fd)
{
    for (int i = 0; i < socket_count; i++) {
        if (sockets[i].fd == fd)
            return &sockets[i];
    }
    return NULL;
}

static void end(struct followed *socket)
{
    ended.sent += socket->sent;
    ended.received += socket->received;
    *socket = sockets[--socket_count];
}

void ese_wire_opened(int fd)
{
    pthread_mutex_lock(&lock);
    struct followed *before = find(fd);
    if (before != NULL)
        end(before); /* it was closed without our being told: its number is another's now */
    if (socket_count < MOST_SOCKETS)
        sockets[socket_count++] = (struct followed){.fd = fd};
    else
        ended.untracked++;
    pthread_mutex_unlock(&lock);
}

void ese_wire_closing(int fd)
{
    pthread_mutex_lock(&lock);
    struct followed *socket = find(fd);
    if (socket != NULL) {
        read_counters(socket);
        end(socket);
    }
    pthread_mutex_unlock(&lock);
}

void ese_wire_add(uint64_t sent, uint64_t received)
{
    pthread_mutex_lock(&lock);
    ended.sent += sent;
    ended.received += received;
    pthread_mutex_unlock(&lock);
}

struct ese_wire_totals ese_wire_totals(void)
{
    pthread_mutex_lock(&lock);
    struct ese_wire_totals totals = ended;
    for (int i = 0; i < socket_count; i++) {
        read_counters(&sockets[i]);
        totals.sent += sockets[i].sent;
        totals.received += sockets[i].received;
    }
    pthread_mutex_unlock(&lock);
    return totals;
}
