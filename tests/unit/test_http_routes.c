/* Routes with parameters, and the manners of another system, by raw requests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "ese-core/http_server.h"
#include "ese-core/memory.h"
#include "tests/support/raw_http.h"
#include "tests/support/wait.h"

#define HOST " HTTP/1.1\r\nHost: x\r\n"
#define ORIGIN "Access-Control-Allow-Origin"
#define NOT_FOUND "{\"message\":\"Not Found\"}"
#define NOT_ALLOWED "{\"message\":\"Method Not Allowed\"}"
#define LONG 8000 /* bytes of a long parameter */
#define AS_OTHERS &(struct ese_http_manners){.any_origin = true, .strict_paths = true}

struct fixture {
    struct ese_http_server *server;
    struct ese_metrics *metrics;
    const char *address;
    atomic_int handled; /* requests that reached a handler of a pattern */
    struct ese_http_request *_Atomic kept;
};

/* ---- handlers -------------------------------------------------------------------------------- */

static const char *shown(const struct ese_http_request *request, const char *name)
{
    const char *value = ese_http_request_parameter(request, name);
    return value != NULL ? value : "-";
}

/* Answers with its context, each parameter, and the body. */
static void reply_shown(const char *route, struct ese_http_request *request)
{
    struct ese_buffer text = ESE_BUFFER_INIT(1 << 20);
    size_t length;
    const char *body = ese_http_request_body(request, &length);
    ese_buffer_printf(&text, "%s|%s|%s|%s|%s", route, shown(request, "stream"), shown(request, "offset"),
                      shown(request, "limit"), body);
    ese_http_reply_buffer(request, 200, ESE_HTTP_TEXT, &text);
}

static struct fixture *current;

static void show(void *route, struct ese_http_request *request)
{
    atomic_fetch_add(&current->handled, 1);
    reply_shown(route, request);
}

/* Names that are none of its pattern's, some of them almost. */
static void show_unknown(void *context, struct ese_http_request *request)
{
    static const char *const names[] = {"", ":name", "nam", "names", "Name", "odd", "%6eame"};
    (void)context;
    for (size_t i = 0; i < ESE_COUNT_OF(names); i++)
        assert_null(ese_http_request_parameter(request, names[i]));
    ese_http_reply(request, 200, NULL, ese_http_request_parameter(request, "name"), 1);
}

static void keep(void *context, struct ese_http_request *request)
{
    (void)context;
    atomic_store(&current->kept, request);
}

static void add_eight(void *context, struct ese_http_request *request)
{
    (void)context;
    for (int i = 1; i <= 8; i++) {
        char name[16];
        snprintf(name, sizeof name, "X-Own-%d", i);
        ese_http_request_add_header(request, name, "own");
    }
    ese_http_reply(request, 200, "application/json; charset=UTF-8", "[]", 2);
}

/* ---- the fixture ----------------------------------------------------------------------------- */

static void route_all(struct ese_http_server *server)
{
    ese_http_server_route(server, "GET", "/streams/:stream/:offset/:limit", show, "page");
    ese_http_server_route(server, "GET", "/streams/:stream", show, "one");
    ese_http_server_route(server, "GET", "/streams/known", show, "known");
    ese_http_server_route(server, "POST", "/streams/:stream", show, "post");
    ese_http_server_route(server, "PUT", "/streams/:stream", show, "put");
    ese_http_server_route(server, "PATCH", "/streams/:stream", show, "patch");
    ese_http_server_route(server, "DELETE", "/streams/:stream", show, "delete");
    ese_http_server_route(server, "GET", "/first/:stream/:offset", show, "first");
    ese_http_server_route(server, "GET", "/first/:stream/later", show, "later");
    ese_http_server_route(server, "GET", "/odd/:name/:name2", show_unknown, NULL);
    ese_http_server_route(server, "POST", "/kept/:stream/pause", keep, NULL);
    ese_http_server_route(server, "GET", "/eight", add_eight, NULL);
    ese_http_server_route(server, "GET", "/streams", show, "all");
    ese_http_server_route(server, "GET", "/pages", show, "page itself");
    ese_http_server_route(server, "GET", "/pages/files/:stream", show, "file");
    ese_http_server_route(server, "GET", "/pages/files/*", show, "no file");
    ese_http_server_route(server, "GET", "/pages/*", show, "below");
    ese_http_server_route_open(server, "GET", "/open/*", show, "open");
}

