/* The page of the server that pushes, as it is served; tests/browser/dashboard.mjs tries what it does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ese-core/memory.h"
#include "tests/support/raw_http.h"
#include "transports/webhook/dashboard.h"

#define TOKEN "s3cret"
#define NOT_FOUND "{\"message\":\"Not Found\"}"
#define PAGE ese_webhook_dashboard_files[0]

static void answer(void *context, struct ese_http_request *request)
{
    (void)context;
    ese_http_reply(request, 200, NULL, NULL, 0);
}

static int set_up(void **state)
{
    const struct ese_http_server_options options = {.listen = "127.0.0.1:0", .token = TOKEN};
    const struct ese_http_manners manners = {.any_origin = true, .strict_paths = true};
    struct ese_http_server *server = NULL;
    struct ese_error error = {0};

    if (ese_http_server_open(&options, &server, &error) != 0)
        fail_msg("%s", error.text);
    ese_http_server_manners(server, &manners);
    ese_http_server_route(server, "GET", "/introspect", answer, NULL);
    ese_webhook_dashboard_add_routes(server);
    assert_int_equal(ese_http_server_start(server, &error), 0);
    *state = server;
    return 0;
}

static int tear_down(void **state)
{
    ese_http_server_close((struct ese_http_server **)state);
    return 0;
}

static struct ese_raw_answer ask(void **state, const char *line, const char *headers, int status)
{
    struct ese_raw_answer told;
    int fd = ese_raw_connect(ese_http_server_address(*state));

    ese_raw_send_text(fd, line);
    ese_raw_send_text(fd, " HTTP/1.1\r\nHost: x\r\n");
    ese_raw_send_text(fd, headers);
    ese_raw_send_text(fd, "\r\n");
    assert_true(ese_raw_read_answer(fd, strncmp(line, "HEAD", 4) != 0, &told));
    close(fd);
    if (told.status != status)
        fail_msg("%s: %d, not %d: %s", line, told.status, status, told.body);
    return told;
}

static void expect(void **state, const char *line, const char *headers, int status, const char *body)
{
    struct ese_raw_answer told = ask(state, line, headers, status);

    if (strcmp(told.body, body) != 0)
        fail_msg("%s: \"%.80s\", not \"%.80s\"", line, told.body, body);
    ese_raw_answer_clear(&told);
}

/* ---- what comes ------------------------------------------------------------------------------ */

static void whatever_is_below_is_the_page(void **state)
{
    static const char *const lines[] = {"GET /dashboard",       "GET /dashboard?q=1",    "GET /dashboard/",
                                        "GET /dashboard/build", "GET /dashboard/a/b/c/", "GET /dashboard/main.js",
                                        "GET /dashboard/streams/a%20b"};

    assert_string_equal(PAGE.name, "page.html");
    assert_non_null(strstr(PAGE.text, "<!doctype html>"));
    for (size_t i = 0; i < ESE_COUNT_OF(lines); i++)
        expect(state, lines[i], "", 200, PAGE.text);
    expect(state, "GET /dashboards", "Authorization: Bearer " TOKEN "\r\n", 404, NOT_FOUND);
}

static void each_file_is_what_it_says(void **state)
{
    static const char *const types[][2] = {{".html", "text/html; charset=utf-8"},
                                           {".css", "text/css; charset=utf-8"},
                                           {".js", "text/javascript; charset=utf-8"}};
    int count = 0;

    for (const struct ese_webhook_dashboard_file *file = &PAGE; file->name != NULL; file++, count++) {
        char line[128];
        snprintf(line, sizeof(line), "GET /dashboard/%s%s", file == &PAGE ? "" : "build/", file->name);
        struct ese_raw_answer told = ask(state, line, "", 200);
        assert_int_equal(told.length, file->length);
        assert_memory_equal(told.body, file->text, file->length);
        for (size_t i = 0; i < ESE_COUNT_OF(types); i++) {
            if (strcmp(strrchr(file->name, '.'), types[i][0]) == 0)
                assert_string_equal(ese_raw_answer_header(&told, "Content-Type"), types[i][1]);
        }
        ese_raw_answer_clear(&told);
    }
    assert_true(count > 3);
}

static void what_is_no_file_is_not_found(void **state)
{
    static const char *const lines[] = {"GET /dashboard/build/",           "GET /dashboard/build/main",
                                        "GET /dashboard/build/main.jss",   "GET /dashboard/build/page.html",
                                        "GET /dashboard/build/a/main.js",  "GET /dashboard/build/main.js/",
                                        "GET /dashboard/build/Main.js",    "GET /dashboard/build/..%2Fmain.js",
                                        "GET /dashboard/build/../main.js", "GET /dashboard/build/main.js%20"};

    for (size_t i = 0; i < ESE_COUNT_OF(lines); i++)
        expect(state, lines[i], "", 404, NOT_FOUND);
}

/* ---- with what ------------------------------------------------------------------------------- */

static void who_asks_is_told_what_it_may_do(void **state)
{
    static const char *const lines[] = {"GET /dashboard", "GET /dashboard/x", "GET /dashboard/build/main.js",
                                        "GET /dashboard/build/style.css"};

    for (size_t i = 0; i < ESE_COUNT_OF(lines); i++) {
        struct ese_raw_answer told = ask(state, lines[i], "", 200);
        assert_string_equal(ese_raw_answer_header(&told, "Content-Security-Policy"),
                            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
                            "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
        assert_string_equal(ese_raw_answer_header(&told, "X-Content-Type-Options"), "nosniff");
        assert_string_equal(ese_raw_answer_header(&told, "Cache-Control"), "no-cache");
        ese_raw_answer_clear(&told);
    }
}

/* The page is the same for everybody: a browser has it before it can ask for a token. */
static void the_page_is_open_and_nothing_else(void **state)
{
    static const char *const open[] = {"GET /dashboard", "GET /dashboard/", "GET /dashboard/build/main.js"};
    static const char *const guarded[] = {"GET /introspect", "POST /dashboard", "HEAD /dashboard", "GET /dashboards",
                                          "GET /dashboard/../introspect"};

    for (size_t i = 0; i < ESE_COUNT_OF(open); i++) {
        struct ese_raw_answer told = ask(state, open[i], "", 200);
        ese_raw_answer_clear(&told);
    }
    for (size_t i = 0; i < ESE_COUNT_OF(guarded) - 1; i++) {
        struct ese_raw_answer told = ask(state, guarded[i], "Content-Length: 0\r\n", 401);
        ese_raw_answer_clear(&told);
    }
    /* A name like any other: nothing is resolved. */
    expect(state, guarded[ESE_COUNT_OF(guarded) - 1], "", 200, PAGE.text);
    expect(state, "POST /dashboard", "Authorization: Bearer " TOKEN "\r\nContent-Length: 0\r\n", 405,
           "{\"message\":\"Method Not Allowed\"}");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(whatever_is_below_is_the_page),   TEST(each_file_is_what_it_says),
        TEST(what_is_no_file_is_not_found),    TEST(who_asks_is_told_what_it_may_do),
        TEST(the_page_is_open_and_nothing_else),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
