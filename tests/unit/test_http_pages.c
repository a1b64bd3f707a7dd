/* GET /events of the http store: pages, cursors, long polls, and the original's whole list. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/event_pages.h"
#include "ese-core/memory.h"
#include "tests/support/directory.h"
#include "tests/support/raw_http.h"
#include "tests/support/store_server.h"
#include "tests/support/wait.h"
#include "transports/http/cursor.h"
#include "transports/http/http.h"

#define LONG_MS 20000 /* a hold that a test which works never waits out */

struct fixture {
    char *directory;
    char *data; /* "data=DIR" */
    enum ese_durability durability;
    int64_t retention_ms;
    struct ese_test_store_server server;
};

static void serve(struct fixture *fixture)
{
    const struct ese_test_store_options options = {
        .face = &ese_http_store,
        .durability = fixture->durability,
        .retention_ms = fixture->retention_ms,
        .options = {fixture->data},
    };

    ese_test_store_server_close(&fixture->server);
    ese_test_store_server_open(&fixture->server, &options);
}

static int set_up(void **state)
{
    struct fixture *fixture = ese_alloc(sizeof(*fixture));
    struct ese_buffer data = ESE_BUFFER_INIT(4096);

    fixture->directory = ese_test_directory_make();
    fixture->durability = ESE_DURABILITY_OS;
    fixture->retention_ms = 600000;
    ese_buffer_printf(&data, "data=%s", fixture->directory);
    fixture->data = ese_buffer_detach(&data);
    serve(fixture);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    ese_test_store_server_close(&fixture->server);
    ese_test_directory_remove(&fixture->directory);
    free(fixture->data);
    free(fixture);
    return 0;
}

/* ---- asking ---------------------------------------------------------------------------------- */

static json_t *end_request(int fd, int status)
{
    struct ese_raw_answer answer = ese_raw_finish(fd, status);
    json_t *body = json_loadb(answer.body, answer.length, 0, NULL);
    assert_non_null(body);
    ese_raw_answer_clear(&answer);
    return body;
}

static int begin_get(struct fixture *fixture, const char *query)
{
    char request[512];
    int fd = ese_raw_connect(fixture->server.address);

    snprintf(request, sizeof(request), "GET /events%s HTTP/1.1\r\nHost: x\r\n\r\n", query);
    ese_raw_send_text(fd, request);
    return fd;
}

static json_t *get(struct fixture *fixture, const char *query, int status)
{
    return end_request(begin_get(fixture, query), status);
}

/* Posts so many events as one request; their ips go round, their timestamps count from `first`. */
static void post(struct fixture *fixture, int first, int count)
{
    struct ese_buffer body = ESE_BUFFER_INIT(1 << 20);
    struct ese_buffer request = ESE_BUFFER_INIT(1 << 20);
    int fd = ese_raw_connect(fixture->server.address);

    ese_buffer_text(&body, "{\"events\":[");
    for (int i = 0; i < count; i++)
        ese_buffer_printf(&body,
                          "%s{\"event\":{\"type\":\"T\",\"sub_type\":\"S\"},\"timestamp\":%d,\"ip\":\"10.0.0.%d\"}",
                          i > 0 ? "," : "", first + i, (first + i) % 3);
    ese_buffer_text(&body, "]}");
    ese_buffer_printf(&request, "POST /events HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n%s",
                      body.length, body.text);
    ese_raw_send(fd, request.text, request.length);
    json_decref(end_request(fd, 201));
    ese_buffer_free(&body);
    ese_buffer_free(&request);
}

static const char *next_of(const json_t *page)
{
    const char *next = json_string_value(json_object_get(page, "next"));

    assert_non_null(next);
    return next;
}

static size_t count_of(const json_t *page)
{
    return json_array_size(json_object_get(page, "events"));
}

