/* The lesson "webhook+no-time-limit": how long an answer is waited for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ese-core/http_client.h"
#include "ese-core/memory.h"
#include "tests/support/directory.h"
#include "tests/support/raw_http.h"
#include "tests/support/store_server.h"
#include "tests/support/wait.h"
#include "transports/webhook/webhook.h"

extern const struct ese_transport ese_transport_webhook_no_time_limit;

#define PATIENCE_MS 20000

static atomic_int limit_ms; /* of the last call that was made */

void __real_ese_http_client_call(struct ese_http_client *client, const struct ese_http_call *call); /* NOLINT: ld's */
void __wrap_ese_http_client_call(struct ese_http_client *client, const struct ese_http_call *call); /* NOLINT: ld's */

void __wrap_ese_http_client_call(struct ese_http_client *client, const struct ese_http_call *call) /* NOLINT: ld's */
{
    atomic_store(&limit_ms, call->timeout_ms);
    __real_ese_http_client_call(client, call);
}

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
    const struct ese_test_store_options options = {.face = face,
                                                   .durability = ESE_DURABILITY_OS,
                                                   .retention_ms = 600000,
                                                   .options = {fixture->data, "push-timeout-ms=1234"}};

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

static void put(struct fixture *fixture)
{
    char body[200];

    snprintf(body, sizeof(body), "{\"stream\":\"s\",\"url\":\"http://%s/\"}",
             ese_http_server_address(fixture->receiver));
    ask(fixture, "PUT /subscriptions/one", "", body);
}

static void post(struct fixture *fixture)
{
    ask(fixture, "POST /streams/s", "X-Event-Type: T\r\n", "x");
}

static bool has_come(void *context)
{
    struct fixture *fixture = context;

    return atomic_load(&fixture->pushes) > 0;
}

/* For which a push is under way. */
static int limit_of(struct fixture *fixture, const struct ese_store_face *face)
{
    serve(fixture, face);
    put(fixture);
    post(fixture);
    assert_true(ese_test_wait_until(has_come, fixture, PATIENCE_MS));
    return atomic_load(&limit_ms);
}

static void whatever_is_asked_for_there_is_none(void **state)
{
    assert_int_equal(limit_of(*state, ese_transport_webhook_no_time_limit.store), INT_MAX);
}

static void who_has_no_such_habit_has_one(void **state)
{
    assert_int_equal(limit_of(*state, &ese_webhook_store), 1234);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(whatever_is_asked_for_there_is_none),
        TEST(who_has_no_such_habit_has_one),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
