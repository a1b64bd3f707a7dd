/* The server from outside, over plain sockets: what a handler sees, what a peer gets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/http_server.h"
#include "tests/support/raw_http.h"
#include "tests/support/wait.h"

#define MOST_KEPT 64

struct fixture {
    struct ese_http_server *server;
    struct ese_metrics *metrics;
    const char *address;
    pthread_mutex_t lock;
    struct ese_http_request *kept[MOST_KEPT];
    int kept_count;
    int kept_at_turns_end;
    atomic_int streams_done;
    atomic_int turns;
};

/* ---- handlers -------------------------------------------------------------------------------- */

/* Answers with what it saw: the query "q", the header "X-Test" and the body. */
static void echo(void *context, struct ese_http_request *request)
{
    struct ese_buffer text = ESE_BUFFER_INIT(4 << 20);
    size_t length;
    const char *body = ese_http_request_body(request, &length);
    const char *query = ese_http_request_query(request, "q");
    const char *header = ese_http_request_header(request, "X-Test");
    (void)context;
    assert_int_equal(body[length], '\0');
    assert_true(ese_http_request_started_ns(request) <= ese_clock_monotonic_ns());
    ese_buffer_printf(&text, "%s|%s|", query != NULL ? query : "-", header != NULL ? header : "-");
    ese_buffer_append(&text, body, length);
    ese_http_request_add_header(request, "X-Good", "yes");
    ese_http_request_add_header(request, "X-Evil", "a\r\nSet-Cookie: b");
    ese_http_reply(request, 200, ESE_HTTP_TEXT, text.text, text.length);
    ese_buffer_free(&text);
}

static void keep(void *context, struct ese_http_request *request)
{
    struct fixture *fixture = context;
    pthread_mutex_lock(&fixture->lock);
    assert_true(fixture->kept_count < MOST_KEPT);
    fixture->kept[fixture->kept_count++] = request;
    pthread_mutex_unlock(&fixture->lock);
}

static void note_turn(void *context)
{
    struct fixture *fixture = context;
    pthread_mutex_lock(&fixture->lock);
    fixture->kept_at_turns_end = fixture->kept_count;
    pthread_mutex_unlock(&fixture->lock);
    atomic_fetch_add(&fixture->turns, 1);
}

static void nothing(void *context, struct ese_http_request *request)
{
    (void)context;
    ese_http_reply(request, 202, NULL, NULL, 0);
}

static void message(void *context, struct ese_http_request *request)
{
    (void)context;
    ese_http_reply_message(request, 400, "a \"b\" <c>\n");
}

static int64_t three_parts(void *context, char *bytes, size_t size)
{
    int *left = context;
    if (*left == 0)
        return 0;
    (*left)--;
    memset(bytes, 'a', size);
    return (int64_t)size;
}

static int64_t breaks_off(void *context, char *bytes, size_t size)
{
    int *left = context;
    return (*left)-- > 0 ? snprintf(bytes, size, "half") : -1;
}

static int parts_left;
static struct fixture *stream_fixture;

static void stream_done(void *context)
{
    assert_ptr_equal(context, &parts_left);
    atomic_fetch_add(&stream_fixture->streams_done, 1);
}

static void stream(void *context, struct ese_http_request *request)
{
    (void)context;
    parts_left = 3;
    ese_http_reply_stream(request, 200, ESE_HTTP_TEXT, three_parts, stream_done, &parts_left);
}

static void broken_stream(void *context, struct ese_http_request *request)
{
    (void)context;
    parts_left = 1;
    ese_http_reply_stream(request, 200, ESE_HTTP_TEXT, breaks_off, stream_done, &parts_left);
}

/* ---- the fixture ----------------------------------------------------------------------------- */

static void start(struct fixture *fixture, struct ese_http_server_options options)
{
    struct ese_error error = {0};
    *fixture = (struct fixture){.metrics = ese_metrics_new()};
    pthread_mutex_init(&fixture->lock, NULL);
    if (options.listen == NULL)
        options.listen = "127.0.0.1:0";
    options.metrics = fixture->metrics;
    if (ese_http_server_open(&options, &fixture->server, &error) != 0)
        fail_msg("%s", error.text);
    ese_http_server_route(fixture->server, "GET", "/echo", echo, NULL);
    ese_http_server_route(fixture->server, "POST", "/echo", echo, NULL);
    ese_http_server_route(fixture->server, "POST", "/keep", keep, fixture);
    ese_http_server_route(fixture->server, "GET", "/nothing", nothing, NULL);
    ese_http_server_route(fixture->server, "GET", "/message", message, NULL);
    ese_http_server_route(fixture->server, "GET", "/stream", stream, NULL);
    ese_http_server_route(fixture->server, "GET", "/broken", broken_stream, NULL);
    ese_http_server_route_metrics(fixture->server, fixture->metrics);
    ese_http_server_after_turns(fixture->server, note_turn, fixture);
    assert_int_equal(ese_http_server_start(fixture->server, &error), 0);
    fixture->address = ese_http_server_address(fixture->server);
    stream_fixture = fixture;
}

