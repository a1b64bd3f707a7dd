/* What the server refuses before any handler sees it, byte for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/http_server.h"
#include "tests/support/raw_http.h"
#include "tests/support/wait.h"

struct fixture {
    struct ese_http_server *server;
    struct ese_metrics *metrics;
    const char *address;
    atomic_int handled; /* requests that reached a handler */
    atomic_int stolen;  /* requests for /stolen among them: a second request hidden in a first */
    char body[64];      /* of the last one */
    struct ese_http_request *kept;
};

static void take(void *context, struct ese_http_request *request)
{
    struct fixture *fixture = context;
    size_t length;
    const char *body = ese_http_request_body(request, &length);
    snprintf(fixture->body, sizeof fixture->body, "%.60s", body);
    atomic_fetch_add(&fixture->handled, 1);
    ese_http_reply(request, 200, NULL, NULL, 0);
}

static void steal(void *context, struct ese_http_request *request)
{
    struct fixture *fixture = context;
    atomic_fetch_add(&fixture->stolen, 1);
    ese_http_reply(request, 200, NULL, NULL, 0);
}

static void keep(void *context, struct ese_http_request *request)
{
    struct fixture *fixture = context;
    fixture->kept = request;
    atomic_fetch_add(&fixture->handled, 1);
}

static void start(struct fixture *fixture, struct ese_http_server_options options)
{
    struct ese_error error = {0};
    *fixture = (struct fixture){.metrics = ese_metrics_new()};
    options.listen = "127.0.0.1:0";
    options.metrics = fixture->metrics;
    assert_int_equal(ese_http_server_open(&options, &fixture->server, &error), 0);
    ese_http_server_route(fixture->server, "GET", "/take", take, fixture);
    ese_http_server_route(fixture->server, "POST", "/take", take, fixture);
    ese_http_server_route(fixture->server, "GET", "/stolen", steal, fixture);
    ese_http_server_route(fixture->server, "POST", "/keep", keep, fixture);
    assert_int_equal(ese_http_server_start(fixture->server, &error), 0);
    fixture->address = ese_http_server_address(fixture->server);
}

static void stop(struct fixture *fixture)
{
    ese_http_server_close(&fixture->server);
    ese_metrics_free(&fixture->metrics);
}

/* ---- where a request ends -------------------------------------------------------------------- */

#define STOLEN "GET /stolen HTTP/1.1\r\nHost: x\r\n\r\n"
#define POST "POST /take HTTP/1.1\r\nHost: x\r\n"
#define GET "GET /take HTTP/1.1\r\nHost: x\r\n"
#define CHUNKED "Transfer-Encoding: chunked\r\n"
#define LAST "GET /stolen HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
#define BYTES(text) text LAST, sizeof text LAST - 1 /* a connection that goes on is seen to, and ends */

