/* The client's side: where an event is posted to, what is said of it, and where it is stored. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "ese-core/clock.h"
#include "ese-core/config.h"
#include "ese-core/event_json.h"
#include "ese-core/http_server.h"
#include "ese-core/memory.h"
#include "transports/webhook/webhook.h"

#define PATIENCE_MS 20000

struct fixture {
    struct ese_http_server *server;
    struct ese_producer *producer;
    char path[100], type[100], key[100], body[1000]; /* of the last request, by the server's thread until it answers */
    int types;
    const char *position; /* what it answers; NULL: nothing */
};

static void take(void *context, struct ese_http_request *request)
{
    struct fixture *fixture = context;
    const char *type = ese_http_request_header(request, "X-Event-Type");
    const char *key = ese_http_request_header(request, "Idempotency-Key");
    size_t length;

    snprintf(fixture->path, sizeof(fixture->path), "%s", ese_http_request_parameter(request, "stream"));
    snprintf(fixture->type, sizeof(fixture->type), "%s", type != NULL ? type : "(none)");
    snprintf(fixture->key, sizeof(fixture->key), "%s", key != NULL ? key : "(none)");
    snprintf(fixture->body, sizeof(fixture->body), "%s", ese_http_request_body(request, &length));
    fixture->types = ese_http_request_header_count(request, "X-Event-Type");
    assert_int_equal(ese_http_request_header_count(request, "X-Evil"), 0);
    if (fixture->position != NULL)
        ese_http_request_add_header(request, "X-Event-Position", fixture->position);
    ese_http_reply(request, 200, ESE_HTTP_TEXT, "Created", 7);
}

static int set_up(void **state)
{
    const struct ese_http_server_options options = {.listen = "127.0.0.1:0"};
    struct fixture *fixture = ese_alloc(sizeof(*fixture));
    struct ese_error error = {0};

    assert_int_equal(ese_http_server_open(&options, &fixture->server, &error), 0);
    ese_http_server_route(fixture->server, "POST", "/streams/:stream", take, fixture);
    assert_int_equal(ese_http_server_start(fixture->server, &error), 0);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    ese_webhook_produce.close(&fixture->producer);
    ese_http_server_close(&fixture->server);
    free(fixture);
    return 0;
}

static int try_open(struct fixture *fixture, const char *name, const char *value, struct ese_error *error)
{
    const struct ese_produce_settings settings = {.inflight = 10, .retry_deadline_ms = 10000};
    struct ese_config *config = ese_config_new();
    char server[100];

    snprintf(server, sizeof(server), "http://%s", ese_http_server_address(fixture->server));
    ese_webhook_produce.close(&fixture->producer);
    ese_config_add(config, "Options", ese_webhook_produce.options);
    ese_config_give(config, "server", server);
    ese_config_give(config, name, value);
    assert_int_equal(ese_config_settle(config, error), 0);
    int result = ese_webhook_produce.open(config, &settings, &fixture->producer, error);
    ese_config_free(&config);
    return result;
}

static void open_for(struct fixture *fixture, const char *topic)
{
    struct ese_error error = {0};

    if (try_open(fixture, "topic", topic, &error) != 0)
        fail_msg("%s", error.text);
}

static struct ese_acknowledgement send_one(struct fixture *fixture, const char *type)
{
    const struct ese_id_parts parts = {.time_ms = ese_clock_wall_ms(), .lane = 7, .run = 99, .sequence = 5};
    struct ese_event event = {.sub_type = "S", .ip = "10.1.2.3", .client_ts = ese_clock_wall_ms(),
                              .id = ese_id_make(&parts)};
    struct ese_acknowledgement outcome;
    struct ese_error error = {0};

