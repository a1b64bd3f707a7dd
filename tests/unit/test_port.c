#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "orchestration/kafka/port.h"

static int make_socket(bool is_shared)
{
    int on = is_shared, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_not_equal(fd, -1);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), 0);
    return fd;
}

static struct sockaddr_in loopback(int port)
{
    return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

/* As whoever draws one looks whether it is free. */
static bool can_be_drawn(int port)
{
    struct sockaddr_in address = loopback(port);
    int fd = make_socket(false);
    bool is_bound = bind(fd, (struct sockaddr *)&address, sizeof address) == 0;
    assert_true(is_bound || errno == EADDRINUSE);
    close(fd);
    return is_bound;
}

/* As a server that may be started again. */
static int serve(int port)
{
    struct sockaddr_in address = loopback(port);
    int fd = make_socket(true);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 1), 0);
    return fd;
}

static void a_drawn_port_is_its_owners_alone(void **state)
{
    (void)state;
    struct ese_port *port = NULL;
    assert_int_equal(ese_port_draw(&port, NULL), 0);
    int number = ese_port_number(port);
    assert_false(can_be_drawn(number)); /* not served yet */
    assert_false(ese_port_listens(number));
    for (int life = 0; life < 2; life++) {
        int fd = serve(number);
        assert_true(ese_port_listens(number));
        assert_false(can_be_drawn(number));
        close(fd);
        assert_false(can_be_drawn(number)); /* dead */
        assert_false(ese_port_listens(number));
    }
    assert_int_equal(ese_port_check(number, "--port", NULL), 0);
    ese_port_release(&port);
    assert_null(port);
    assert_true(can_be_drawn(number));
}

static void none_is_given_twice(void **state)
{
    (void)state;
    static struct ese_port *ports[400];
    static bool is_given[65536];
    for (size_t i = 0; i < 400; i++) {
        assert_int_equal(ese_port_draw(&ports[i], NULL), 0);
        assert_false(is_given[ese_port_number(ports[i])]);
        is_given[ese_port_number(ports[i])] = true;
    }
    for (size_t i = 0; i < 400; i++)
        ese_port_release(&ports[i]);
    ese_port_release(&ports[0]); /* none */
}

static void one_that_is_served_is_told(void **state)
{
    (void)state;
    struct ese_error error = {0};
    struct ese_port *port = NULL;
    assert_int_equal(ese_port_draw(&port, NULL), 0);
    int fd = serve(ese_port_number(port));
    assert_int_equal(ese_port_check(ese_port_number(port), "--port", &error), -1);
    assert_int_equal(error.code, ESE_E_MISSING);
    assert_non_null(strstr(error.text, "--port"));
    close(fd);
    ese_port_release(&port);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_drawn_port_is_its_owners_alone),
        cmocka_unit_test(none_is_given_twice),
        cmocka_unit_test(one_that_is_served_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
