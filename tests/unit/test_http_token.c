/* Who may come in where a token is asked for, by raw requests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>
#include <unistd.h>

#include "ese-core/http_server.h"
#include "ese-core/memory.h"
#include "tests/support/raw_http.h"

#define TOKEN "s3cret-Token"
#define GOOD "Authorization: Bearer " TOKEN "\r\n"

static atomic_int handled;

static void take(void *context, struct ese_http_request *request)
{
    (void)context;
    atomic_fetch_add(&handled, 1);
    ese_http_reply(request, 200, NULL, NULL, 0);
}

static int set_up(void **state)
{
    struct ese_http_server *server = NULL;
    const struct ese_http_server_options options = {.listen = "127.0.0.1:0", .token = TOKEN};
    struct ese_error error = {.text = ""};
    atomic_store(&handled, 0);
    assert_int_equal(ese_http_server_open(&options, &server, &error), 0);
    ese_http_server_route(server, "GET", "/take", take, NULL);
    ese_http_server_route(server, "POST", "/take", take, NULL);
    ese_http_server_route_open(server, "GET", "/open", take, NULL);
    assert_int_equal(ese_http_server_start(server, &error), 0);
    *state = server;
    return 0;
}

static int tear_down(void **state)
{
    ese_http_server_close((struct ese_http_server **)state);
    return 0;
}

/* The answer to a request with these headers, on a connection of its own. */
static struct ese_raw_answer ask(void **state, const char *line, const char *headers, const char *body)
{
    char text[1024];
    struct ese_raw_answer answer;
    int fd = ese_raw_connect(ese_http_server_address(*state));
    snprintf(text, sizeof text, "%s HTTP/1.1\r\nHost: x\r\n%s\r\n%s", line, headers, body);
    ese_raw_send_text(fd, text);
    assert_true(ese_raw_read_answer(fd, strncmp(line, "HEAD", 4) != 0, &answer));
    close(fd);
    return answer;
}

static int status_of(void **state, const char *line, const char *headers, const char *body)
{
    struct ese_raw_answer answer = ask(state, line, headers, body);
    int status = answer.status;
    ese_raw_answer_clear(&answer);
    return status;
}

static void the_token_opens(void **state)
{
    static const char *const headers[] = {
        GOOD,
        "authorization: bearer " TOKEN "\r\n",
        "AUTHORIZATION: BEARER " TOKEN "\r\n",
        "Authorization:Bearer   " TOKEN "\r\n",
        "Authorization: \t Bearer " TOKEN " \t \r\n", /* blanks around a value are none of it */
    };
    for (size_t i = 0; i < ESE_COUNT_OF(headers); i++)
        if (status_of(state, "GET /take", headers[i], "") != 200)
            fail_msg("%s", headers[i]);
    assert_int_equal(handled, ESE_COUNT_OF(headers));
}

static void nothing_else_does(void **state)
{
    static const char *const headers[] = {
        "",
        "Authorization:\r\n",
        "Authorization: Bearer\r\n",
        "Authorization: Bearer \r\n",
        "Authorization: " TOKEN "\r\n",
        "Authorization: Bearer" TOKEN "\r\n",
        "Authorization: Bearer\t" TOKEN "\r\n",
        "Authorization: Bearer s\r\n",
        "Authorization: Bearer s3cret-Toke\r\n",
        "Authorization: Bearer " TOKEN "n\r\n",
        "Authorization: Bearer " TOKEN TOKEN "\r\n",
        "Authorization: Bearer s3cret-token\r\n",
        "Authorization: Bearer S3CRET-TOKEN\r\n",
        "Authorization: Bearer " TOKEN " x\r\n",
        "Authorization: Bearer " TOKEN ",\r\n",
        "Authorization: Bearer \"" TOKEN "\"\r\n",
        "Authorization: Bearer x, Bearer " TOKEN "\r\n",
        "Authorization: Basic czNjcmV0LVRva2VuOg==\r\n",
        "Authorization: Bearers " TOKEN "\r\n",
        "Proxy-Authorization: Bearer " TOKEN "\r\n",
        "X-Authorization: Bearer " TOKEN "\r\n",
        "Cookie: token=" TOKEN "; access_token=" TOKEN "\r\n",
        "Authorization: Bearer wrong\r\n" GOOD,
        GOOD "Authorization: Bearer wrong\r\n",
        GOOD GOOD,
    };
    for (size_t i = 0; i < ESE_COUNT_OF(headers); i++)
        if (status_of(state, "GET /take", headers[i], "") != 401)
            fail_msg("%s", headers[i]);
    assert_int_equal(status_of(state, "GET /take?access_token=" TOKEN "&token=" TOKEN, "", ""), 401);
    assert_int_equal(status_of(state, "POST /take",
                               "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 25\r\n",
                               "access_token=" TOKEN), 401);
    assert_int_equal(handled, 0);
}

