/* A connection on which nothing happens has an end. The clock is ours, libmicrohttpd's, too: a minute is over at
 * once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "ese-core/http_server.h"
#include "tests/support/raw_http.h"
#include "tests/support/wait.h"

static _Atomic time_t added_s;

/* The program's own comes before libc's, for every library, too. */
int clock_gettime(clockid_t which, struct timespec *now)
{
    int status = (int)syscall(SYS_clock_gettime, which, now);
    if (which != CLOCK_REALTIME)
        now->tv_sec += atomic_load(&added_s);
    return status;
}

#define GET "GET /now HTTP/1.1\r\nHost: x\r\n\r\n"

struct fixture {
    struct ese_http_server *server;
    struct ese_http_request *_Atomic kept;
};

static void answer(void *context, struct ese_http_request *request)
{
    (void)context;
    ese_http_reply(request, 200, NULL, NULL, 0);
}

static void keep(void *context, struct ese_http_request *request)
{
    atomic_store(&((struct fixture *)context)->kept, request);
}

static int64_t endless(void *context, char *bytes, size_t size)
{
    (void)context;
    memset(bytes, 'a', size);
    return (int64_t)size;
}

static void stream(void *context, struct ese_http_request *request)
{
    ese_http_reply_stream(request, 200, ESE_HTTP_TEXT, endless, NULL, context);
}

static void start_for(struct fixture *fixture, int most)
{
    const struct ese_http_server_options options = {.listen = "127.0.0.1:0", .max_connections = most};
    *fixture = (struct fixture){.kept = NULL};
    atomic_store(&added_s, 0); /* while it is anything else nobody may sleep until a time of this clock */
    assert_int_equal(ese_http_server_open(&options, &fixture->server, NULL), 0);
    ese_http_server_route(fixture->server, "GET", "/now", answer, NULL);
    ese_http_server_route(fixture->server, "GET", "/keep", keep, fixture);
    ese_http_server_route(fixture->server, "GET", "/endless", stream, NULL);
    assert_int_equal(ese_http_server_start(fixture->server, NULL), 0);
}

static void start(struct fixture *fixture)
{
    start_for(fixture, 0);
}

static int ask(struct fixture *fixture, const char *request)
{
    int fd = ese_raw_connect(ese_http_server_address(fixture->server));
    ese_raw_send_text(fd, request);
    return fd;
}

static void assert_answered(int fd)
{
    struct ese_raw_answer answer;
    assert_true(ese_raw_read_answer(fd, true, &answer));
    assert_int_equal(answer.status, 200);
    ese_raw_answer_clear(&answer);
}

static bool has_ended(int fd, int timeout_ms)
{
    struct pollfd waits = {.fd = fd, .events = POLLRDHUP};
    return poll(&waits, 1, timeout_ms) == 1;
}

/* The server has done with what came before it: that it was done is noted by its clock. For more than two of its looks
 * at its connections, before and behind. */
static void rest(int fd, int seconds)
{
    assert_false(has_ended(fd, 600));
    atomic_fetch_add(&added_s, seconds);
    assert_false(has_ended(fd, 600));
}

static void who_rests_for_a_minute_is_hung_up_on(void **state)
{
    struct fixture fixture;
    (void)state;
    start(&fixture);
    int fd = ask(&fixture, GET);
    assert_answered(fd);
    rest(fd, 55);
    ese_raw_send_text(fd, GET); /* and with that it begins anew */
    assert_answered(fd);
    rest(fd, 55);
    atomic_fetch_add(&added_s, 10);
    assert_true(has_ended(fd, 10000));
    close(fd);
    ese_http_server_close(&fixture.server);
}

#define MOST_ON_THE_WAY (64 << 20)

static bool ends_before_long(int fd)
{
    static char bytes[1 << 16];
    int64_t taken = 0;
    ssize_t length;
    while (taken < MOST_ON_THE_WAY && (length = read(fd, bytes, sizeof bytes)) > 0)
        taken += length;
    return taken < MOST_ON_THE_WAY;
}

/* What was sent fills all there is on the way, and stays there. */
static void who_does_not_read_is_hung_up_on(void **state)
{
    struct fixture fixture;
    (void)state;
    start(&fixture);
    int fd = ask(&fixture, "GET /endless HTTP/1.1\r\nHost: x\r\n\r\n");
    rest(fd, 65); /* the end stands behind all that */
    assert_true(ends_before_long(fd));
    close(fd);
    ese_http_server_close(&fixture.server);
}

static bool one_is_kept(void *context)
{
    return atomic_load(&((struct fixture *)context)->kept) != NULL;
}

/* As long as nobody waits for its place it may take its time; who waits for an answer may in any case. */
static void who_does_not_read_makes_room(void **state)
{
    struct fixture fixture;
    (void)state;
    start_for(&fixture, 2);
    int unread = ask(&fixture, "GET /endless HTTP/1.1\r\nHost: x\r\n\r\n");
    int kept = ask(&fixture, "GET /keep HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(ese_test_wait_until(one_is_kept, &fixture, 10000));
    rest(unread, 10);
    int fd = ask(&fixture, GET);
    rest(unread, 3);
    rest(unread, 3);
    assert_answered(fd);
    assert_true(ends_before_long(unread));
    ese_http_reply(atomic_load(&fixture.kept), 200, NULL, NULL, 0);
    assert_answered(kept);
    close(fd);
    close(kept);
    close(unread);
    ese_http_server_close(&fixture.server);
}

static void who_waits_for_an_answer_is_not(void **state)
{
    struct fixture fixture;
    (void)state;
    start(&fixture);
    int fd = ask(&fixture, "GET /keep HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(ese_test_wait_until(one_is_kept, &fixture, 10000));
    rest(fd, 65);
    ese_http_reply(atomic_load(&fixture.kept), 200, NULL, NULL, 0);
    assert_answered(fd);
    close(fd);
    ese_http_server_close(&fixture.server);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_rests_for_a_minute_is_hung_up_on),
        cmocka_unit_test(who_does_not_read_is_hung_up_on),
        cmocka_unit_test(who_does_not_read_makes_room),
        cmocka_unit_test(who_waits_for_an_answer_is_not),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