static int start(void **state, struct ese_http_server_options options, struct ese_http_manners *manners)
{
    static struct fixture fixture;
    struct ese_error error = {0};
    fixture = (struct fixture){.metrics = ese_metrics_new()};
    *state = current = &fixture;
    options.listen = "127.0.0.1:0";
    options.metrics = fixture.metrics;
    if (ese_http_server_open(&options, &fixture.server, &error) != 0)
        fail_msg("%s", error.text);
    route_all(fixture.server);
    ese_http_server_route_metrics(fixture.server, fixture.metrics);
    if (manners != NULL) {
        ese_http_server_manners(fixture.server, manners);
        memset(manners, 0, sizeof *manners); /* they were copied */
    }
    assert_int_equal(ese_http_server_start(fixture.server, &error), 0);
    fixture.address = ese_http_server_address(fixture.server);
    return 0;
}

static int set_up_plain(void **state)
{
    return start(state, (struct ese_http_server_options){0}, NULL);
}

static int set_up_mannered(void **state)
{
    return start(state, (struct ese_http_server_options){.max_body_bytes = 8}, AS_OTHERS);
}

static int set_up_impatient(void **state)
{
    return start(state, (struct ese_http_server_options){.request_deadline_ms = 200}, AS_OTHERS);
}

static int set_up_with_token(void **state)
{
    return start(state, (struct ese_http_server_options){.token = "s3cret"}, AS_OTHERS);
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    ese_http_server_close(&fixture->server);
    ese_metrics_free(&fixture->metrics);
    return 0;
}

/* "GET /path" with these headers (each with its CR LF) and this body, on a connection of its own. */
static struct ese_raw_answer ask(const struct fixture *fixture, const char *line, const char *rest, int status)
{
    struct ese_raw_answer answer;
    int fd = ese_raw_connect(fixture->address);
    ese_raw_send_text(fd, line);
    ese_raw_send_text(fd, HOST);
    ese_raw_send_text(fd, rest);
    assert_true(ese_raw_read_answer(fd, strncmp(line, "HEAD", 4) != 0, &answer));
    if (answer.status != status)
        fail_msg("%s: %d, not %d: %s", line, answer.status, status, answer.body);
    close(fd);
    return answer;
}

static void expect(const struct fixture *fixture, const char *line, const char *rest, int status, const char *body)
{
    struct ese_raw_answer answer = ask(fixture, line, rest, status);
    if (strcmp(answer.body, body) != 0)
        fail_msg("%s: \"%s\", not \"%s\"", line, answer.body, body);
    ese_raw_answer_clear(&answer);
}

/* ---- parameters ------------------------------------------------------------------------------ */

static void a_parameter_is_as_it_came(void **state)
{
    static const struct {
        const char *line, *body;
    } table[] = {
        {"GET /streams/a/0/10", "page|a|0|10|"},
        {"GET /streams/a%20b/0/10", "page|a%20b|0|10|"},
        {"GET /streams/..%2Fevil/0/10", "page|..%2Fevil|0|10|"},
        {"GET /streams/%41/%30/x", "page|%41|%30|x|"},
        {"GET /streams/%2e%2E/%2f/%", "page|%2e%2E|%2f|%|"},
        {"GET /streams/../-1/99999999999999999999", "page|..|-1|99999999999999999999|"},
        {"GET /streams/:stream/:offset/:limit", "page|:stream|:offset|:limit|"},
        {"GET /streams/a+b&c=d;e/\"/\\", "page|a+b&c=d;e|\"|\\|"},
        {"GET /streams/\xc3\xa4\xff/\x80/<>", "page|\xc3\xa4\xff|\x80|<>|"},
        {"GET /streams/%3F?x=/y/z", "one|%3F|-|-|"},
        {"GET /streams/a?", "one|a|-|-|"},
        {"GET /streams/a#b", "one|a#b|-|-|"},
    };
    for (size_t i = 0; i < ESE_COUNT_OF(table); i++)
        expect(*state, table[i].line, "\r\n", 200, table[i].body);
}