    assert_int_equal(ese_fit_text(event.type, sizeof(event.type), type), 0);
    ese_event_set_key(&event);
    ese_event_set_traceparent(&event);
    assert_int_equal(ese_webhook_produce.send(fixture->producer, &event, &error), 0);
    assert_int_equal(ese_webhook_produce.pending(fixture->producer), 1);
    assert_int_equal(ese_webhook_produce.poll(fixture->producer, PATIENCE_MS, &outcome, 1), 1);
    assert_int_equal(ese_webhook_produce.pending(fixture->producer), 0);
    assert_true(ese_id_equal(&outcome.id, &event.id));
    assert_int_equal(outcome.outcome, ESE_OUTCOME_ACKNOWLEDGED);
    return outcome;
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void each_goes_to_its_stream(void **state)
{
    static const struct {
        const char *topic, *type, *stream;
        int32_t partition;
    } ways[] = {
        {"events", ESE_TYPE_CLICK, "click-events", 0},
        {"events", ESE_TYPE_ORDER, "order-events", 1},
        {"events", "ANOTHER", "click-events", 0},
        {ESE_TOPIC_MAIL_REQUESTS, ESE_TYPE_MAIL_REQUEST, "mail-requests", 2},
        {ESE_TOPIC_MAIL_REQUESTS, ESE_TYPE_ORDER, "mail-requests", 2},
        {ESE_TOPIC_DEAD_LETTERS, ESE_TYPE_CLICK, "dlq.click-events", 3},
        {ESE_TOPIC_DEAD_LETTERS, ESE_TYPE_ORDER, "dlq.order-events", 4},
    };
    struct fixture *fixture = *state;

    fixture->position = "41";
    for (size_t i = 0; i < ESE_COUNT_OF(ways); i++) {
        open_for(fixture, ways[i].topic);
        struct ese_acknowledgement outcome = send_one(fixture, ways[i].type);
        assert_string_equal(fixture->path, ways[i].stream);
        assert_string_equal(fixture->type, ways[i].type);
        assert_int_equal(outcome.partition, ways[i].partition);
        assert_int_equal(outcome.offset, 41);
    }
}

/* All of it: there is no header that would bring the id or the trace to who subscribes. */
static void the_event_is_the_body(void **state)
{
    struct fixture *fixture = *state;
    struct ese_event event = {0};
    struct ese_error error = {0};
    char id[ESE_ID_TEXT_SIZE];

    open_for(fixture, "events");
    struct ese_acknowledgement outcome = send_one(fixture, ESE_TYPE_CLICK);
    ese_id_text(&outcome.id, id);
    assert_string_equal(fixture->key, id);
    assert_int_equal(ese_event_json_read_line(fixture->body, strlen(fixture->body), &event, &error), 0);
    assert_true(ese_id_equal(&event.id, &outcome.id));
    assert_string_equal(event.type, ESE_TYPE_CLICK);
    assert_true(ese_traceparent_valid(event.traceparent));
    ese_event_clear(&event);
}

/* As a replayed file may call it: one header, and no other. */
static void a_type_is_no_more_than_a_headers_value(void **state)
{
    static const struct {
        const char *type, *header;
    } types[] = {
        {"A\nX-Evil: 1", "A?X-Evil: 1"},
        {"A\r\nX-Evil: 1", "A??X-Evil: 1"},
        {"\r\n\r\nPOST / HTTP/1.1", "????POST / HTTP/1.1"},
        {"\x01\x1f\x7f\t", "????"},
        {"\xc3\xa4", "??"},
        {"a: b; c", "a: b; c"},
        {"", "?"}, /* without one, no server takes it */
        {"   ", "?"},
    };
    struct fixture *fixture = *state;

    open_for(fixture, "events");
    for (size_t i = 0; i < ESE_COUNT_OF(types); i++) {
        send_one(fixture, types[i].type);
        assert_string_equal(fixture->type, types[i].header);
        assert_int_equal(fixture->types, 1);
    }
}

static void where_it_is_stored_may_not_be_said(void **state)
{
    static const char *const positions[] = {NULL, "", "0", "-1", "one", "1.5", "99999999999999999999"};
    struct fixture *fixture = *state;

    open_for(fixture, "events");
    for (size_t i = 0; i < ESE_COUNT_OF(positions); i++) {
        fixture->position = positions[i];
        struct ese_acknowledgement outcome = send_one(fixture, ESE_TYPE_CLICK);
        assert_int_equal(outcome.partition, -1);
        assert_int_equal(outcome.offset, -1);
    }
}

static void what_cannot_be_is_told(void **state)
{
    struct fixture *fixture = *state;
    struct ese_error error = {0};

    assert_int_equal(try_open(fixture, "server", "nowhere", &error), -1);
    assert_int_equal(error.code, ESE_E_USAGE);
    assert_int_equal(try_open(fixture, "token-file", "/nowhere/token", &error), -1);
    assert_non_null(strstr(error.text, "/nowhere/token"));
    assert_null(fixture->producer);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(each_goes_to_its_stream),
        TEST(the_event_is_the_body),
        TEST(a_type_is_no_more_than_a_headers_value),
        TEST(where_it_is_stored_may_not_be_said),
        TEST(what_cannot_be_is_told),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
