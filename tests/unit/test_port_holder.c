#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ese-core/port_holder.h"

/* A socket on a free port, of all addresses for IPv6. */
static int take(int family, bool listening, int *port)
{
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = in6addr_any};
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr *address = family == AF_INET6 ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4;
    socklen_t length = family == AF_INET6 ? sizeof v6 : sizeof v4;
    int fd = socket(family, SOCK_STREAM, 0);
    if (fd == -1 || bind(fd, address, length) != 0 || (listening && listen(fd, 1) != 0) ||
        getsockname(fd, address, &length) != 0)
        return -1;
    *port = ntohs(family == AF_INET6 ? v6.sin6_port : v4.sin_port);
    return fd;
}

static void assert_holder(int port, const char *expected)
{
    char text[ESE_PORT_HOLDER_SIZE];
    assert_string_equal(ese_port_holder(port, text), expected);
}

static void names_the_process(void **state)
{
    (void)state;
    int port;
    char expected[64];
    snprintf(expected, sizeof expected, "test_port_holde (process %d)", (int)getpid());
    int fd = take(AF_INET, true, &port);
    assert_int_not_equal(fd, -1);
    assert_holder(port, expected); /* the kernel keeps 15 characters of a name */
    close(fd);
    assert_holder(port, "another process");
    fd = take(AF_INET6, true, &port);
    if (fd == -1)
        return; /* a machine without IPv6 */
    assert_holder(port, expected);
    close(fd);
}

static void only_listening_counts(void **state)
{
    (void)state;
    int port;
    int fd = take(AF_INET, false, &port);
    assert_int_not_equal(fd, -1);
    assert_holder(port, "another process");
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_the_process),
        cmocka_unit_test(only_listening_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