static void a_parameter_may_be_long(void **state)
{
    struct ese_buffer line = ESE_BUFFER_INIT(2 * LONG), body = ESE_BUFFER_INIT(2 * LONG);
    char name[LONG + 1];
    memset(name, 'n', LONG);
    name[LONG] = '\0';
    ese_buffer_printf(&line, "GET /streams/%s", name);
    ese_buffer_printf(&body, "one|%s|-|-|", name);
    expect(*state, line.text, "\r\n", 200, body.text);
    ese_buffer_free(&line);
    ese_buffer_free(&body);
}

static void other_names_have_none(void **state)
{
    expect(*state, "GET /odd/n/x", "\r\n", 200, "n");
    expect(*state, "GET /streams", "\r\n", 200, "all|-|-|-|");
}

/* Each request has its own, be they in one packet. */
static void requests_of_a_connection_are_told_apart(void **state)
{
    struct fixture *fixture = *state;
    static const char *const bodies[] = {"one|a|-|-|", "page|b|1|2|", "all|-|-|-|", "one|c|-|-|"};
    int fd = ese_raw_connect(fixture->address);
    ese_raw_send_text(fd, "GET /streams/a" HOST "\r\nGET /streams/b/1/2" HOST "\r\nGET /streams" HOST
                          "\r\nGET /streams/c" HOST "\r\n");
    for (size_t i = 0; i < ESE_COUNT_OF(bodies); i++) {
        struct ese_raw_answer answer;
        assert_true(ese_raw_read_answer(fd, true, &answer));
        assert_string_equal(answer.body, bodies[i]);
        ese_raw_answer_clear(&answer);
    }
    close(fd);
}

static bool is_kept(void *context)
{
    return atomic_load(&((struct fixture *)context)->kept) != NULL;
}

static void a_kept_request_keeps_its_parameters(void **state)
{
    struct fixture *fixture = *state;
    int fd = ese_raw_connect(fixture->address);
    ese_raw_send_text(fd, "POST /kept/a%2Fb/pause" HOST "Content-Length: 2\r\n\r\nhi");
    assert_true(ese_test_wait_until(is_kept, fixture, 10000));
    expect(fixture, "GET /streams/other", "\r\n", 200, "one|other|-|-|");
    reply_shown("kept", fixture->kept);
    struct ese_raw_answer answer = ese_raw_finish(fd, 200);
    assert_string_equal(answer.body, "kept|a%2Fb|-|-|hi");
    ese_raw_answer_clear(&answer);
}

/* ---- which route ----------------------------------------------------------------------------- */

static void what_does_not_fit_is_not_found(void **state)
{
    static const char *const lines[] = {
        "GET /streams//0/10",   "GET /streams/a//10",    "GET /streams/a/0/",      "GET /streams/a/0/10/",
        "GET /streams/a/0",     "GET /streams/a/0/10/x", "GET //a/0/10",           "GET /streams%2Fa/0/10",
        "GET /%73treams/a",     "GET /Streams/a",        "GET /stream/a",          "GET /streamss/a",
        "GET /streams/a/",      "DELETE /streams/",      "GET http://x/streams/a", "POST /kept/a/paused",
        "POST /kept/a/paus",    "POST /kept/a/%70ause",  "POST /kept//pause",      "POST /kept/a/pause/",
        "HEAD /streams/a",      "BREW /streams/a",       "OPTIONS /streams/a",     "GET /streams/:stream/",
        "GET /streams%2F:stream",
    };
    for (size_t i = 0; i < ESE_COUNT_OF(lines); i++) {
        struct ese_raw_answer answer = ask(*state, lines[i], "\r\n", 404);
        assert_string_equal(answer.body, strncmp(lines[i], "HEAD", 4) == 0 ? "" : "404 page not found");
        assert_string_equal(ese_raw_answer_header(&answer, "Content-Type"), "text/plain");
        assert_string_equal(ese_raw_answer_header(&answer, "Location"), "");
        assert_string_equal(ese_raw_answer_header(&answer, ORIGIN), "");
        assert_string_equal(ese_raw_answer_header(&answer, "Vary"), "");
        ese_raw_answer_clear(&answer);
    }
    assert_int_equal(current->handled, 0);
}