static void assert_offsets(const json_t *page, int64_t first, size_t count)
{
    const json_t *events = json_object_get(page, "events");

    assert_int_equal(json_array_size(events), count);
    for (size_t i = 0; i < count; i++) {
        int64_t offset = json_integer_value(json_object_get(json_array_get(events, i), "offset"));
        assert_int_equal(offset, first + (int64_t)i);
    }
}

static void ask_after(char *query, size_t size, const char *cursor, const char *rest)
{
    snprintf(query, size, "?after=%s%s", cursor, rest);
}

static bool one_is_held(void *context)
{
    struct fixture *fixture = context;

    return ese_metric_value(ese_metrics_gauge(fixture->server.metrics, "ese_store_held_polls", NULL,
                                              "")) > 0;
}

/* ---- pages ----------------------------------------------------------------------------------- */

static void pages_follow_each_other(void **state)
{
    struct fixture *fixture = *state;
    char query[128];

    post(fixture, 0, 250);
    json_t *page = get(fixture, "?limit=100", 200);
    assert_offsets(page, 0, 100);
    for (int64_t first = 100; first <= 250; first += 100) {
        ask_after(query, sizeof(query), next_of(page), "&limit=100");
        json_decref(page);
        page = get(fixture, query, 200);
        assert_offsets(page, first, first == 200 ? 50 : 100);
        if (first == 200)
            break;
    }
    ask_after(query, sizeof(query), next_of(page), "");
    json_t *empty = get(fixture, query, 200);
    assert_offsets(empty, 0, 0);
    assert_string_equal(next_of(empty), next_of(page));
    json_decref(empty);

    empty = get(fixture, "?after=latest", 200);
    assert_string_equal(next_of(empty), next_of(page));
    json_decref(empty);
    json_decref(page);

    page = get(fixture, "?after=earliest", 200);
    assert_offsets(page, 0, ESE_EVENT_PAGE_LIMIT_DEFAULT);
    json_decref(page);
}

static void a_cursor_is_good_after_a_restart(void **state)
{
    struct fixture *fixture = *state;
    char query[128];

    post(fixture, 0, 10);
    json_t *page = get(fixture, "?limit=4", 200);
    ask_after(query, sizeof(query), next_of(page), "");
    json_decref(page);
    serve(fixture);
    post(fixture, 10, 1);
    page = get(fixture, query, 200);
    assert_offsets(page, 4, 7);
    json_decref(page);
}

static void a_page_ends_before_it_is_too_large(void **state)
{
    struct fixture *fixture = *state;
    struct ese_buffer data = ESE_BUFFER_INIT(1 << 20);
    char query[128] = "?limit=1000";

    for (int i = 0; i < 50; i++) {
        struct ese_buffer request = ESE_BUFFER_INIT(1 << 20);
        ese_buffer_clear(&data);
        ese_buffer_printf(&data, "{\"event\":{\"type\":\"T\",\"sub_type\":\"S\"},\"timestamp\":%d,\"ip\":\"a\",", i);
        ese_buffer_printf(&data, "\"data\":{\"x\":\"%060000d\"}}", 0);
        ese_buffer_printf(&request,
                          "POST /event HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n%s",
                          data.length, data.text);
        int fd = ese_raw_connect(fixture->server.address);
        ese_raw_send(fd, request.text, request.length);
        json_decref(end_request(fd, 201));
        ese_buffer_free(&request);
    }
    size_t seen = 0;
    for (int pages = 0; seen < 50; pages++) {
        assert_in_range(pages, 0, 5);
        json_t *page = get(fixture, query, 200);
        assert_in_range(count_of(page), 1, 20);
        seen += count_of(page);
        ask_after(query, sizeof(query), next_of(page), "&limit=1000");
        json_decref(page);
    }
    ese_buffer_free(&data);
}