/* Each is refused, and nothing behind it is taken for a request. */
static void doubtful_lengths_are_refused_and_closed(void **state)
{
    static const struct {
        const char *bytes;
        size_t length;
    } cases[] = {
        {BYTES(POST "Content-Length: 0\r\nContent-Length: 33\r\n\r\n" STOLEN)},
        {BYTES(POST "Content-Length: 0\r\nContent-Length: 0\r\n\r\n" STOLEN)},
        {BYTES(POST "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" STOLEN)},
        {BYTES(POST "Transfer-Encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n" STOLEN)},
        {BYTES(POST CHUNKED CHUNKED "\r\n0\r\n\r\n" STOLEN)},
        {BYTES(POST "Transfer-Encoding: identity\r\n\r\n" STOLEN)},
        {BYTES(POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" STOLEN)},
        {BYTES("POST /take HTTP/1.0\r\nHost: x\r\n" CHUNKED "\r\n0\r\n\r\n" STOLEN)},
        {BYTES(POST "Content-Length : 33\r\n\r\n" STOLEN)},
        {BYTES(POST "Content-Length\t: 33\r\n\r\n" STOLEN)},
        {BYTES(POST " Content-Length: 33\r\n\r\n" STOLEN)},
        {BYTES(POST "Content-Length: +33\r\n\r\n" STOLEN)},
        {BYTES(POST "Content-Length: -1\r\n\r\n" STOLEN)},
        {BYTES(POST "Content-Length: 0x21\r\n\r\n" STOLEN)},
        {BYTES(POST "Content-Length: 33, 33\r\n\r\n" STOLEN)},
        {BYTES(POST "Content-Length:\r\n\r\n" STOLEN)},
        {BYTES(POST "Content-Length: 99999999999999999999\r\n\r\n" STOLEN)},
        {BYTES(POST "Content-Length: 33\r\n x\r\n\r\n" STOLEN)},
        {BYTES(POST "X-A: a\r\n b\r\nContent-Length: 33\r\n\tc\r\n\r\n" STOLEN)},
        {BYTES(POST "X-A: a\rContent-Length: 33\r\n\r\n" STOLEN)},
        {BYTES(POST "X-A: a\0b: c\r\n\r\n" STOLEN)},
        {BYTES(POST ": nameless\r\n" STOLEN)},
        {BYTES(POST ":\r\n" STOLEN)},
        {BYTES(POST "X-A: a\0\r\n\r\n" STOLEN)},
        {BYTES(POST "no colon\r\n\r\n" STOLEN)},
        {BYTES(POST "Host: y\r\n\r\n" STOLEN)},
        {BYTES(POST "hOST: y\r\n\r\n" STOLEN)},
        {BYTES(POST "Content-Length: 0\r\ncontent-length: 33\r\n\r\n" STOLEN)},
        {BYTES(POST CHUNKED "transfer-encoding: chunked\r\n\r\n0\r\n\r\n" STOLEN)},
        {BYTES("POST /take HTTP/1.1\r\n\r\n" STOLEN)},
        {BYTES(GET "Content-Length: 3\r\nContent-Length: 33\r\n\r\nabc" STOLEN)},
        {BYTES("GET /take /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" STOLEN)},
    };
    struct fixture fixture;
    (void)state;
    start(&fixture, (struct ese_http_server_options){0});
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int fd = ese_raw_connect(fixture.address);
        ese_raw_send(fd, cases[i].bytes, cases[i].length);
        char *answer = ese_raw_read_to_end(fd); /* a connection that stays open fails here */
        if (answer[0] != '\0' && strncmp(answer, "HTTP/1.1 400 ", 13) != 0 &&
            strncmp(answer, "HTTP/1.1 413 ", 13) != 0)
            fail_msg("case %zu was answered %s", i, answer);
        free(answer);
        close(fd);
        assert_int_equal(atomic_load(&fixture.handled), 0);
        if (atomic_load(&fixture.stolen) != 0)
            fail_msg("case %zu: what was behind it was taken for a request", i);
    }
    stop(&fixture);
    assert_int_equal(fixture.stolen, 0);
}

/* Around chunks much is taken for something else by somebody: whatever it is, nothing behind it is a request. */
static void nothing_stands_behind_chunks(void **state)
{
    static const struct {
        const char *bytes;
        size_t length;
    } cases[] = {
        {BYTES(POST CHUNKED "\r\n3\r\nabc\r\n0\r\n\r\n")},
        {BYTES(POST CHUNKED "\r\n3;a\nabc\n0\n\n")},
        {BYTES(POST CHUNKED "\r\n3;a\rb\r\nabc\r\n0\r\n\r\n")},
        {BYTES(POST CHUNKED "\r\n3\r\nabc\r\n0\r\nX-A: a\r\n:")},
        {BYTES(POST CHUNKED "\r\n3\r\nabc\r\n0\r\nX-A: a\r\n\0")},
        {BYTES(POST CHUNKED "\r\n3\r\nabc\r\n0\r\nX-A: a\r\n:\r\n")},
        {BYTES(POST CHUNKED "\r\n3\r\nabc\r\n0\r\nX-A: a\r\n b\r\nX-C: c\0d\r\n\r\n")},
    };
    struct fixture fixture;
    (void)state;
    start(&fixture, (struct ese_http_server_options){0});
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int fd = ese_raw_connect(fixture.address);
        ese_raw_send(fd, cases[i].bytes, cases[i].length);
        char *answer = ese_raw_read_to_end(fd);
        if (strncmp(answer, "HTTP/1.1 200 ", 13) != 0 || strstr(answer + 1, "HTTP/1.1 ") != NULL)
            fail_msg("case %zu was answered %s", i, answer);
        free(answer);
        close(fd);
    }
    stop(&fixture);
    assert_int_equal(fixture.stolen, 0);
}