static void stop(struct fixture *fixture)
{
    ese_http_server_close(&fixture->server);
    assert_null(fixture->server);
    ese_metrics_free(&fixture->metrics);
    pthread_mutex_destroy(&fixture->lock);
}

static int kept_count(struct fixture *fixture)
{
    pthread_mutex_lock(&fixture->lock);
    int count = fixture->kept_count;
    pthread_mutex_unlock(&fixture->lock);
    return count;
}

static bool one_is_kept(void *context)
{
    return kept_count(context) >= 1;
}

/* Sends, reads one answer on a connection of its own, and checks the status. */
static struct ese_raw_answer ask(struct fixture *fixture, const char *request, int status)
{
    struct ese_raw_answer answer;
    int fd = ese_raw_connect(fixture->address);
    ese_raw_send_text(fd, request);
    assert_true(ese_raw_read_answer(fd, strncmp(request, "HEAD", 4) != 0, &answer));
    assert_int_equal(answer.status, status);
    close(fd);
    return answer;
}

static void expect(struct fixture *fixture, const char *request, int status, const char *body)
{
    struct ese_raw_answer answer = ask(fixture, request, status);
    assert_string_equal(answer.body, body);
    ese_raw_answer_clear(&answer);
}

static void expect_header(struct fixture *fixture, const char *request, int status, const char *name, const char *value)
{
    struct ese_raw_answer answer = ask(fixture, request, status);
    assert_string_equal(ese_raw_answer_header(&answer, name), value);
    ese_raw_answer_clear(&answer);
}

/* ---- answering ------------------------------------------------------------------------------- */

static void a_handler_sees_the_whole_request(void **state)
{
    struct fixture fixture;
    (void)state;
    start(&fixture, (struct ese_http_server_options){0});
    expect(&fixture, "GET /echo?q=a%20b HTTP/1.1\r\nHost: x\r\nx-test: t\r\n\r\n", 200, "a b|t|");
    expect(&fixture, "GET /%65cho HTTP/1.1\r\nHost: x\r\n\r\n", 200, "-|-|");
    expect(&fixture, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", 200,
           "-|-|hello");
    expect(&fixture,
           "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
           "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
           200, "-|-|hello");
    expect(&fixture, "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n", 202, "");
    expect(&fixture, "GET /message HTTP/1.1\r\nHost: x\r\n\r\n", 400,
           "{\n    \"message\": \"a \\\"b\\\" \\u003cc\\u003e\\n\"\n}");
    stop(&fixture);
}

