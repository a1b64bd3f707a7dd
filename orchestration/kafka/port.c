#include "orchestration/kafka/port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ese-core/memory.h"
#include "ese-core/port_holder.h"

#define LOWEST 10000 /* below live well-known services */
#define TRIES 200

struct ese_port {
    int number;
    int fd; /* bound, and not listening */
};

/* The first port the kernel gives to outgoing connections (ip(7), ip_local_port_range). */
static int first_outgoing_port(void)
{
    int first = 32768;
    FILE *file = fopen("/proc/sys/net/ipv4/ip_local_port_range", "r");
    if (file == NULL)
        return first;
    if (fscanf(file, "%d", &first) != 1)
        first = 32768;
    fclose(file);
    return first;
}

static struct sockaddr_in loopback(int port)
{
    return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

/* Binds the port (0: any); as one of several, or as the only one. */
static int bind_port(int port, bool is_shared, int *taken)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd == -1)
        return -1;
    int on = is_shared;
    struct sockaddr_in address = loopback(port);
    socklen_t length = sizeof address;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&address, length) == -1 ||
        getsockname(fd, (struct sockaddr *)&address, &length) == -1) {
        close(fd);
        return -1;
    }
    *taken = ntohs(address.sin_port);
    return fd;
}

static int draw_one(int *port)
{
    int room = first_outgoing_port() - LOWEST;
    for (int i = 0; i < TRIES && room > 0; i++) {
        unsigned drawn = 0;
        if (getrandom(&drawn, sizeof drawn, 0) != sizeof drawn)
            break;
        int fd = bind_port(LOWEST + (int)(drawn % (unsigned)room), false, port);
        if (fd != -1)
            return fd;
    }
    return bind_port(0, false, port); /* an unusual range: better than nothing */
}

int ese_port_draw(struct ese_port **port, struct ese_error *error)
{
    int number = 0, on = 1;
    int fd = draw_one(&number);
    if (fd == -1)
        return ese_fail_errno(error, "no free loopback port");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on); /* from now on its owner may join */
    *port = ese_alloc(sizeof **port);
    **port = (struct ese_port){.number = number, .fd = fd};
    return 0;
}

int ese_port_number(const struct ese_port *port)
{
    return port->number;
}

void ese_port_release(struct ese_port **port)
{
    if (*port == NULL)
        return;
    close((*port)->fd);
    free(*port);
    *port = NULL;
}

bool ese_port_listens(int port)
{
    struct sockaddr_in address = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd == -1)
        return false;
    bool listens = connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
    close(fd);
    return listens;
}

int ese_port_check(int port, const char *option, struct ese_error *error)
{
    int taken = 0;
    char holder[ESE_PORT_HOLDER_SIZE];
    int fd = bind_port(port, true, &taken);
    bool is_free = fd != -1 && listen(fd, 1) == 0;
    int problem = errno;
    if (fd != -1)
        close(fd);
    if (is_free)
        return 0;
    if (problem != EADDRINUSE)
        return ese_fail(error, ESE_E_MISSING, "port %d cannot be used: %s; name another one by %s",
                        port, strerror(problem), option);
    return ese_fail(error, ESE_E_MISSING,
                    "port %d is taken by %s: end that, or name another one by %s", port,
                    ese_port_holder(port, holder), option);
}