/* What RFC 9112 leaves to the server: refused or understood, but always as one request. */
static void bare_line_feeds_split_nothing(void **state)
{
    static const char *const cases[] = {
        "POST /take HTTP/1.1\nHost: x\nContent-Length: 33\n\n" STOLEN,
        "POST /take HTTP/1.1\r\nHost: x\nContent-Length: 33\r\n\r\n" STOLEN,
        "\r\nPOST /take HTTP/1.1\r\nHost: x\r\nContent-Length: 33\r\n\r\n" STOLEN,
    };
    struct fixture fixture;
    (void)state;
    start(&fixture, (struct ese_http_server_options){0});
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ese_raw_answer answer;
        int fd = ese_raw_connect(fixture.address);
        ese_raw_send_text(fd, cases[i]);
        assert_true(ese_raw_read_answer(fd, true, &answer));
        if (answer.status == 200)
            assert_string_equal(fixture.body, STOLEN);
        else
            assert_int_equal(answer.status, 400);
        ese_raw_answer_clear(&answer);
        close(fd);
    }
    stop(&fixture);
    assert_int_equal(fixture.stolen, 0);
}

/* Nothing of a request line is hidden behind a NUL, and there is one way to write it. */
static void malformed_request_lines_are_refused(void **state)
{
    static const struct {
        const char *bytes;
        size_t length;
    } cases[] = {
        {BYTES("POST /take\0 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n" STOLEN)},
        {BYTES("POST /take\0/x HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n" STOLEN)},
        {BYTES("POST\0/take HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n" STOLEN)},
        {BYTES("POST  /take HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n" STOLEN)},
        {BYTES("POST /take\r\nHost: x\r\nContent-Length: 0\r\n\r\n" STOLEN)},
    };
    struct fixture fixture;
    (void)state;
    start(&fixture, (struct ese_http_server_options){0});
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int fd = ese_raw_connect(fixture.address);
        ese_raw_send(fd, cases[i].bytes, cases[i].length);
        char *answer = ese_raw_read_to_end(fd);
        if (answer[0] != '\0' && strncmp(answer, "HTTP/1.1 400 ", 13) != 0)
            fail_msg("case %zu was answered %s", i, answer);
        free(answer);
        close(fd);
    }
    stop(&fixture);
    assert_int_equal(fixture.handled, 0);
    assert_int_equal(fixture.stolen, 0);
}

/* Headers that come in many pieces, and are many, are still read as they came. */
static void headers_in_pieces_are_taken(void **state)
{
    struct fixture fixture;
    struct ese_raw_answer answer;
    (void)state;
    start(&fixture, (struct ese_http_server_options){0});
    int fd = ese_raw_connect(fixture.address);
    for (int round = 0; round < 3; round++) {
        ese_raw_send_text(fd, "GET /take HTTP/1.1\r\nHost: x\r\n");
        for (int i = 0; i < 100; i++) {
            char line[200];
            int length = snprintf(line, sizeof line, "X-%d:%*s%0100d\r\n", i, i % 5, "", i);
            ese_raw_send(fd, line, (size_t)length - 1);
            ese_clock_sleep_until(ese_clock_monotonic_ns() + 100000); /* sent apart, read apart */
            ese_raw_send(fd, "\n", 1);
        }
        ese_raw_send_text(fd, "X-Empty:\r\nCookie: a=b; c=d\r\n\r\n");
        assert_true(ese_raw_read_answer(fd, true, &answer));
        assert_int_equal(answer.status, 200);
        ese_raw_answer_clear(&answer);
    }
    close(fd);
    stop(&fixture);
    assert_int_equal(fixture.handled, 3);
}

/* ---- bounds ---------------------------------------------------------------------------------- */

static int status_of(struct fixture *fixture, const char *request)
{
    struct ese_raw_answer answer;
    int fd = ese_raw_connect(fixture->address);
    ese_raw_send_text(fd, request);
    assert_true(ese_raw_read_answer(fd, true, &answer));
    int status = answer.status;
    ese_raw_answer_clear(&answer);
    close(fd);
    return status;
}

