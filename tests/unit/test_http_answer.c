/* Answers that are made on the server's thread, or wait for others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/http_server.h"
#include "tests/support/raw_http.h"
#include "tests/support/wait.h"

#define MOST_KEPT 4
#define POST_KEEP "POST /keep HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx"

struct fixture {
    struct ese_http_server *server;
    struct ese_http_request *_Atomic kept[MOST_KEPT];
    atomic_int kept_count;
    atomic_int made;
    pthread_t servers; /* its thread, as the handler saw it */
    bool is_elsewhere; /* an answer was made on another one */
};

static void keep(void *context, struct ese_http_request *request)
{
    struct fixture *fixture = context;
    int count = atomic_load(&fixture->kept_count);
    fixture->servers = pthread_self();
    atomic_store(&fixture->kept[count], request);
    atomic_store(&fixture->kept_count, count + 1);
}

static void make(void *context)
{
    struct fixture *fixture = context;
    struct ese_http_request *request = atomic_load(&fixture->kept[atomic_fetch_add(&fixture->made, 1)]);
    fixture->is_elsewhere |= !pthread_equal(fixture->servers, pthread_self());
    ese_http_request_add_header(request, "Retry-After", "7");
    ese_http_reply(request, 201, ESE_HTTP_TEXT, "made", 4);
}

static void at_once(void *context, struct ese_http_request *request)
{
    keep(context, request);
    ese_http_reply_by(request, make, context);
}

static void start(struct fixture *fixture)
{
    const struct ese_http_server_options options = {.listen = "127.0.0.1:0"};
    *fixture = (struct fixture){.made = 0};
    assert_int_equal(ese_http_server_open(&options, &fixture->server, NULL), 0);
    ese_http_server_route(fixture->server, "POST", "/keep", keep, fixture);
    ese_http_server_route(fixture->server, "GET", "/at-once", at_once, fixture);
    assert_int_equal(ese_http_server_start(fixture->server, NULL), 0);
}

static bool are_kept(void *context, int count)
{
    return atomic_load(&((struct fixture *)context)->kept_count) == count;
}

static bool one_is_kept(void *context)
{
    return are_kept(context, 1);
}

static bool two_are_kept(void *context)
{
    return are_kept(context, 2);
}

static int post(struct fixture *fixture)
{
    int fd = ese_raw_connect(ese_http_server_address(fixture->server));
    ese_raw_send_text(fd, POST_KEEP);
    return fd;
}

static void assert_answered(int fd)
{
    struct ese_raw_answer answer;
    assert_true(ese_raw_read_answer(fd, true, &answer));
    assert_int_equal(answer.status, 201);
    assert_string_equal(answer.body, "made");
    assert_string_equal(ese_raw_answer_header(&answer, "Retry-After"), "7");
    ese_raw_answer_clear(&answer);
}

static void it_is_made_on_the_servers_thread(void **state)
{
    struct fixture fixture;
    (void)state;
    start(&fixture);
    int fd = post(&fixture);
    assert_true(ese_test_wait_until(one_is_kept, &fixture, 10000));
    ese_http_reply_by(atomic_load(&fixture.kept[0]), make, &fixture);
    assert_answered(fd);
    ese_raw_send_text(fd, "GET /at-once HTTP/1.1\r\nHost: x\r\n\r\n"); /* and so it is from within a handler */
    assert_answered(fd);
    assert_false(fixture.is_elsewhere);
    assert_int_equal(atomic_load(&fixture.made), 2);
    close(fd);
    ese_http_server_close(&fixture.server);
}

/* Whatever its maker holds is its maker's to free. */
static void it_is_made_once_though_its_peer_has_left(void **state)
{
    struct fixture fixture;
    (void)state;
    start(&fixture);
    close(post(&fixture));
    assert_true(ese_test_wait_until(one_is_kept, &fixture, 10000));
    ese_http_reply_by(atomic_load(&fixture.kept[0]), make, &fixture);
    ese_http_server_close(&fixture.server);
    assert_int_equal(atomic_load(&fixture.made), 1);
}

static void it_is_made_once_though_its_server_has_ended(void **state)
{
    struct fixture fixture;
    (void)state;
    start(&fixture);
    int fd = post(&fixture);
    assert_true(ese_test_wait_until(one_is_kept, &fixture, 10000));
    ese_http_server_close(&fixture.server); /* waits a while */
    assert_int_equal(atomic_load(&fixture.made), 0);
    ese_http_reply_by(atomic_load(&fixture.kept[0]), make, &fixture);
    assert_int_equal(atomic_load(&fixture.made), 1);
    assert_true(ese_raw_closed(fd));
    close(fd);
}

static bool has_answer(int fd, int timeout_ms)
{
    struct pollfd waits = {.fd = fd, .events = POLLIN};
    return poll(&waits, 1, timeout_ms) == 1;
}

static void held_answers_wait_for_the_last_who_holds(void **state)
{
    struct fixture fixture;
    int fds[2];
    (void)state;
    start(&fixture);
    for (int i = 0; i < 2; i++)
        fds[i] = post(&fixture);
    assert_true(ese_test_wait_until(two_are_kept, &fixture, 10000));
    ese_http_server_hold(fixture.server);
    ese_http_server_hold(fixture.server);
    for (int i = 0; i < 2; i++)
        ese_http_reply_by(atomic_load(&fixture.kept[i]), make, &fixture);
    ese_http_server_release(fixture.server);
    assert_false(has_answer(fds[0], 100));
    assert_false(has_answer(fds[1], 0));
    ese_http_server_release(fixture.server);
    for (int i = 0; i < 2; i++) {
        assert_answered(fds[i]);
        close(fds[i]);
    }
    ese_http_server_close(&fixture.server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_made_on_the_servers_thread),
        cmocka_unit_test(it_is_made_once_though_its_peer_has_left),
        cmocka_unit_test(it_is_made_once_though_its_server_has_ended),
        cmocka_unit_test(held_answers_wait_for_the_last_who_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
