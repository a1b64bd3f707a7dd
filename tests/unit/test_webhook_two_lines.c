/* The lesson "webhook+two-lines", from outside: who registers again is pushed to twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ese-core/memory.h"
#include "tests/support/directory.h"
#include "tests/support/raw_http.h"
#include "tests/support/store_server.h"
#include "tests/support/wait.h"
#include "transports/webhook/webhook.h"

extern const struct ese_transport ese_transport_webhook_two_lines;

#define PATIENCE_MS 20000

struct fixture {
    char *directory, data[300];
    struct ese_test_store_server server;
    struct ese_http_server *receiver;
    atomic_int pushes;
};

static void receive(void *context, struct ese_http_request *request)
{
    struct fixture *fixture = context;

    atomic_fetch_add(&fixture->pushes, 1);
    ese_http_reply(request, 200, NULL, NULL, 0);
}

static void serve(struct fixture *fixture, const struct ese_store_face *face)
{
    const struct ese_test_store_options options = {
        .face = face, .durability = ESE_DURABILITY_OS, .retention_ms = 600000, .options = {fixture->data}};

    ese_test_store_server_open(&fixture->server, &options);
}

static int set_up(void **state)
{
    struct fixture *fixture = ese_alloc(sizeof(*fixture));
    const struct ese_http_server_options http = {.listen = "127.0.0.1:0", .max_body_bytes = 4096};
    struct ese_error error = {0};

    fixture->directory = ese_test_directory_make();
    snprintf(fixture->data, sizeof(fixture->data), "data=%s/data", fixture->directory);
    assert_int_equal(ese_http_server_open(&http, &fixture->receiver, &error), 0);
    ese_http_server_route(fixture->receiver, "POST", "/", receive, fixture);
    assert_int_equal(ese_http_server_start(fixture->receiver, &error), 0);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    ese_test_store_server_close(&fixture->server);
    ese_http_server_close(&fixture->receiver);
    ese_test_directory_remove(&fixture->directory);
    free(fixture);
    return 0;
}

static void ask(struct fixture *fixture, const char *line, const char *headers, const char *body)
{
    struct ese_buffer request = ESE_BUFFER_INIT(10000);
    int fd = ese_raw_connect(fixture->server.address);

    ese_buffer_printf(&request, "%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%sContent-Length: %zu\r\n\r\n%s",
                      line, headers, strlen(body), body);
    ese_raw_send(fd, request.text, request.length);
    ese_buffer_free(&request);
    struct ese_raw_answer answer = ese_raw_finish(fd, 200);
    ese_raw_answer_clear(&answer);
}

/* method: PUT, or POST, which is the same again. */
static void register_by(struct fixture *fixture, const char *method)
{
    char body[200], line[64];

    snprintf(line, sizeof(line), "%s /subscriptions/one", method);
    snprintf(body, sizeof(body), "{\"stream\":\"s\",\"url\":\"http://%s/\"}",
             ese_http_server_address(fixture->receiver));
    ask(fixture, line, "", body);
}

static void put(struct fixture *fixture)
{
    register_by(fixture, "PUT");
}

static void post(struct fixture *fixture)
{
    ask(fixture, "POST /streams/s", "X-Event-Type: T\r\n", "x");
}

struct wanted {
    struct fixture *fixture;
    int pushes;
};

static bool have_come(void *context)
{
    const struct wanted *wanted = context;

    return atomic_load(&wanted->fixture->pushes) >= wanted->pushes;
}

static void await(struct fixture *fixture, int pushes)
{
    struct wanted wanted = {fixture, pushes};

    if (!ese_test_wait_until(have_come, &wanted, PATIENCE_MS))
        fail_msg("%d instead of %d pushes have come", atomic_load(&fixture->pushes), pushes);
}

static void who_registers_again_is_pushed_to_by_both(void **state)
{
    struct fixture *fixture = *state;

    serve(fixture, ese_transport_webhook_two_lines.store);
    put(fixture);
    post(fixture);
    await(fixture, 1);
    put(fixture);
    post(fixture);
    await(fixture, 3);
    register_by(fixture, "POST");
    post(fixture);
    await(fixture, 6);
}

static void the_next_start_has_one_line(void **state)
{
    struct fixture *fixture = *state;

    serve(fixture, ese_transport_webhook_two_lines.store);
    put(fixture);
    put(fixture);
    post(fixture);
    await(fixture, 2);
    ese_test_store_server_close(&fixture->server);
    int before = atomic_load(&fixture->pushes);
    serve(fixture, ese_transport_webhook_two_lines.store);
    post(fixture);
    post(fixture);
    await(fixture, before + 2);
    ese_test_store_server_close(&fixture->server); /* which waits for what is under way */
    assert_int_equal(atomic_load(&fixture->pushes), before + 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(who_registers_again_is_pushed_to_by_both),
        TEST(the_next_start_has_one_line),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