static void nul_in_the_path_is_refused(void **state)
{
    struct fixture fixture;
    (void)state;
    start(&fixture, (struct ese_http_server_options){0});
    assert_int_equal(status_of(&fixture, "GET /take%00x HTTP/1.1\r\nHost: x\r\n\r\n"), 400);
    assert_int_equal(status_of(&fixture, "GET /take?q=%00 HTTP/1.1\r\nHost: x\r\n\r\n"), 400);
    assert_int_equal(status_of(&fixture, "GET /nowhere%00 HTTP/1.1\r\nHost: x\r\n\r\n"), 400);
    assert_int_equal(atomic_load(&fixture.handled), 0);
    assert_int_equal(status_of(&fixture, "GET /take?q=%2500 HTTP/1.1\r\nHost: x\r\n\r\n"), 200);
    stop(&fixture);
}

static void large_headers_are_refused(void **state)
{
    struct fixture fixture;
    struct ese_buffer request = ESE_BUFFER_INIT(1 << 20);
    (void)state;
    start(&fixture, (struct ese_http_server_options){0});
    ese_buffer_text(&request, "GET /take HTTP/1.1\r\nHost: x\r\n");
    for (int i = 0; i < 5000; i++)
        ese_buffer_printf(&request, "X-%d: 0123456789\r\n", i);
    ese_buffer_text(&request, "\r\n");
    int status = status_of(&fixture, request.text);
    assert_true(status == 413 || status == 431);
    assert_int_equal(atomic_load(&fixture.handled), 0);
    ese_buffer_free(&request);
    for (int count = 256; count <= 257; count++) {
        ese_buffer_text(&request, "GET /take HTTP/1.1\r\nHost: x\r\n");
        for (int i = 1; i < count; i++)
            ese_buffer_printf(&request, "X-%d: 0\r\n", i);
        ese_buffer_text(&request, "\r\n");
        assert_int_equal(status_of(&fixture, request.text), count > 256 ? 431 : 200);
        ese_buffer_free(&request);
    }
    assert_int_equal(atomic_load(&fixture.handled), 1);
    stop(&fixture);
}

/* What has to be repeated in an answer's header has a bound, too. */
static void redirects_have_room(void **state)
{
    struct fixture fixture;
    struct ese_buffer request = ESE_BUFFER_INIT(1 << 20);
    (void)state;
    start(&fixture, (struct ese_http_server_options){0});
    for (int length = 8186; length <= 8187; length++) { /* "/take", "?" and that are 8192 bytes, and one more */
        ese_buffer_printf(&request, "GET /take/?%0*d HTTP/1.1\r\nHost: x\r\n\r\n", length, 0);
        assert_int_equal(status_of(&fixture, request.text), length > 8186 ? 414 : 301);
        ese_buffer_free(&request);
    }
    stop(&fixture);
    assert_int_equal(fixture.handled, 0);
}

/* Nor can it say where to with what no header may hold. */
static void control_characters_in_a_query_are_refused(void **state)
{
    struct fixture fixture;
    (void)state;
    start(&fixture, (struct ese_http_server_options){0});
    for (int c = 1; c <= 0x7f; c = c == 0x1f ? 0x7f : c + 1) {
        char request[100];
        if (c == '\n' || c == '\r')
            continue;
        for (int slash = 0; slash < 2; slash++) {
            snprintf(request, sizeof request, "GET /take%s?a=%cb HTTP/1.1\r\nHost: x\r\n\r\n", slash ? "/" : "", c);
            int status = status_of(&fixture, request);
            if (status != 400)
                fail_msg("%d was answered %d", c, status);
        }
    }
    assert_int_equal(status_of(&fixture, "GET /take/?a=%01b HTTP/1.1\r\nHost: x\r\n\r\n"), 301);
    stop(&fixture);
    assert_int_equal(fixture.handled, 0);
}

/* A body of `length`, announced or in one chunk. */
static char *post_of(int length, bool chunked)
{
    struct ese_buffer request = ESE_BUFFER_INIT(16 << 20);
    if (chunked)
        ese_buffer_printf(&request, POST "Transfer-Encoding: chunked\r\n\r\n%x\r\n",
                          (unsigned)length);
    else
        ese_buffer_printf(&request, POST "Content-Length: %d\r\n\r\n", length);
    for (int i = 0; i < length; i++)
        ese_buffer_text(&request, "b");
    ese_buffer_text(&request, chunked ? "\r\n0\r\n\r\n" : "");
    return ese_buffer_detach(&request);
}