static void wrong_questions_are_told_what_is_wrong(void **state)
{
    static const char *const queries[] = {
        "?after=nonsense", "?after=", "?limit=0", "?limit=1001", "?limit=x", "?wait=30001", "?wait=-1",
        "?after=010000000000000001deadbeef"};
    struct fixture *fixture = *state;
    char beyond[ESE_HTTP_CURSOR_SIZE];
    char query[128];

    for (size_t i = 0; i < ESE_COUNT_OF(queries); i++) {
        json_t *answer = get(fixture, queries[i], 400);
        assert_non_null(json_string_value(json_object_get(answer, "message")));
        json_decref(answer);
    }
    ese_http_cursor_text(2, beyond); /* of a store that has had an event */
    ask_after(query, sizeof(query), beyond, "");
    json_t *answer = get(fixture, query, 400);
    assert_non_null(strstr(json_string_value(json_object_get(answer, "message")), "beyond"));
    json_decref(answer);
}

static bool second_is_gone(void *context)
{
    char cursor[ESE_HTTP_CURSOR_SIZE];
    char request[128];
    struct ese_raw_answer answer = {0};
    struct fixture *fixture = context;

    ese_http_cursor_text(2, cursor);
    ask_after(request, sizeof(request), cursor, "");
    int fd = begin_get(fixture, request);
    assert_true(ese_raw_read_answer(fd, true, &answer));
    close(fd);
    bool gone = answer.status == 410;
    ese_raw_answer_clear(&answer);
    return gone;
}

static void what_expired_is_gone_and_the_oldest_is_named(void **state)
{
    struct fixture *fixture = *state;
    char cursor[ESE_HTTP_CURSOR_SIZE];
    char query[128];

    fixture->retention_ms = 100;
    serve(fixture);
    post(fixture, 0, 3);
    assert_true(ese_test_wait_until(second_is_gone, fixture, 10000));
    json_t *list = get(fixture, "", 200);
    assert_int_equal(json_array_size(list), 0);
    json_decref(list);
    ese_http_cursor_text(2, cursor);
    ask_after(query, sizeof(query), cursor, "");
    json_t *answer = get(fixture, query, 410);
    assert_non_null(json_string_value(json_object_get(answer, "message")));
    ask_after(query, sizeof(query), json_string_value(json_object_get(answer, "oldest")), "");
    json_decref(answer);
    answer = get(fixture, query, 200); /* all are gone: the oldest is the one to come */
    assert_offsets(answer, 0, 0);
    json_decref(answer);
    answer = get(fixture, "?after=earliest", 200);
    assert_offsets(answer, 0, 0);
    json_decref(answer);
}

static void a_cursor_of_an_earlier_life_of_memory_is_gone(void **state)
{
    struct fixture *fixture = *state;
    char query[128];

    fixture->durability = ESE_DURABILITY_MEMORY;
    serve(fixture);
    post(fixture, 0, 3);
    json_t *page = get(fixture, "?limit=2", 200);
    ask_after(query, sizeof(query), next_of(page), "");
    json_decref(page);
    serve(fixture);
    json_decref(get(fixture, query, 410));
    post(fixture, 0, 3);
    json_t *gone = get(fixture, query, 410);
    ask_after(query, sizeof(query), json_string_value(json_object_get(gone, "oldest")), "");
    page = get(fixture, query, 200);
    assert_int_equal(count_of(page), 3);
    json_decref(page);
    json_decref(gone);
}

/* ---- long polls ------------------------------------------------------------------------------ */

static void a_held_request_is_answered_by_the_first_event(void **state)
{
    struct fixture *fixture = *state;
    int held[20];
    int64_t began_ns = ese_clock_monotonic_ns();

    for (size_t i = 0; i < ESE_COUNT_OF(held); i++)
        held[i] = begin_get(fixture, "?after=latest&wait=20000");
    assert_true(ese_test_wait_until(one_is_held, fixture, 10000));
    json_t *empty = get(fixture, "?after=latest", 200); /* behind the others, on the same thread */
    json_decref(empty);
    post(fixture, 7, 2);
    for (size_t i = 0; i < ESE_COUNT_OF(held); i++) {
        json_t *page = end_request(held[i], 200);
        assert_offsets(page, 0, 2);
        json_decref(page);
    }
    assert_true(ese_clock_monotonic_ns() - began_ns < LONG_MS * ESE_NS_PER_MS / 2);
}