static void a_star_is_all_that_comes(void **state)
{
    static const struct {
        const char *line, *body;
    } table[] = {
        {"GET /pages", "page itself|-|-|-|"},
        {"GET /pages/", "below|-|-|-|"},
        {"GET /pages/a", "below|-|-|-|"},
        {"GET /pages/a/b//c/?q=1", "below|-|-|-|"},
        {"GET /pages/files", "below|-|-|-|"},
        {"GET /pages/files/a.js", "file|a.js|-|-|"},
        {"GET /pages/files/", "no file|-|-|-|"},
        {"GET /pages/files/a/b", "no file|-|-|-|"},
        {"GET /pages/files%2Fa.js", "below|-|-|-|"},
    };
    for (size_t i = 0; i < ESE_COUNT_OF(table); i++)
        expect(*state, table[i].line, "\r\n", 200, table[i].body);
    expect(*state, "GET /page/a", "\r\n", 404, "404 page not found");
    expect(*state, "GET /pagess/a", "\r\n", 404, "404 page not found");
    expect(*state, "GET /open", "\r\n", 404, "404 page not found");
    expect(*state, "POST /pages/a", "Content-Length: 0\r\n\r\n", 404, "404 page not found");
}

static void an_exact_path_wins(void **state)
{
    expect(*state, "GET /streams/known", "\r\n", 200, "known|-|-|-|");
    expect(*state, "GET /streams/%6bnown", "\r\n", 200, "known|-|-|-|"); /* decoded, as every exact path */
    expect(*state, "GET /streams/known2", "\r\n", 200, "one|known2|-|-|");
    expect(*state, "POST /streams/known", "Content-Length: 0\r\n\r\n", 200, "post|known|-|-|");
    expect(*state, "GET /first/a/later", "\r\n", 200, "first|a|later|-|");
}

static void an_exact_path_is_redirected_as_before(void **state)
{
    struct ese_raw_answer answer = ask(*state, "GET /streams/known/?q=1", "\r\n", 301);
    assert_string_equal(ese_raw_answer_header(&answer, "Location"), "/streams/known?q=1");
    ese_raw_answer_clear(&answer);
    answer = ask(*state, "GET /streams/", "\r\n", 301);
    assert_string_equal(ese_raw_answer_header(&answer, "Location"), "/streams");
    ese_raw_answer_clear(&answer);
}

static void every_method_may_have_a_body(void **state)
{
    static const char *const methods[][2] = {
        {"GET", "one"}, {"POST", "post"}, {"PUT", "put"}, {"PATCH", "patch"}, {"DELETE", "delete"}};
    static const char *const rests[][2] = {
        {"\r\n", ""},
        {"Content-Length: 0\r\n\r\n", ""},
        {"Content-Length: 2\r\n\r\nhi", "hi"},
        {"Transfer-Encoding: chunked\r\n\r\n1\r\nh\r\n1\r\ni\r\n0\r\n\r\n", "hi"},
    };
    for (size_t m = 0; m < ESE_COUNT_OF(methods); m++) {
        for (size_t r = 0; r < ESE_COUNT_OF(rests); r++) {
            char line[64], body[64];
            snprintf(line, sizeof line, "%s /streams/x", methods[m][0]);
            snprintf(body, sizeof body, "%s|x|-|-|%s", methods[m][1], rests[r][1]);
            expect(*state, line, rests[r][0], 200, body);
        }
    }
}

/* As of every other request: tests/unit/test_http_guard.c. */
static void the_guard_stands_before_patterns(void **state)
{
    static const char *const lines[] = {"GET /streams/a%00b", "GET /streams/%00", "GET /streams/a?q=%00",
                                        "GET /streams/a\tb",  "GET /streams/a b", "GET /streams/\x7f",
                                        "GET /streams/\x01"};
    static const char *const rests[] = {
        "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "X-Folded: a\r\n b\r\n\r\n",
        "Host: y\r\n\r\n",
    };
    static const char hidden[] = "GET /streams/a\0b" HOST "\r\n";
    struct fixture *fixture = *state;
    struct ese_raw_answer answer;
    for (size_t i = 0; i < ESE_COUNT_OF(lines); i++) {
        answer = ask(fixture, lines[i], "\r\n", 400);
        ese_raw_answer_clear(&answer);
    }
    for (size_t i = 0; i < ESE_COUNT_OF(rests); i++) {
        answer = ask(fixture, "POST /streams/a", rests[i], 400);
        assert_string_equal(ese_raw_answer_header(&answer, "Connection"), "close");
        ese_raw_answer_clear(&answer);
    }
    int fd = ese_raw_connect(fixture->address);
    ese_raw_send(fd, hidden, sizeof hidden - 1);
    answer = ese_raw_finish(fd, 400);
    ese_raw_answer_clear(&answer);
    assert_int_equal(fixture->handled, 0);
}