static void large_bodies_are_refused(void **state)
{
    static const struct {
        int length;
        bool chunked;
        int status;
    } cases[] = {{1000, false, 200}, {1000, true, 200}, {1001, false, 413},
                 {1001, true, 413},  {9000, false, 413}, {9000, true, 413}};
    struct fixture fixture;
    (void)state;
    start(&fixture, (struct ese_http_server_options){.max_body_bytes = 1000});
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *request = post_of(cases[i].length, cases[i].chunked);
        assert_int_equal(status_of(&fixture, request), cases[i].status);
        free(request);
    }
    assert_int_equal(status_of(&fixture, POST "Content-Length: 999999999999\r\n\r\nx"), 413);
    char *endless = post_of(100000, true); /* read no further than sixteen times the limit */
    int fd = ese_raw_connect(fixture.address);
    ese_raw_send_text(fd, endless);
    assert_true(ese_raw_closed(fd));
    free(endless);
    close(fd);
    stop(&fixture);
    assert_int_equal(fixture.handled, 2);
}

struct hoped {
    struct fixture *fixture;
    const char *request;
    int status;
};

static bool is_answered_so(void *context)
{
    struct hoped *hoped = context;
    return status_of(hoped->fixture, hoped->request) == hoped->status;
}

static void wait_for_status(struct fixture *fixture, const char *request, int status)
{
    struct hoped hoped = {fixture, request, status};
    assert_true(ese_test_wait_until(is_answered_so, &hoped, 10000));
}

/* 64 limits of one, of which halves are held: what is beyond is not taken, and is when they are let go of. */
static void bodies_have_a_bound_together(void **state)
{
    enum { HALVES = 127, LENGTH = 1000 };
    struct fixture fixture;
    struct ese_raw_answer answer;
    int held[HALVES];
    char half[LENGTH / 2];
    (void)state;
    start(&fixture, (struct ese_http_server_options){.max_body_bytes = LENGTH});
    memset(half, 'a', sizeof half);
    for (int i = 0; i < HALVES; i++) {
        held[i] = ese_raw_connect(fixture.address);
        ese_raw_send_text(held[i], POST "Content-Length: 1000\r\n\r\n");
        ese_raw_send(held[i], half, sizeof half);
    }
    char *request = post_of(LENGTH, false);
    wait_for_status(&fixture, request, 503);
    int fd = ese_raw_connect(fixture.address);
    ese_raw_send_text(fd, request);
    assert_true(ese_raw_read_answer(fd, true, &answer));
    assert_int_equal(answer.status, 503);
    assert_string_equal(ese_raw_answer_header(&answer, "Retry-After"), "1");
    ese_raw_answer_clear(&answer);
    close(fd);
    for (int i = 0; i < HALVES; i++)
        close(held[i]);
    wait_for_status(&fixture, request, 200);
    free(request);
    stop(&fixture);
}

static void a_token_is_asked_for(void **state)
{
    struct fixture fixture;
    (void)state;
    start(&fixture, (struct ese_http_server_options){.token = "s3cret"});
    assert_int_equal(status_of(&fixture, "GET /take HTTP/1.1\r\nHost: x\r\n\r\n"), 401);
    assert_int_equal(status_of(&fixture, "GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n"), 401);
    static const char *const wrong[] = {"Bearer s3cre",  "Bearer s3creu", "Bearer s3cret1",
                                        "Bearer ",       "Basic s3cret",  "s3cret",
                                        "Bearer S3CRET", "Bearers3cret"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char request[200];
        snprintf(request, sizeof request, POST "Authorization: %s\r\nContent-Length: 2\r\n\r\nab",
                 wrong[i]);
        assert_int_equal(status_of(&fixture, request), 401);
    }
    assert_int_equal(fixture.handled, 0);
    assert_int_equal(
        status_of(&fixture, POST "Authorization: Bearer s3cret\r\nContent-Length: 2\r\n\r\nab"),
        200);
    assert_int_equal(
        status_of(&fixture, "OPTIONS /take HTTP/1.1\r\nHost: x\r\nOrigin: http://y\r\n\r\n"), 204);
    stop(&fixture);
}