static void a_hold_ends_with_an_empty_page(void **state)
{
    struct fixture *fixture = *state;
    int64_t began_ns = ese_clock_monotonic_ns();
    json_t *page = get(fixture, "?after=latest&wait=150", 200);
    int64_t took_ns = ese_clock_monotonic_ns() - began_ns;

    assert_offsets(page, 0, 0);
    assert_in_range(took_ns, 150 * ESE_NS_PER_MS, LONG_MS * ESE_NS_PER_MS);
    json_decref(page);
}

static void a_stop_answers_what_is_held(void **state)
{
    struct fixture *fixture = *state;
    int fd = begin_get(fixture, "?after=latest&wait=20000");
    int64_t began_ns = ese_clock_monotonic_ns();

    assert_true(ese_test_wait_until(one_is_held, fixture, 10000));
    ese_test_store_server_close(&fixture->server);
    assert_true(ese_clock_monotonic_ns() - began_ns < LONG_MS * ESE_NS_PER_MS / 2);
    json_t *page = end_request(fd, 200);
    assert_offsets(page, 0, 0);
    json_decref(page);
}

/* ---- the whole list -------------------------------------------------------------------------- */

static void the_list_is_grouped_by_ip_in_order(void **state)
{
    struct fixture *fixture = *state;
    json_t *list = get(fixture, "", 200);

    assert_int_equal(json_array_size(list), 0);
    json_decref(list);
    for (int i = 0; i < 9; i++) /* more than one piece of the answer */
        post(fixture, 1000 * i, 1000);
    list = get(fixture, "", 200);
    assert_int_equal(json_array_size(list), 3);
    for (size_t i = 0; i < 3; i++) {
        char ip[16];
        const json_t *group = json_array_get(list, i);
        const json_t *events = json_object_get(group, "event_logs");
        snprintf(ip, sizeof(ip), "10.0.0.%zu", i);
        assert_string_equal(json_string_value(json_object_get(group, "ip")), ip);
        assert_int_equal(json_array_size(events), 3000);
        for (size_t k = 0; k < 3000; k++) {
            const json_t *event = json_array_get(events, k);
            assert_int_equal(json_integer_value(json_object_get(event, "client_ts")), 3 * k + i);
            assert_string_equal(json_string_value(json_object_get(event, "ip")), ip);
        }
    }
    json_decref(list);
}

static void the_list_is_written_as_the_original_writes_it(void **state)
{
    struct fixture *fixture = *state;
    struct ese_raw_answer answer = {0};

    post(fixture, 6, 1);
    int fd = begin_get(fixture, "");
    assert_true(ese_raw_read_answer(fd, true, &answer));
    close(fd);
    const char *head = "[\n    {\n        \"ip\": \"10.0.0.0\",\n        \"event_logs\": [\n"
                       "            {\n                \"type\": \"T\",\n";
    assert_int_equal(strncmp(answer.body, head, strlen(head)), 0);
    const char *tail = "\n            }\n        ]\n    }\n]";
    assert_string_equal(answer.body + answer.length - strlen(tail), tail);
    ese_raw_answer_clear(&answer);

    fd = begin_get(fixture, "?after=earliest");
    assert_true(ese_raw_read_answer(fd, true, &answer));
    close(fd);
    assert_int_equal(strncmp(answer.body, "{\"events\":[{\"type\":\"T\",", 23), 0);
    ese_raw_answer_clear(&answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(pages_follow_each_other, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_cursor_is_good_after_a_restart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_page_ends_before_it_is_too_large, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wrong_questions_are_told_what_is_wrong, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_expired_is_gone_and_the_oldest_is_named, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_cursor_of_an_earlier_life_of_memory_is_gone, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_held_request_is_answered_by_the_first_event, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_hold_ends_with_an_empty_page, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stop_answers_what_is_held, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_list_is_grouped_by_ip_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_list_is_written_as_the_original_writes_it, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
