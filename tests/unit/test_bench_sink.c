/* The bench's receiver of pushes: what it counts is what came, and who hangs is left waiting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ese-core/buffer.h"
#include "orchestration/bench/sink.h"

#define PATIENCE_MS 20000
#define TAKEN "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

static int set_up(void **state)
{
    struct ese_sink *sink;
    struct ese_error error = {0};

    if (ese_sink_open(&sink, &error) != 0)
        fail_msg("%s", error.text);
    *state = sink;
    return 0;
}

static int tear_down(void **state)
{
    struct ese_sink *sink = *state;

    ese_sink_close(&sink);
    assert_null(sink);
    return 0;
}

static int connect_to(const struct ese_sink *sink)
{
    char url[ESE_SINK_URL_SIZE];
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ese_sink_url(sink, 0, url);
    address.sin_port = htons((uint16_t)strtol(strrchr(url, ':') + 1, NULL, 10));
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void say(int fd, const char *bytes)
{
    assert_int_equal(send(fd, bytes, strlen(bytes), MSG_NOSIGNAL), strlen(bytes));
}

/* Exactly these bytes; "": the end. */
static void hear(int fd, const char *expected)
{
    char bytes[512];
    size_t length = 0, wanted = strlen(expected);
    ssize_t got = 1;

    while ((length < wanted || wanted == 0) && got > 0) {
        struct pollfd one = {.fd = fd, .events = POLLIN};
        assert_int_equal(poll(&one, 1, PATIENCE_MS), 1);
        got = recv(fd, bytes + length, sizeof bytes - 1 - length, 0);
        length += got > 0 ? (size_t)got : 0;
    }
    bytes[length] = '\0';
    assert_string_equal(bytes, expected);
}

static void push(int fd, int path, int position, int count)
{
    struct ese_buffer text = ESE_BUFFER_INIT(4096);

    ese_buffer_printf(&text, "POST /%d HTTP/1.1\r\nHost: a\r\nx-event-position: %d\r\nContent-Length: 3\r\n", path,
                      position);
    if (count > 0)
        ese_buffer_printf(&text, "X-Event-Count: %d\r\n", count);
    ese_buffer_text(&text, "\r\nabc");
    say(fd, text.text);
    ese_buffer_free(&text);
    hear(fd, TAKEN);
}

static void events_are_counted_and_held_in_order(void **state)
{
    struct ese_sink *sink = *state;
    int fd = connect_to(sink);

    push(fd, 0, 5, 0);
    push(fd, 0, 6, 0);
    push(fd, 7, 1, 0); /* another's */
    push(fd, 0, 106, 100);
    assert_int_equal(ese_sink_events(sink), 103);
    assert_int_equal(ese_sink_gaps(sink), 0);
    push(fd, 0, 108, 0);
    assert_int_equal(ese_sink_gaps(sink), 1);
    push(fd, 0, 108, 0);
    assert_int_equal(ese_sink_gaps(sink), 2);
    push(fd, 0, 120, 11);
    assert_int_equal(ese_sink_gaps(sink), 3);
    assert_int_equal(ese_sink_events(sink), 116);
    assert_true(ese_sink_cpu_ns(sink) > 0);
    close(fd);
}

/* What begins behind a whole push in one send has been read when that push is answered. */
static void a_push_may_come_in_pieces_or_with_the_next(void **state)
{
    struct ese_sink *sink = *state;
    int fd = connect_to(sink);

    say(fd, "POST /1 HTTP/1.1\r\nX-Event-Position: 1\r\n\r\nPOST /1 HTTP/1.1\r\nX-Event-Pos");
    hear(fd, TAKEN);
    say(fd, "ition: 2\r\n\r\nPOST /1 HTTP/1.1\r\nX-Event-Position: 3\r\nContent-Length: 5\r\n\r\n\r\n");
    hear(fd, TAKEN);
    say(fd, "\r\n1");
    hear(fd, TAKEN);
    say(fd, "POST /1 HTTP/1.1\r\nX-Event-Position: 4\r\n\r\nPOST /1 HTTP/1.1\r\nX-Event-Position: 5\r\n\r\n");
    hear(fd, TAKEN TAKEN);
    assert_int_equal(ese_sink_events(sink), 5);
    assert_int_equal(ese_sink_gaps(sink), 0);
    close(fd);
}

static void a_large_push_has_room(void **state)
{
    struct ese_sink *sink = *state;
    struct ese_buffer text = ESE_BUFFER_INIT(1 << 20);
    int fd = connect_to(sink);

    ese_buffer_printf(&text, "POST /1 HTTP/1.1\r\nContent-Length: %d\r\n\r\n%0*d", 200000, 200000, 0);
    say(fd, text.text);
    ese_buffer_free(&text);
    hear(fd, TAKEN);
    push(fd, 1, 1, 0);
    assert_int_equal(ese_sink_events(sink), 2);
    close(fd);
}

static void who_hangs_has_no_answer_and_others_have(void **state)
{
    struct ese_sink *sink = *state;
    char url[ESE_SINK_URL_SIZE];
    int hangs = connect_to(sink), other = connect_to(sink);

    ese_sink_url(sink, ESE_SINK_HANG, url);
    assert_string_equal(strrchr(url, '/'), "/hang");
    say(hangs, "POST /hang HTTP/1.1\r\nX-Event-Position: 1\r\n\r\n");
    say(hangs, "POST /0 HTTP/1.1\r\nX-Event-Position: 1\r\n\r\n"); /* whose answer would come behind it */
    hear(hangs, TAKEN);
    assert_int_equal(ese_sink_hanging(sink), 1);
    push(other, 3, 1, 0);
    assert_int_equal(ese_sink_events(sink), 2);
    shutdown(hangs, SHUT_WR);
    hear(hangs, ""); /* nothing else, to its end */
    close(hangs);
    close(other);
}

static void what_is_no_push_ends_its_connection(void **state)
{
    static const char *const wrong[] = {
        "GET /0 HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /128 HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /4294967296 HTTP/1.1\r\nHost: a\r\n\r\n", /* which an int would take for 0 */
        "POST /-5 HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /-1 HTTP/1.1\r\nHost: a\r\n\r\n", /* the number of who hangs, and not its path */
        "POST /+5 HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /5x HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /0 HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        "POST /0 HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n",
    };
    struct ese_sink *sink = *state;

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        int fd = connect_to(sink);
        say(fd, wrong[i]);
        hear(fd, "");
        close(fd);
    }
    assert_int_equal(ese_sink_events(sink), 0);
    assert_int_equal(ese_sink_hanging(sink), 0);
    int fd = connect_to(sink);
    push(fd, ESE_SINK_PATHS - 1, 1, 0);
    close(fd);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(events_are_counted_and_held_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_push_may_come_in_pieces_or_with_the_next, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_large_push_has_room, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_hangs_has_no_answer_and_others_have, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_push_ends_its_connection, set_up, tear_down),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