static void only_this_machine_without_a_token(void **state)
{
    static const char *const open_to_others[] = {"0.0.0.0:0", "[::]:0"};
    struct ese_http_server *server = NULL;
    struct ese_error error = {0};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct ese_http_server_options options = {.listen = open_to_others[i]};
        assert_int_equal(ese_http_server_open(&options, &server, &error), -1);
        assert_int_equal(error.code, ESE_E_USAGE);
        assert_non_null(strstr(error.text, open_to_others[i]));
        assert_non_null(strstr(error.text, "--token-file"));
        assert_non_null(strstr(error.text, "--trusted-network"));
        options.token = "";
        assert_int_equal(ese_http_server_open(&options, &server, &error), -1);
        assert_int_equal(error.code, ESE_E_USAGE);
    }
    static const char *const wrong[] = {
        "",            "2001",            ":2001",    "127.0.0.1", "127.0.0.1:",
        "127.0.0.1:x", "127.0.0.1:70000", "::1:2001", "[]:1",      "no-such-host.invalid:1"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        const struct ese_http_server_options options = {.listen = wrong[i]};
        assert_int_equal(ese_http_server_open(&options, &server, &error), -1);
        assert_int_equal(error.code, ESE_E_USAGE);
    }
    const struct ese_http_server_options good = {.listen = "localhost:0"};
    assert_int_equal(ese_http_server_open(&good, &server, &error), 0);
    const struct ese_http_server_options taken = {.listen = ese_http_server_address(server)};
    struct ese_http_server *second = NULL;
    assert_int_equal(ese_http_server_start(server, &error), 0);
    assert_int_equal(ese_http_server_open(&taken, &second, &error), -1);
    assert_int_equal(error.code, ESE_E_MISSING);
    assert_non_null(strstr(error.text, taken.listen));
    assert_non_null(strstr(error.text, "taken by"));
    ese_http_server_close(&server);
}

