/* Requests for a page that wait, and how many of them may. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "ese-core/event_pages.h"
#include "ese-core/memory.h"
#include "tests/support/raw_http.h"
#include "tests/support/wait.h"

#define CONNECTIONS 8
#define GET_WELL "GET /well HTTP/1.1\r\nHost: x\r\n\r\n"
#define GET_LATER "GET /events?wait=30000 HTTP/1.1\r\nHost: x\r\n\r\n" /* than any test here takes */

struct fixture {
    struct ese_http_server *server;
    struct ese_metrics *metrics;
    struct ese_event_pages *pages;
    struct ese_metric *held;
    atomic_int there; /* so many requests find an event, one each */
    atomic_int looks;
    int looks_wanted;
};

static int read_page(void *context, struct ese_event_pages_reading *reading, struct ese_error *error)
{
    struct fixture *fixture = context;
    (void)error;
    if (atomic_load(&fixture->there) > 0) {
        atomic_fetch_sub(&fixture->there, 1);
        reading->count = 1;
        ese_buffer_text(reading->body, "{}");
    }
    ese_buffer_text(reading->next, "n");
    atomic_fetch_add(&fixture->looks, 1);
    return 0;
}

static void handle(void *context, struct ese_http_request *request)
{
    ese_event_pages_handle(((struct fixture *)context)->pages, request);
}

static void well(void *context, struct ese_http_request *request)
{
    (void)context;
    ese_http_reply(request, 204, NULL, NULL, 0);
}

static int set_up(void **state)
{
    static const struct ese_http_server_options options = {.listen = "127.0.0.1:0", .max_connections = CONNECTIONS};
    struct fixture *fixture = ese_alloc(sizeof *fixture);
    const struct ese_event_pages_source source = {.read = read_page, .context = fixture};
    fixture->metrics = ese_metrics_new();
    assert_int_equal(ese_http_server_open(&options, &fixture->server, NULL), 0);
    assert_int_equal(ese_event_pages_open(&source, fixture->metrics, &fixture->pages, NULL), 0);
    fixture->held = ese_metrics_gauge(fixture->metrics, "ese_store_held_polls", NULL, "");
    ese_http_server_route(fixture->server, "GET", "/events", handle, fixture);
    ese_http_server_route(fixture->server, "GET", "/well", well, NULL);
    assert_int_equal(ese_http_server_start(fixture->server, NULL), 0);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    ese_http_server_quiesce(fixture->server);
    ese_event_pages_close(&fixture->pages);
    ese_http_server_close(&fixture->server);
    ese_metrics_free(&fixture->metrics);
    free(fixture);
    return 0;
}

static int ask(struct fixture *fixture, const char *request)
{
    int fd = ese_raw_connect(ese_http_server_address(fixture->server));
    ese_raw_send_text(fd, request);
    return fd;
}

static void assert_answered(int fd, int status, const char *body)
{
    struct ese_raw_answer answer;
    assert_true(ese_raw_read_answer(fd, true, &answer));
    assert_int_equal(answer.status, status);
    assert_string_equal(answer.body, body);
    ese_raw_answer_clear(&answer);
}

static bool has_looked(void *context)
{
    struct fixture *fixture = context;
    return atomic_load(&fixture->looks) >= fixture->looks_wanted;
}

/* Half of all there may be, and each is known to be held. */
static void hold_as_many_as_may_be(struct fixture *fixture, int fds[CONNECTIONS / 2])
{
    for (int i = 0; i < CONNECTIONS / 2; i++)
        fds[i] = ask(fixture, GET_LATER);
    fixture->looks_wanted = CONNECTIONS / 2;
    assert_true(ese_test_wait_until(has_looked, fixture, 10000));
}

static void close_all(const int fds[CONNECTIONS / 2])
{
    for (int i = 0; i < CONNECTIONS / 2; i++)
        close(fds[i]);
}

#define EMPTY "{\"events\":[],\"next\":\"n\"}"
#define ONE "{\"events\":[{}],\"next\":\"n\"}"

/* As many ask as may be connected: those who are answered say nothing then, and make room for somebody else. */
static void half_of_the_connections_are_held(void **state)
{
    struct fixture *fixture = *state;
    int held[CONNECTIONS / 2], beyond[CONNECTIONS / 2];
    hold_as_many_as_may_be(fixture, held);
    for (int i = 0; i < CONNECTIONS / 2; i++) {
        beyond[i] = ask(fixture, GET_LATER);
        assert_answered(beyond[i], 200, EMPTY);
    }
    int fd = ask(fixture, GET_WELL);
    assert_answered(fd, 204, "");
    assert_int_equal(ese_metric_value(fixture->held), CONNECTIONS / 2);
    close(fd);
    close_all(beyond);
    close_all(held);
}

/* What is new and not for them (a reader before them took it, say) sends nobody away. */
static void who_is_held_stays_held(void **state)
{
    struct fixture *fixture = *state;
    int held[CONNECTIONS / 2];
    hold_as_many_as_may_be(fixture, held);
    ese_event_pages_wake(fixture->pages);
    fixture->looks_wanted = CONNECTIONS;
    assert_true(ese_test_wait_until(has_looked, fixture, 10000));
    atomic_store(&fixture->there, CONNECTIONS / 2);
    ese_event_pages_wake(fixture->pages);
    for (int i = 0; i < CONNECTIONS / 2; i++)
        assert_answered(held[i], 200, ONE);
    close_all(held);
}

static void who_was_answered_makes_room(void **state)
{
    struct fixture *fixture = *state;
    int held[CONNECTIONS / 2];
    for (int round = 0; round < 3; round++) {
        atomic_store(&fixture->looks, 0);
        hold_as_many_as_may_be(fixture, held);
        atomic_store(&fixture->there, CONNECTIONS / 2);
        ese_event_pages_wake(fixture->pages);
        for (int i = 0; i < CONNECTIONS / 2; i++)
            assert_answered(held[i], 200, ONE);
        close_all(held);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(half_of_the_connections_are_held, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_is_held_stays_held, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_was_answered_makes_room, set_up, tear_down),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