/* What there is, is told to nobody: not by 404, not by a redirect, not by a method that is missing. */
static void every_path_and_method_asks(void **state)
{
    static const char *const lines[] = {"GET /take", "POST /take", "GET /take/", "GET /", "GET /nowhere", "HEAD /take",
                                        "PUT /take", "DELETE /take", "OPTIONS /take", "OPTIONS *", "BREW /take"};
    for (size_t i = 0; i < ESE_COUNT_OF(lines); i++)
        if (status_of(state, lines[i], strncmp(lines[i], "P", 1) == 0 ? "Content-Length: 0\r\n" : "", "") != 401)
            fail_msg("%s", lines[i]);
    assert_int_equal(status_of(state, "OPTIONS /take", "Origin: http://elsewhere.test\r\n", ""), 204);
    assert_int_equal(status_of(state, "OPTIONS /nowhere", "Origin: http://elsewhere.test\r\n", ""), 204);
    assert_int_equal(handled, 0);
}

/* By that method alone; a token that is brought is no matter there. */
static void what_is_open_does_not_ask(void **state)
{
    assert_int_equal(status_of(state, "GET /open", "", ""), 200);
    assert_int_equal(status_of(state, "GET /open?q=1", "Authorization: Bearer wrong\r\n", ""), 200);
    assert_int_equal(status_of(state, "GET /open", GOOD, ""), 200);
    assert_int_equal(handled, 3);
    assert_int_equal(status_of(state, "POST /open", "Content-Length: 0\r\n", ""), 401);
    assert_int_equal(status_of(state, "HEAD /open", "", ""), 401);
    assert_int_equal(status_of(state, "GET /open/", "", ""), 401);
    assert_int_equal(status_of(state, "GET /open/../take", "", ""), 401);
    assert_int_equal(handled, 3);
}

/* RFC 6750 section 3: at least one parameter behind the scheme; an error only where a token was brought. */
static void a_refusal_says_what_is_asked_for(void **state)
{
    static const char *const cases[][2] = {
        {"", "Bearer realm=\"ESE lab\""},
        {"Authorization: Basic eDp5\r\n", "Bearer realm=\"ESE lab\""},
        {"Authorization: Bearer wrong\r\n", "Bearer realm=\"ESE lab\", error=\"invalid_token\""},
    };
    for (size_t i = 0; i < ESE_COUNT_OF(cases); i++) {
        struct ese_raw_answer answer = ask(state, "GET /take", cases[i][0], "");
        assert_int_equal(answer.status, 401);
        assert_string_equal(ese_raw_answer_header(&answer, "WWW-Authenticate"), cases[i][1]);
        assert_null(strstr(answer.body, TOKEN));
        ese_raw_answer_clear(&answer);
    }
}

/* One connection: what was refused before, or let in, says nothing of the next. */
static void each_request_is_asked_anew(void **state)
{
    struct ese_raw_answer answer;
    int fd = ese_raw_connect(ese_http_server_address(*state));
    static const int expected[] = {200, 401, 200, 401};
    ese_raw_send_text(fd, "GET /take HTTP/1.1\r\nHost: x\r\n" GOOD "\r\n"
                          "POST /take HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
                          "GET /take HTTP/1.1\r\nHost: x\r\n" GOOD "\r\n"
                          "GET /take HTTP/1.1\r\nHost: x\r\n\r\n");
    for (size_t i = 0; i < ESE_COUNT_OF(expected); i++) {
        assert_true(ese_raw_read_answer(fd, true, &answer));
        assert_int_equal(answer.status, expected[i]);
        ese_raw_answer_clear(&answer);
    }
    close(fd);
    assert_int_equal(handled, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(the_token_opens),
        TEST(nothing_else_does),
        TEST(every_path_and_method_asks),
        TEST(what_is_open_does_not_ask),
        TEST(a_refusal_says_what_is_asked_for),
        TEST(each_request_is_asked_anew),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