static void others_come_in_by_token_or_on_a_trusted_network(void **state)
{
    static const struct ese_http_server_options for_others[] = {
        {.listen = "0.0.0.0:0", .token = "s3cret"},
        {.listen = "0.0.0.0:0", .trusted_network = true},
        {.listen = "[::]:0", .trusted_network = true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof for_others / sizeof for_others[0]; i++) {
        struct ese_http_server *server = NULL;
        struct ese_error error = {.text = ""};
        if (ese_http_server_open(&for_others[i], &server, &error) != 0)
            fail_msg("%s", error.text);
        ese_http_server_close(&server);
    }
}

/* ---- deadlines ------------------------------------------------------------------------------- */

/* Sends `text` again every 20 ms, until the server has closed. Returns how long it took. */
static int64_t drip_until_cut(struct fixture *fixture, int fd, const char *text, bool answered)
{
    int64_t began_ns = ese_clock_monotonic_ns(), now_ns = began_ns;
    struct ese_raw_answer answer;
    (void)fixture;
    char peeked;
    while (recv(fd, &peeked, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
           now_ns - began_ns < 10 * ESE_NS_PER_S) {
        ese_raw_send_text(fd, text);
        ese_clock_sleep_until(now_ns + 20 * ESE_NS_PER_MS);
        now_ns = ese_clock_monotonic_ns();
    }
    if (answered) {
        assert_true(ese_raw_read_answer(fd, true, &answer));
        assert_int_equal(answer.status, 408);
        ese_raw_answer_clear(&answer);
    }
    assert_true(ese_raw_closed(fd));
    return (now_ns - began_ns) / ESE_NS_PER_MS;
}

static void dripping_does_not_extend_the_deadline(void **state)
{
    static const struct {
        const char *before, *drip;
    } cases[] = {
        {"GET /ta", "k"},                                     /* the request line */
        {"GET /take HTTP/1.1\r\nHost: x\r\n", "X-A: b\r\n"}, /* the headers */
        {POST "Content-Length: 100000\r\n\r\n", "x"},         /* the body */
        {POST "Transfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n"},
    };
    struct fixture fixture;
    struct ese_raw_answer answer;
    (void)state;
    start(&fixture, (struct ese_http_server_options){.request_deadline_ms = 400});
    for (size_t i = 0; i < 2 * sizeof cases / sizeof cases[0]; i++) {
        int fd = ese_raw_connect(fixture.address);
        if (i % 2 == 1) { /* as the second request of its connection */
            ese_raw_send_text(fd, "GET /take HTTP/1.1\r\nHost: x\r\n\r\n");
            assert_true(ese_raw_read_answer(fd, true, &answer));
            assert_int_equal(answer.status, 200);
            ese_raw_answer_clear(&answer);
        }
        ese_raw_send_text(fd, cases[i / 2].before);
        int64_t took_ms = drip_until_cut(&fixture, fd, cases[i / 2].drip, true);
        assert_in_range(took_ms, 350, 3000);
        close(fd);
    }
    stop(&fixture);
}

/* A beginning that comes with what was before it is one, too. */
static void a_beginning_behind_a_request_has_a_deadline(void **state)
{
    static const char *const before[] = {
        "GET /take HTTP/1.1\r\nHost: x\r\n\r\nGET /ta",
        POST "Content-Length: 3\r\n\r\nabcGET /ta",
    };
    struct fixture fixture;
    struct ese_raw_answer answer;
    (void)state;
    start(&fixture, (struct ese_http_server_options){.request_deadline_ms = 400});
    for (size_t i = 0; i < sizeof before / sizeof before[0]; i++) {
        int fd = ese_raw_connect(fixture.address);
        ese_raw_send_text(fd, before[i]);
        assert_true(ese_raw_read_answer(fd, true, &answer));
        assert_int_equal(answer.status, 200);
        ese_raw_answer_clear(&answer);
        assert_true(ese_raw_read_answer(fd, true, &answer));
        assert_int_equal(answer.status, 408);
        ese_raw_answer_clear(&answer);
        assert_true(ese_raw_closed(fd));
        close(fd);
    }
    stop(&fixture);
}

/* What fills a connection's memory and is no body would be looked at again and again until the deadline. */
static void who_sends_what_is_nothing_is_hung_up_on(void **state)
{
    struct fixture fixture;
    struct ese_buffer request = ESE_BUFFER_INIT(1 << 20);
    (void)state;
    start(&fixture, (struct ese_http_server_options){.request_deadline_ms = 60000});
    ese_buffer_printf(&request, POST CHUNKED "\r\n3\r\nabc\r\n3;%0*d", 65536, 0);
    int fd = ese_raw_connect(fixture.address);
    int64_t began_ns = ese_clock_monotonic_ns();
    ese_raw_send_text(fd, request.text);
    assert_true(ese_raw_closed(fd));
    assert_in_range(ese_clock_monotonic_ns() - began_ns, 0, 5 * ESE_NS_PER_S);
    close(fd);
    ese_buffer_free(&request);
    stop(&fixture);
    assert_int_equal(fixture.handled, 0);
}

static bool one_was_handled(void *context)
{
    return atomic_load(&((struct fixture *)context)->handled) == 1;
}

static void waiting_for_the_answer_has_no_deadline(void **state)
{
    struct fixture fixture;
    struct ese_raw_answer answer;
    (void)state;
    start(&fixture, (struct ese_http_server_options){.request_deadline_ms = 100});
    int idle = ese_raw_connect(fixture.address); /* nor has a connection without a request */
    int fd = ese_raw_connect(fixture.address);
    ese_raw_send_text(fd, "POST /keep HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
    assert_true(ese_test_wait_until(one_was_handled, &fixture, 10000));
    ese_clock_sleep_until(ese_clock_monotonic_ns() + 500 * ESE_NS_PER_MS); /* five deadlines */
    ese_http_reply(fixture.kept, 200, NULL, NULL, 0);
    assert_true(ese_raw_read_answer(fd, true, &answer));
    assert_int_equal(answer.status, 200);
    ese_raw_answer_clear(&answer);
    ese_raw_send_text(idle, "GET /take HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(ese_raw_read_answer(idle, true, &answer));
    assert_int_equal(answer.status, 200);
    ese_raw_answer_clear(&answer);
    close(fd);
    close(idle);
    stop(&fixture);
}

/* However long the one before was, and whatever came with it. */
static void between_requests_there_is_no_deadline(void **state)
{
    static const struct {
        const char *bytes;
        int answers;
    } before[] = {
        {GET "X-A:    b\r\nX-B:\r\n\r\n", 1},
        {POST "Content-Length: 5\r\n\r\nabcde", 1},
        {POST "Content-Length: 3\r\n\r\nabc" GET "\r\n" POST "Content-Length: 0\r\n\r\n", 3},
        {POST "Content-Length: 1001\r\n\r\n", 1}, /* and as many bytes */
    };
    struct fixture fixture;
    struct ese_raw_answer answer;
    (void)state;
    start(&fixture, (struct ese_http_server_options){.request_deadline_ms = 250, .max_body_bytes = 1000});
    int fd = ese_raw_connect(fixture.address);
    for (size_t i = 0; i < sizeof before / sizeof before[0]; i++) {
        static const char many[1001];
        ese_raw_send_text(fd, before[i].bytes);
        if (i == 3)
            ese_raw_send(fd, many, sizeof many);
        for (int j = 0; j < before[i].answers; j++) {
            assert_true(ese_raw_read_answer(fd, true, &answer));
            assert_int_equal(answer.status, i == 3 ? 413 : 200);
            ese_raw_answer_clear(&answer);
        }
        ese_clock_sleep_until(ese_clock_monotonic_ns() + 700 * ESE_NS_PER_MS); /* nearly three */
    }
    ese_raw_send_text(fd, GET "\r\n");
    assert_true(ese_raw_read_answer(fd, true, &answer));
    assert_int_equal(answer.status, 200);
    ese_raw_answer_clear(&answer);
    close(fd);
    stop(&fixture);
}

/* The third waits at the door until one of the two has left. */
static void connections_are_bounded(void **state)
{
    struct fixture fixture;
    struct ese_raw_answer answer;
    int fds[3];
    char byte;
    (void)state;
    start(&fixture, (struct ese_http_server_options){.max_connections = 2});
    for (int i = 0; i < 3; i++) {
        fds[i] = ese_raw_connect(fixture.address);
        ese_raw_send_text(fds[i], "GET /take HTTP/1.1\r\nHost: x\r\n\r\n");
        if (i < 2) {
            assert_true(ese_raw_read_answer(fds[i], true, &answer));
            ese_raw_answer_clear(&answer);
        }
    }
    assert_int_equal(recv(fds[2], &byte, 1, MSG_DONTWAIT), -1);
    assert_int_equal(atomic_load(&fixture.handled), 2);
    close(fds[0]);
    assert_true(ese_raw_read_answer(fds[2], true, &answer));
    assert_int_equal(answer.status, 200);
    ese_raw_answer_clear(&answer);
    close(fds[1]);
    close(fds[2]);
    stop(&fixture);
}

/* All of those who are in leave at once, and nothing else happens then. */
static void who_says_nothing_makes_room(void **state)
{
    struct fixture fixture;
    struct ese_raw_answer answer;
    int silent[3];
    (void)state;
    start(&fixture, (struct ese_http_server_options){.max_connections = 3});
    for (int i = 0; i < 3; i++)
        silent[i] = ese_raw_connect(fixture.address);
    int fd = ese_raw_connect(fixture.address);
    ese_raw_send_text(fd, "GET /take HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(ese_raw_read_answer(fd, true, &answer));
    assert_int_equal(answer.status, 200);
    ese_raw_answer_clear(&answer);
    for (int i = 0; i < 3; i++) {
        assert_true(ese_raw_closed(silent[i]));
        close(silent[i]);
    }
    close(fd);
    stop(&fixture);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(doubtful_lengths_are_refused_and_closed),
        cmocka_unit_test(nothing_stands_behind_chunks),
        cmocka_unit_test(bare_line_feeds_split_nothing),
        cmocka_unit_test(malformed_request_lines_are_refused),
        cmocka_unit_test(headers_in_pieces_are_taken),
        cmocka_unit_test(nul_in_the_path_is_refused),
        cmocka_unit_test(large_headers_are_refused),
        cmocka_unit_test(redirects_have_room),
        cmocka_unit_test(control_characters_in_a_query_are_refused),
        cmocka_unit_test(large_bodies_are_refused),
        cmocka_unit_test(bodies_have_a_bound_together),
        cmocka_unit_test(a_token_is_asked_for),
        cmocka_unit_test(only_this_machine_without_a_token),
        cmocka_unit_test(others_come_in_by_token_or_on_a_trusted_network),
        cmocka_unit_test(dripping_does_not_extend_the_deadline),
        cmocka_unit_test(a_beginning_behind_a_request_has_a_deadline),
        cmocka_unit_test(who_sends_what_is_nothing_is_hung_up_on),
        cmocka_unit_test(waiting_for_the_answer_has_no_deadline),
        cmocka_unit_test(between_requests_there_is_no_deadline),
        cmocka_unit_test(connections_are_bounded),
        cmocka_unit_test(who_says_nothing_makes_room),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