static void metrics_tell_the_pattern(void **state)
{
    static const char page[] = "route=\"/streams/:stream/:offset/:limit\"";
    char line[160];
    expect(*state, "GET /streams/secret/0/10", "\r\n", 200, "page|secret|0|10|");
    expect(*state, "GET /streams/a%22b/1/10", "\r\n", 200, "page|a%22b|1|10|");
    struct ese_raw_answer answer = ask(*state, "GET /metrics", "\r\n", 200);
    snprintf(line, sizeof line, "\nese_http_requests_total{%s,method=\"GET\",status=\"200\"} 2\n", page);
    assert_non_null(strstr(answer.body, line));
    snprintf(line, sizeof line, "\nese_http_request_seconds_count{%s} 2\n", page);
    assert_non_null(strstr(answer.body, line));
    assert_null(strstr(answer.body, "secret"));
    ese_raw_answer_clear(&answer);
}

/* ---- manners --------------------------------------------------------------------------------- */

static void check_any_origin(const struct ese_raw_answer *answer, const char *what)
{
    if (strcmp(ese_raw_answer_header(answer, ORIGIN), "*") != 0 ||
        strcmp(ese_raw_answer_header(answer, "Vary"), "Origin") != 0)
        fail_msg("%s: not for any origin: %s", what, answer->head);
}

static void strict_paths_tell_methods(void **state)
{
    static const struct {
        const char *line;
        int status;
    } table[] = {
        {"GET /nowhere", 404},    {"GET /", 404},               {"DELETE /nowhere", 404},
        {"GET /streams/", 404},   {"GET /streams/known/", 404}, {"GET /streams/a/", 404},
        {"POST /streams/", 404},  {"GET /streams//0/10", 404},  {"GET /nowhere%2F", 404},
        {"DELETE /streams", 405}, {"POST /streams/a/0/1", 405}, {"GET /kept/a%2Fb/pause", 405},
        {"HEAD /streams/a", 405}, {"BREW /streams/known", 405}, {"PUT /%73treams", 405},
    };
    for (size_t i = 0; i < ESE_COUNT_OF(table); i++) {
        bool has_body = strncmp(table[i].line, "HEAD", 4) != 0;
        struct ese_raw_answer answer = ask(*state, table[i].line, "\r\n", table[i].status);
        assert_string_equal(answer.body, !has_body ? "" : table[i].status == 404 ? NOT_FOUND : NOT_ALLOWED);
        assert_string_equal(ese_raw_answer_header(&answer, "Content-Type"), "application/json; charset=UTF-8");
        check_any_origin(&answer, table[i].line);
        ese_raw_answer_clear(&answer);
    }
    expect(*state, "DELETE /streams/a", "\r\n", 200, "delete|a|-|-|");
}

static void any_origin_is_let_in_everywhere(void **state)
{
    static const struct {
        const char *line, *rest;
        int status;
    } table[] = {
        {"GET /streams", "\r\n", 200},
        {"GET /streams", "Origin: http://x\r\n\r\n", 200}, /* its own */
        {"GET /streams", "Origin: http://other\r\n\r\n", 200},
        {"GET /streams/a%00", "\r\n", 400},
        {"GET /streams", "Host: y\r\n\r\n", 400},
        {"POST /streams/a", "Content-Length: 9\r\n\r\n123456789", 413},
    };
    for (size_t i = 0; i < ESE_COUNT_OF(table); i++) {
        struct ese_raw_answer answer = ask(*state, table[i].line, table[i].rest, table[i].status);
        check_any_origin(&answer, table[i].line);
        ese_raw_answer_clear(&answer);
    }
}

static void who_is_too_slow_may_be_of_any_origin(void **state)
{
    struct ese_raw_answer answer = ask(*state, "POST /streams/a", "Content-Length: 9\r\n\r\n1", 408);
    check_any_origin(&answer, "a request that does not end");
    ese_raw_answer_clear(&answer);
}