static void header_values_cannot_begin_headers(void **state)
{
    struct fixture fixture;
    (void)state;
    start(&fixture, (struct ese_http_server_options){0});
    struct ese_raw_answer answer = ask(&fixture, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n", 200);
    assert_string_equal(ese_raw_answer_header(&answer, "X-Good"), "yes");
    assert_string_equal(ese_raw_answer_header(&answer, "X-Evil"), "");
    assert_string_equal(ese_raw_answer_header(&answer, "Set-Cookie"), "");
    assert_string_equal(ese_raw_answer_header(&answer, "Content-Type"), ESE_HTTP_TEXT);
    ese_raw_answer_clear(&answer);
    stop(&fixture);
}

static void a_connection_is_kept_for_further_requests(void **state)
{
    struct fixture fixture;
    struct ese_raw_answer answer;
    (void)state;
    start(&fixture, (struct ese_http_server_options){0});
    int fd = ese_raw_connect(fixture.address);
    for (int i = 0; i < 3; i++) {
        ese_raw_send_text(fd, "GET /echo?q=1 HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_true(ese_raw_read_answer(fd, true, &answer));
        assert_string_equal(answer.body, "1|-|");
        ese_raw_answer_clear(&answer);
    }
    ese_raw_send_text(fd, "GET /echo?q=2 HTTP/1.1\r\nHost: x\r\n\r\n" /* both at once */
                          "GET /echo?q=3 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_true(ese_raw_read_answer(fd, true, &answer));
    assert_string_equal(answer.body, "2|-|");
    ese_raw_answer_clear(&answer);
    assert_true(ese_raw_read_answer(fd, true, &answer));
    assert_string_equal(answer.body, "3|-|");
    ese_raw_answer_clear(&answer);
    assert_true(ese_raw_closed(fd));
    close(fd);
    stop(&fixture);
}

static void *answer_kept(void *context)
{
    struct fixture *fixture = context;
    for (int i = 0; i < fixture->kept_count; i++) {
        char text[16];
        int length = snprintf(text, sizeof text, "late %d", i);
        ese_http_reply(fixture->kept[i], 201, ESE_HTTP_TEXT, text, (size_t)length);
    }
    return NULL;
}

static bool all_are_kept(void *context)
{
    return kept_count(context) == MOST_KEPT;
}

static void kept_requests_are_answered_from_another_thread(void **state)
{
    struct fixture fixture;
    int fds[MOST_KEPT];
    pthread_t thread;
    (void)state;
    start(&fixture, (struct ese_http_server_options){0});
    for (int i = 0; i < MOST_KEPT; i++) {
        fds[i] = ese_raw_connect(fixture.address);
        ese_raw_send_text(fds[i], "POST /keep HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx");
    }
    assert_true(ese_test_wait_until(all_are_kept, &fixture, 10000));
    expect(&fixture, "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n", 202, ""); /* the thread is free */
    pthread_create(&thread, NULL, answer_kept, &fixture);
    pthread_join(thread, NULL);
    for (int i = 0; i < MOST_KEPT; i++) {
        struct ese_raw_answer answer;
        assert_true(ese_raw_read_answer(fds[i], true, &answer));
        assert_int_equal(answer.status, 201);
        assert_memory_equal(answer.body, "late ", 5);
        ese_raw_answer_clear(&answer);
        close(fds[i]);
    }
    stop(&fixture);
}

static void a_kept_request_may_be_answered_after_its_peer_left(void **state)
{
    struct fixture fixture;
    (void)state;
    start(&fixture, (struct ese_http_server_options){0});
    int fd = ese_raw_connect(fixture.address);
    ese_raw_send_text(fd, "POST /keep HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx");
    assert_true(ese_test_wait_until(one_is_kept, &fixture, 10000));
    close(fd);
    answer_kept(&fixture);
    expect(&fixture, "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n", 202, "");
    stop(&fixture);
}

static bool a_stream_is_done(void *context)
{
    return atomic_load(&((struct fixture *)context)->streams_done) == 1;
}

static void a_stream_ends_well(void **state)
{
    struct fixture fixture;
    (void)state;
    start(&fixture, (struct ese_http_server_options){0});
    struct ese_raw_answer answer = ask(&fixture, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n", 200);
    assert_true(answer.length > 3 * 1000);
    assert_int_equal(strspn(answer.body, "a"), answer.length);
    ese_raw_answer_clear(&answer);
    assert_true(ese_test_wait_until(a_stream_is_done, &fixture, 10000));
    stop(&fixture);
    assert_int_equal(fixture.streams_done, 1);
}

static void a_stream_that_breaks_off_closes_the_connection(void **state)
{
    struct fixture fixture;
    char text[4096] = "";
    size_t length = 0;
    ssize_t more;
    (void)state;
    start(&fixture, (struct ese_http_server_options){0});
    int fd = ese_raw_connect(fixture.address);
    ese_raw_send_text(fd, "GET /broken HTTP/1.1\r\nHost: x\r\n\r\n");
    while ((more = read(fd, text + length, sizeof text - 1 - length)) > 0)
        length += (size_t)more;
    assert_int_equal(more, 0);
    assert_non_null(strstr(text, "half"));
    assert_null(strstr(text, "\r\n0\r\n")); /* no end that looks like one */
    close(fd);
    stop(&fixture);
    assert_int_equal(fixture.streams_done, 1);
}

/* ---- as the original answers ----------------------------------------------------------------- */

static void unknown_is_404_as_text(void **state)
{
    static const char *const requests[] = {
        "GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n",
        "DELETE /echo HTTP/1.1\r\nHost: x\r\n\r\n",
        "BREW /echo HTTP/1.1\r\nHost: x\r\n\r\n",
        "OPTIONS /echo HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /nowhere/ HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /echo/../echo HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    };
    struct fixture fixture;
    (void)state;
    start(&fixture, (struct ese_http_server_options){0});
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++)
        expect(&fixture, requests[i], 404, "404 page not found");
    struct ese_raw_answer answer = ask(&fixture, "HEAD /echo HTTP/1.1\r\nHost: x\r\n\r\n", 404);
    assert_string_equal(ese_raw_answer_header(&answer, "Content-Length"), "18");
    assert_string_equal(ese_raw_answer_header(&answer, "Content-Type"), "text/plain");
    ese_raw_answer_clear(&answer);
    stop(&fixture);
}

static void a_trailing_slash_redirects(void **state)
{
    struct fixture fixture;
    (void)state;
    start(&fixture, (struct ese_http_server_options){0});
    expect_header(&fixture, "GET /echo/?q=1 HTTP/1.1\r\nHost: x\r\n\r\n", 301, "Location", "/echo?q=1");
    expect_header(&fixture, "POST /echo/ HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi", 307, "Location", "/echo");
    stop(&fixture);
}

static void other_origins_are_let_in(void **state)
{
    static const char allowed[] = "Access-Control-Allow-Origin";
    struct fixture fixture;
    (void)state;
    start(&fixture, (struct ese_http_server_options){0});
    struct ese_raw_answer answer =
        ask(&fixture, "OPTIONS /any HTTP/1.1\r\nHost: x:1\r\nOrigin: http://other\r\n\r\n", 204);
    assert_string_equal(ese_raw_answer_header(&answer, allowed), "*");
    assert_string_equal(ese_raw_answer_header(&answer, "Access-Control-Allow-Methods"),
                        "GET,POST,OPTIONS");
    assert_string_equal(ese_raw_answer_header(&answer, "Access-Control-Allow-Headers"),
                        "Origin,Content-Length,Content-Type");
    assert_string_equal(ese_raw_answer_header(&answer, "Access-Control-Max-Age"), "43200");
    ese_raw_answer_clear(&answer);
    expect_header(&fixture, "GET /echo HTTP/1.1\r\nHost: x:1\r\nOrigin: null\r\n\r\n", 200, allowed, "*");
    expect_header(&fixture, "GET /echo HTTP/1.1\r\nHost: x:1\r\nOrigin: http://x:1\r\n\r\n", 200, allowed, "");
    expect_header(&fixture, "GET /echo HTTP/1.1\r\nHost: x:1\r\n\r\n", 200, allowed, "");
    stop(&fixture);
}

static void metrics_count_by_route_and_status(void **state)
{
    struct fixture fixture;
    (void)state;
    start(&fixture, (struct ese_http_server_options){0});
    expect(&fixture, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", 200,
           "-|-|hello");
    expect(&fixture, "GET /message%0aq HTTP/1.1\r\nHost: x\r\n\r\n", 404, "404 page not found");
    expect(&fixture, "BREW /%22 HTTP/1.1\r\nHost: x\r\n\r\n", 404, "404 page not found");
    struct ese_raw_answer answer = ask(&fixture, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", 200);
    static const char *const lines[] = {
        "\nese_http_requests_total{route=\"/echo\",method=\"POST\",status=\"200\"} 1\n",
        "\nese_http_requests_total{route=\"other\",method=\"GET\",status=\"404\"} 1\n",
        "\nese_http_requests_total{route=\"other\",method=\"other\",status=\"404\"} 1\n",
        "\nese_http_request_seconds_count{route=\"/echo\"} 1\n",
        "\nese_http_received_bytes_total 5\n",
        "\nese_http_sent_bytes_total 45\n",
        "\nprocess_open_fds ",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        if (strstr(answer.body, lines[i]) == NULL)
            fail_msg("no %s in\n%s", lines[i], answer.body);
    }
    assert_non_null(strstr(answer.body, "\nese_http_connections "));
    ese_raw_answer_clear(&answer);
    stop(&fixture);
}

/* ---- stopping -------------------------------------------------------------------------------- */

static void quiescing_lets_kept_requests_finish(void **state)
{
    struct fixture fixture;
    struct ese_raw_answer answer;
    (void)state;
    start(&fixture, (struct ese_http_server_options){0});
    int held = ese_raw_connect(fixture.address), idle = ese_raw_connect(fixture.address);
    ese_raw_send_text(idle, "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(ese_raw_read_answer(idle, true, &answer));
    ese_raw_answer_clear(&answer);
    ese_raw_send_text(held, "POST /keep HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx");
    assert_true(ese_test_wait_until(one_is_kept, &fixture, 10000));
    ese_http_server_quiesce(fixture.server);
    ese_raw_send_text(idle, "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(ese_raw_read_answer(idle, true, &answer));
    assert_int_equal(answer.status, 503);
    assert_string_equal(ese_raw_answer_header(&answer, "Connection"), "close");
    assert_string_equal(ese_raw_answer_header(&answer, "Retry-After"), "1");
    ese_raw_answer_clear(&answer);
    assert_true(ese_raw_closed(idle));
    answer_kept(&fixture);
    ese_http_server_close(&fixture.server); /* sends what was answered before it ends */
    assert_true(ese_raw_read_answer(held, true, &answer));
    assert_int_equal(answer.status, 201);
    ese_raw_answer_clear(&answer);
    close(held);
    close(idle);
    stop(&fixture);
}

static bool a_turn_saw_it(void *context)
{
    struct fixture *fixture = context;
    pthread_mutex_lock(&fixture->lock);
    bool seen = fixture->kept_at_turns_end == 1;
    pthread_mutex_unlock(&fixture->lock);
    return seen;
}

/* Who gathers requests is told when no other is at hand, and may be gone once the server is quiet. */
static void a_turn_ends_behind_its_requests(void **state)
{
    struct fixture fixture;
    (void)state;
    start(&fixture, (struct ese_http_server_options){0});
    int fd = ese_raw_connect(fixture.address);
    ese_raw_send_text(fd, "POST /keep HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx");
    assert_true(ese_test_wait_until(a_turn_saw_it, &fixture, 10000));
    ese_http_server_quiesce(fixture.server);
    int turns = atomic_load(&fixture.turns);
    answer_kept(&fixture);
    struct ese_raw_answer answer;
    assert_true(ese_raw_read_answer(fd, true, &answer)); /* which took turns */
    ese_raw_answer_clear(&answer);
    close(fd);
    stop(&fixture);
    assert_int_equal(atomic_load(&fixture.turns), turns); /* the turn that sent it has ended, too */
}

static void closing_does_not_wait_for_ever(void **state)
{
    struct fixture fixture;
    (void)state;
    start(&fixture, (struct ese_http_server_options){0});
    int fd = ese_raw_connect(fixture.address);
    ese_raw_send_text(fd, "POST /keep HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx");
    assert_true(ese_test_wait_until(one_is_kept, &fixture, 10000));
    int64_t began_ns = ese_clock_monotonic_ns();
    ese_http_server_close(&fixture.server);
    int64_t took_ns = ese_clock_monotonic_ns() - began_ns;
    assert_true(took_ns > 1900 * ESE_NS_PER_MS && took_ns < 8000 * ESE_NS_PER_MS);
    assert_true(ese_raw_closed(fd));
    ese_http_reply(fixture.kept[0], 200, NULL, "x", 1); /* who holds it still frees it so */
    close(fd);
    stop(&fixture);
}

static void opens_and_closes_without_starting(void **state)
{
    struct ese_http_server *server = NULL;
    const struct ese_http_server_options options = {.listen = "127.0.0.1:0"};
    (void)state;
    ese_http_server_close(&server);
    assert_int_equal(ese_http_server_open(&options, &server, NULL), 0);
    assert_memory_equal(ese_http_server_address(server), "127.0.0.1:", 10);
    ese_http_server_quiesce(server);
    ese_http_server_close(&server);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_handler_sees_the_whole_request),
        cmocka_unit_test(header_values_cannot_begin_headers),
        cmocka_unit_test(a_connection_is_kept_for_further_requests),
        cmocka_unit_test(kept_requests_are_answered_from_another_thread),
        cmocka_unit_test(a_kept_request_may_be_answered_after_its_peer_left),
        cmocka_unit_test(a_stream_ends_well),
        cmocka_unit_test(a_stream_that_breaks_off_closes_the_connection),
        cmocka_unit_test(unknown_is_404_as_text),
        cmocka_unit_test(a_trailing_slash_redirects),
        cmocka_unit_test(other_origins_are_let_in),
        cmocka_unit_test(metrics_count_by_route_and_status),
        cmocka_unit_test(quiescing_lets_kept_requests_finish),
        cmocka_unit_test(a_turn_ends_behind_its_requests),
        cmocka_unit_test(closing_does_not_wait_for_ever),
        cmocka_unit_test(opens_and_closes_without_starting),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
