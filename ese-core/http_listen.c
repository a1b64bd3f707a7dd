#include "ese-core/http_listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ese-core/address.h"
#include "ese-core/number.h"
#include "ese-core/port_holder.h"

#define HOST_SIZE 256

/* "HOST:PORT" or "[HOST]:PORT" in two. */
static int split(const char *text, char host[HOST_SIZE], const char **port, struct ese_error *error)
{
    const char *colon = strrchr(text, ':');
    bool bracketed = text[0] == '[' && colon != NULL && colon[-1] == ']';
    const char *begin = bracketed ? text + 1 : text;
    const char *end = bracketed ? colon - 1 : colon;
    if (colon == NULL || end <= begin || end - begin >= HOST_SIZE ||
        (!bracketed && memchr(begin, ':', (size_t)(end - begin)) != NULL))
        return ese_fail(error, ESE_E_USAGE,
                        "listen address '%.100s' is no HOST:PORT, as " ESE_SERVER_ADDRESS
                        " or [::1]:" ESE_SERVER_PORT, text);
    memcpy(host, begin, (size_t)(end - begin));
    host[end - begin] = '\0';
    *port = colon + 1;
    return 0;
}

static bool is_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(
            &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr);
    uint32_t host = ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr);
    return host >> 24 == IN_LOOPBACKNET;
}

static int resolve(const char *text, struct addrinfo **found, struct ese_error *error)
{
    char host[HOST_SIZE];
    const char *port = NULL;
    int64_t number;
    if (split(text, host, &port, error) != 0 ||
        ese_number_parse(port, "the port to listen on", 0, 65535, &number, error) != 0)
        return -1;
    const struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
                                   .ai_socktype = SOCK_STREAM};
    bool is_local = strcmp(host, "localhost") == 0; /* RFC 6761, 6.3: it needs no name server */
    int problem = getaddrinfo(is_local ? "127.0.0.1" : host, port, &hints, found);
    if (problem != 0)
        return ese_fail(error, ESE_E_USAGE, "listen address '%.100s': %s", text,
                        gai_strerror(problem));
    return 0;
}

static uint16_t port_of(const struct sockaddr *address)
{
    return ntohs(address->sa_family == AF_INET6
                     ? ((const struct sockaddr_in6 *)(const void *)address)->sin6_port
                     : ((const struct sockaddr_in *)(const void *)address)->sin_port);
}

static void write_address(const struct sockaddr_storage *address, socklen_t length,
                          char text[ESE_HTTP_ADDRESS_SIZE])
{
    char host[INET6_ADDRSTRLEN] = "", port[8] = "";
    getnameinfo((const struct sockaddr *)address, length, host, sizeof host, port, sizeof port,
                NI_NUMERICHOST | NI_NUMERICSERV);
    snprintf(text, ESE_HTTP_ADDRESS_SIZE, address->ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s",
             host, port);
}

/* Reads the port that was really taken. */
static void name_address(struct ese_http_listen *listen)
{
    struct sockaddr_storage taken = {0};
    socklen_t length = sizeof taken;
    getsockname(listen->fd, (struct sockaddr *)&taken, &length);
    listen->ipv6 = taken.ss_family == AF_INET6;
    listen->port = port_of((struct sockaddr *)&taken);
    write_address(&taken, length, listen->address);
}

/* A port that is taken is a matter of the machine, not of this program. */
static int fail_to_bind(const char *text, const struct sockaddr *address, struct ese_error *error)
{
    char holder[ESE_PORT_HOLDER_SIZE];
    if (errno != EADDRINUSE)
        return ese_fail(error, ESE_E_MISSING, "cannot listen on '%.100s': %s; name another address",
                        text, strerror(errno));
    return ese_fail(error, ESE_E_MISSING,
                    "cannot listen on '%.100s', the port is taken by %s: end that, or name another "
                    "port (0: a free one)", text, ese_port_holder(port_of(address), holder));
}

static int bind_socket(const char *text, const struct addrinfo *found, struct ese_error *error)
{
    int on = 1;
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return ese_fail_errno(error, "cannot open a socket for '%.100s'", text);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on); /* a restart needs not wait */
    if (bind(fd, found->ai_addr, found->ai_addrlen) == 0)
        return fd;
    fail_to_bind(text, found->ai_addr, error);
    close(fd);
    return -1;
}

/* Others than this machine come in only where somebody has thought of it. */
static int may_listen(const char *text, const struct addrinfo *found, bool for_others,
                      struct ese_error *error)
{
    if (for_others || is_loopback(found->ai_addr))
        return 0;
    return ese_fail(error, ESE_E_USAGE,
                    "listening on '%.100s' would let other machines in without a question: give "
                    "--token-file, or --trusted-network where nobody but the lab can reach it, or "
                    "a loopback address such as " ESE_SERVER_ADDRESS,
                    text);
}

int ese_http_listen_open(const char *text, bool for_others, struct ese_http_listen *listen,
                         struct ese_error *error)
{
    struct addrinfo *found;
    if (resolve(text, &found, error) != 0)
        return -1;
    listen->fd = -1;
    if (may_listen(text, found, for_others, error) == 0)
        listen->fd = bind_socket(text, found, error);
    freeaddrinfo(found);
    if (listen->fd < 0)
        return -1;
    name_address(listen);
    return 0;
}

/* "All addresses of this machine" is one to listen on, none to connect to. */
static void replace_wildcard(struct sockaddr_storage *address)
{
    struct sockaddr_in *ipv4 = (struct sockaddr_in *)address;
    struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)address;
    if (address->ss_family == AF_INET && ipv4->sin_addr.s_addr == htonl(INADDR_ANY))
        ipv4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (address->ss_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&ipv6->sin6_addr))
        ipv6->sin6_addr = in6addr_loopback;
}

int ese_http_listen_reach(const char *text, char address[ESE_HTTP_ADDRESS_SIZE],
                          struct ese_error *error)
{
    struct addrinfo *found;
    struct sockaddr_storage reached = {0};
    if (resolve(text, &found, error) != 0)
        return -1;
    socklen_t length = found->ai_addrlen;
    memcpy(&reached, found->ai_addr, length);
    freeaddrinfo(found);
    if (port_of((struct sockaddr *)&reached) == 0)
        return ese_fail(error, ESE_E_USAGE,
                        "listen address '%.100s' leaves the port open, and nobody can tell which "
                        "one was taken: give its number",
                        text);
    replace_wildcard(&reached);
    write_address(&reached, length, address);
    return 0;
}