static void options_are_told_on_any_path(void **state)
{
    static const char *const lines[] = {"OPTIONS /streams", "OPTIONS /streams/a/0/10", "OPTIONS /nowhere",
                                        "OPTIONS /nowhere/", "OPTIONS *"};
    struct ese_raw_answer answer;
    for (size_t i = 0; i < ESE_COUNT_OF(lines); i++) {
        answer = ask(*state, lines[i], i % 2 == 0 ? "\r\n" : "Origin: http://other\r\n\r\n", 204);
        assert_string_equal(ese_raw_answer_header(&answer, "Access-Control-Allow-Methods"), "GET");
        assert_string_equal(ese_raw_answer_header(&answer, "Access-Control-Allow-Headers"), "");
        assert_string_equal(ese_raw_answer_header(&answer, "Content-Type"), "");
        check_any_origin(&answer, lines[i]);
        ese_raw_answer_clear(&answer);
    }
    answer = ask(*state, "OPTIONS /streams", "Content-Length: 1\r\nContent-Length: 1\r\n\r\na", 400);
    check_any_origin(&answer, "OPTIONS with two lengths");
    ese_raw_answer_clear(&answer);
}

/* Who asks for a page's sake has none; what is no route says no more than what is one. */
static void a_token_is_asked_for_all_but_options(void **state)
{
    static const char *const lines[] = {"GET /streams/a", "GET /nowhere", "DELETE /streams"};
    struct ese_raw_answer answer;
    for (size_t i = 0; i < ESE_COUNT_OF(lines); i++) {
        answer = ask(*state, lines[i], "\r\n", 401);
        check_any_origin(&answer, lines[i]);
        ese_raw_answer_clear(&answer);
    }
    answer = ask(*state, "OPTIONS /streams/a", "\r\n", 204);
    ese_raw_answer_clear(&answer);
    expect(*state, "GET /streams/a%20b", "Authorization: Bearer s3cret\r\n\r\n", 200, "one|a%20b|-|-|");
}

static void a_handler_has_its_eight_headers(void **state)
{
    struct ese_raw_answer answer = ask(*state, "GET /eight", "Connection: close\r\n\r\n", 200);
    for (int i = 1; i <= 8; i++) {
        char name[16];
        snprintf(name, sizeof name, "X-Own-%d", i);
        assert_string_equal(ese_raw_answer_header(&answer, name), "own");
    }
    assert_string_equal(ese_raw_answer_header(&answer, "Content-Type"), "application/json; charset=UTF-8");
    check_any_origin(&answer, "eight headers");
    ese_raw_answer_clear(&answer);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_parameter_is_as_it_came, set_up_plain, tear_down),
        cmocka_unit_test_setup_teardown(a_parameter_may_be_long, set_up_plain, tear_down),
        cmocka_unit_test_setup_teardown(other_names_have_none, set_up_plain, tear_down),
        cmocka_unit_test_setup_teardown(requests_of_a_connection_are_told_apart, set_up_plain, tear_down),
        cmocka_unit_test_setup_teardown(a_kept_request_keeps_its_parameters, set_up_plain, tear_down),
        cmocka_unit_test_setup_teardown(what_does_not_fit_is_not_found, set_up_plain, tear_down),
        cmocka_unit_test_setup_teardown(a_star_is_all_that_comes, set_up_plain, tear_down),
        cmocka_unit_test_setup_teardown(an_exact_path_wins, set_up_plain, tear_down),
        cmocka_unit_test_setup_teardown(an_exact_path_is_redirected_as_before, set_up_plain, tear_down),
        cmocka_unit_test_setup_teardown(every_method_may_have_a_body, set_up_plain, tear_down),
        cmocka_unit_test_setup_teardown(the_guard_stands_before_patterns, set_up_plain, tear_down),
        cmocka_unit_test_setup_teardown(metrics_tell_the_pattern, set_up_plain, tear_down),
        cmocka_unit_test_setup_teardown(strict_paths_tell_methods, set_up_mannered, tear_down),
        cmocka_unit_test_setup_teardown(any_origin_is_let_in_everywhere, set_up_mannered, tear_down),
        cmocka_unit_test_setup_teardown(who_is_too_slow_may_be_of_any_origin, set_up_impatient, tear_down),
        cmocka_unit_test_setup_teardown(options_are_told_on_any_path, set_up_mannered, tear_down),
        cmocka_unit_test_setup_teardown(a_token_is_asked_for_all_but_options, set_up_with_token, tear_down),
        cmocka_unit_test_setup_teardown(a_handler_has_its_eight_headers, set_up_mannered, tear_down),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
