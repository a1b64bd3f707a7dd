/* The http consumer against a server in the same process, and against servers that are not there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <arpa/inet.h>
#include <pthread.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "tests/support/directory.h"
#include "tests/support/raw_http.h"
#include "tests/support/store_server.h"
#include "tests/support/wait.h"
#include "transports/http/cursor.h"
#include "transports/http/http.h"

#define LONG_MS 20000 /* a time limit that a test which works never meets */

struct fixture {
    char *directory;
    char *data; /* "data=DIR" */
    int64_t retention_ms;
    enum ese_durability durability;
    struct ese_test_store_server server;
    char address[64]; /* of the first server; further ones take the same */
    struct ese_consumer *consumer;
    struct ese_batch batch;
    int64_t position; /* what given answers */
    int given, taken;
    int64_t skipped_from, skipped_to;
};

static void serve(struct fixture *fixture)
{
    const struct ese_test_store_options options = {
        .face = &ese_http_store,
        .durability = fixture->durability,
        .retention_ms = fixture->retention_ms,
        .listen = fixture->address[0] != '\0' ? fixture->address : NULL,
        .options = {fixture->data},
    };

    ese_test_store_server_close(&fixture->server);
    ese_test_store_server_open(&fixture->server, &options);
    ese_fit_text(fixture->address, sizeof(fixture->address), fixture->server.address);
}

static int set_up(void **state)
{
    struct fixture *fixture = ese_alloc(sizeof(*fixture));
    struct ese_buffer data = ESE_BUFFER_INIT(4096);

    fixture->directory = ese_test_directory_make();
    fixture->durability = ESE_DURABILITY_OS;
    fixture->retention_ms = 600000;
    fixture->position = ESE_OFFSET_EARLIEST;
    ese_buffer_printf(&data, "data=%s", fixture->directory);
    fixture->data = ese_buffer_detach(&data);
    serve(fixture);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    ese_http_consume.close(&fixture->consumer);
    ese_test_store_server_close(&fixture->server);
    ese_test_directory_remove(&fixture->directory);
    free(fixture->data);
    free(fixture);
    return 0;
}

/* ---- the consumer -------------------------------------------------------------------------- */

static int64_t given(void *context, int32_t partition)
{
    struct fixture *fixture = context;

    assert_int_equal(partition, 0);
    fixture->given++;
    return fixture->position;
}

static void taken(void *context, int32_t partition)
{
    struct fixture *fixture = context;

    assert_int_equal(partition, 0);
    fixture->taken++;
}

static void skipped(void *context, int32_t partition, int64_t from, int64_t to)
{
    struct fixture *fixture = context;

    assert_int_equal(partition, 0);
    fixture->skipped_from = from;
    fixture->skipped_to = to;
}

/* poll_ms: "50", and no long polls then; NULL: long polls. */
static void open_consumer(struct fixture *fixture, int max_batch, const char *poll_ms)
{
    struct ese_config *config = ese_config_new();
    char server[128];
    const struct ese_consume_settings settings = {
        .max_batch = max_batch,
        .listener = {.context = fixture, .given = given, .taken = taken, .skipped = skipped},
    };
    struct ese_error error = {0};

    ese_http_consume.close(&fixture->consumer);
    snprintf(server, sizeof(server), "http://%s/", fixture->address);
    ese_config_add(config, "Options", ese_http_consume.options);
    ese_config_give(config, "server", server);
    if (poll_ms != NULL) {
        ese_config_give(config, "poll-ms", poll_ms);
        ese_config_give(config, "long-poll", "false");
    }
    assert_int_equal(ese_config_settle(config, &error), 0);
    if (ese_http_consume.open(config, &settings, &fixture->consumer, &error) != 0)
        fail_msg("%s", error.text);
    ese_config_free(&config);
}

static int next(struct fixture *fixture, int timeout_ms)
{
    struct ese_error error = {0};

    if (ese_http_consume.next(fixture->consumer, timeout_ms, &fixture->batch, &error) != 0)
        fail_msg("%s", error.text);
    return fixture->batch.count;
}

static void assert_records(const struct ese_batch *batch, int64_t first, int count)
{
    assert_int_equal(batch->count, count);
    assert_int_equal(batch->unreadable, 0);
    for (int i = 0; i < count; i++) {
        assert_int_equal(batch->records[i].offset, first + i);
        assert_int_equal(batch->records[i].next, first + i + 1);
        assert_int_equal(batch->records[i].partition, 0);
        assert_int_equal(batch->records[i].event.client_ts, first + i); /* as post counts them */
        assert_string_equal(batch->records[i].event.key, "10.0.0.1");
        assert_true(batch->records[i].event.server_ts > 0);
    }
}

static void post(const char *address, int first, int count)
{
    struct ese_buffer body = ESE_BUFFER_INIT(1 << 20);
    struct ese_buffer request = ESE_BUFFER_INIT(1 << 20);
    int fd = ese_raw_connect(address);

    ese_buffer_text(&body, "{\"events\":[");
    for (int i = 0; i < count; i++)
        ese_buffer_printf(&body, "%s{\"event\":{\"type\":\"T\",\"sub_type\":\"S\"},\"timestamp\":%d,"
                                 "\"ip\":\"10.0.0.1\"}",
                          i > 0 ? "," : "", first + i);
    ese_buffer_text(&body, "]}");
    ese_buffer_printf(&request, "POST /events HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n%s",
                      body.length, body.text);
    ese_raw_send(fd, request.text, request.length);
    struct ese_raw_answer answer = ese_raw_finish(fd, 201);
    ese_raw_answer_clear(&answer);
    ese_buffer_free(&body);
    ese_buffer_free(&request);
}

static int64_t elapsed_ms(int64_t since_ns)
{
    return (ese_clock_monotonic_ns() - since_ns) / ESE_NS_PER_MS;
}

/* ---- tests --------------------------------------------------------------------------------- */

static void batches_follow_each_other_to_the_end(void **state)
{
    struct fixture *fixture = *state;

    post(fixture->address, 0, 25);
    open_consumer(fixture, 10, NULL);
    assert_int_equal(fixture->given, 0);
    next(fixture, LONG_MS);
    assert_int_equal(fixture->given, 1);
    assert_records(&fixture->batch, 0, 10);
    assert_false(fixture->batch.at_end);
    next(fixture, LONG_MS);
    assert_records(&fixture->batch, 10, 10);
    next(fixture, LONG_MS);
    assert_records(&fixture->batch, 20, 5);
    assert_true(fixture->batch.at_end);

    do { /* until an answer comes in time, also on a busy machine */
        int64_t began_ns = ese_clock_monotonic_ns();
        assert_int_equal(next(fixture, 200), 0);
        assert_null(fixture->batch.away); /* a request that is held is no silence */
        assert_in_range(elapsed_ms(began_ns), 100, 2000);
    } while (!fixture->batch.at_end);
    assert_int_equal(fixture->given, 1);
    ese_http_consume.close(&fixture->consumer);
    assert_int_equal(fixture->taken, 1);
}

static void reading_starts_where_it_is_told(void **state)
{
    struct fixture *fixture = *state;

    post(fixture->address, 0, 9);
    fixture->position = 6;
    open_consumer(fixture, 100, NULL);
    next(fixture, LONG_MS);
    assert_records(&fixture->batch, 6, 3);

    fixture->position = ESE_OFFSET_LATEST;
    open_consumer(fixture, 100, NULL);
    do
        assert_int_equal(next(fixture, 100), 0);
    while (!fixture->batch.at_end);
    post(fixture->address, 9, 2);
    next(fixture, LONG_MS);
    assert_records(&fixture->batch, 9, 2);
}

static bool one_is_held(void *context)
{
    struct fixture *fixture = context;

    return ese_metric_value(ese_metrics_gauge(fixture->server.metrics, "ese_store_held_polls", NULL,
                                              "")) > 0;
}

static void *post_when_held(void *context)
{
    struct fixture *fixture = context;

    assert_true(ese_test_wait_until(one_is_held, fixture, LONG_MS));
    post(fixture->address, 0, 1);
    return NULL;
}

static void a_long_poll_brings_an_event_at_once(void **state)
{
    struct fixture *fixture = *state;
    pthread_t poster;
    int64_t began_ns = ese_clock_monotonic_ns();

    open_consumer(fixture, 100, NULL);
    assert_int_equal(pthread_create(&poster, NULL, post_when_held, fixture), 0);
    next(fixture, LONG_MS);
    assert_records(&fixture->batch, 0, 1);
    assert_true(elapsed_ms(began_ns) < LONG_MS / 2);
    pthread_join(poster, NULL);
}

static void without_long_poll_there_is_a_pause(void **state)
{
    struct fixture *fixture = *state;

    post(fixture->address, 0, 3);
    open_consumer(fixture, 100, "5000");
    next(fixture, LONG_MS);
    assert_records(&fixture->batch, 0, 3);
    assert_true(fixture->batch.at_end);
    post(fixture->address, 3, 1);
    assert_int_equal(next(fixture, 100), 0); /* too early */
    assert_false(fixture->batch.at_end);     /* nobody asked */
    assert_false(one_is_held(fixture));

    ese_http_consume.close(&fixture->consumer);
    fixture->position = 3;
    open_consumer(fixture, 100, "50");
    for (int first = 3; first < 6; first++) {
        next(fixture, LONG_MS);
        assert_records(&fixture->batch, first, 1);
        post(fixture->address, first + 1, 1);
    }
}

static void report_gone(struct fixture *fixture, int64_t position)
{
    post(fixture->address, 0, 3);
    fixture->position = position;
    fixture->durability = ESE_DURABILITY_MEMORY;
    serve(fixture); /* its offsets begin far beyond */
    open_consumer(fixture, 100, NULL);
    while (fixture->skipped_to == 0)
        assert_int_equal(next(fixture, 100), 0);
    assert_int_equal(fixture->skipped_from, position);
    assert_true(fixture->skipped_to > 1000000);
    post(fixture->address, 0, 1);
    assert_int_equal(next(fixture, LONG_MS), 1);
    assert_int_equal(fixture->batch.records[0].offset, fixture->skipped_to);
}

static void what_is_gone_is_reported(void **state)
{
    report_gone(*state, 2);
}

/* As who reads a store back does. */
static void what_is_gone_is_reported_to_who_asks_for_the_first(void **state)
{
    report_gone(*state, 0);
}

static void a_position_of_another_store_is_an_error(void **state)
{
    struct fixture *fixture = *state;
    struct ese_error error = {0};

    fixture->position = 1000;
    open_consumer(fixture, 100, NULL);
    assert_int_equal(ese_http_consume.next(fixture->consumer, LONG_MS, &fixture->batch, &error), -1);
    assert_int_equal(error.code, ESE_E_INVALID);
    assert_non_null(strstr(error.text, "beyond the newest"));
}

static void a_server_that_is_away_is_waited_for(void **state)
{
    struct fixture *fixture = *state;

    post(fixture->address, 0, 3);
    ese_test_store_server_close(&fixture->server);
    open_consumer(fixture, 100, NULL);
    for (int i = 0; i < 3; i++) {
        int64_t began_ns = ese_clock_monotonic_ns();
        assert_int_equal(next(fixture, 100), 0);
        assert_false(fixture->batch.at_end);
        assert_in_range(elapsed_ms(began_ns), 99, 2000);
        assert_non_null(fixture->batch.away);
        assert_non_null(strstr(fixture->batch.away, fixture->address));
    }
    serve(fixture);
    next(fixture, LONG_MS);
    assert_records(&fixture->batch, 0, 3);
    assert_null(fixture->batch.away);
}

static bool is_away(void *context)
{
    struct fixture *fixture = context;

    assert_int_equal(next(fixture, 100), 0);
    return fixture->batch.away != NULL;
}

static void a_server_that_hangs_does_not_hold_up_next(void **state)
{
    struct fixture *fixture = *state;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&address, length), 0);
    assert_int_equal(listen(fd, 8), 0); /* the kernel accepts; nobody reads */
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    snprintf(fixture->address, sizeof(fixture->address), "127.0.0.1:%d", ntohs(address.sin_port));
    open_consumer(fixture, 100, NULL);
    int64_t began_ns = ese_clock_monotonic_ns();
    assert_int_equal(next(fixture, 100), 0);
    assert_false(fixture->batch.at_end);
    assert_null(fixture->batch.away);
    assert_in_range(elapsed_ms(began_ns), 99, 2000);
    assert_true(ese_test_wait_until(is_away, fixture, LONG_MS));
    assert_in_range(elapsed_ms(began_ns), 1000, 4000); /* before its request is given up */
    assert_non_null(strstr(fixture->batch.away, "does not answer"));
    close(fd);
}

/* ---- pages that no server of ours would write ------------------------------------------------ */

#define SPOILT 150 /* elements of its log, of which each second one is no event */

struct other_server {
    struct ese_http_server *http;
    const char *const *answers; /* to the first requests; behind them, and where it is NULL, its log */
    _Atomic int asked;
};

static void write_element(struct ese_buffer *body, int64_t offset)
{
    if (offset % 2 == 0)
        ese_buffer_printf(body, "{\"type\":\"T\",\"sub_type\":\"S\",\"ip\":\"10.0.0.1\",\"client_ts\":%lld,"
                                "\"server_ts\":9,\"offset\":%lld}", (long long)offset, (long long)offset);
    else
        ese_buffer_printf(body, "{\"type\": [], \"offset\":%lld}", (long long)offset);
}

static void answer_page(void *context, struct ese_http_request *request)
{
    struct other_server *server = context;
    char cursor[ESE_HTTP_CURSOR_SIZE];
    int64_t offset = 0, limit = strtoll(ese_http_request_query(request, "limit"), NULL, 10);
    struct ese_buffer body = ESE_BUFFER_INIT(1 << 20);

    if (server->answers != NULL && server->answers[server->asked] != NULL) {
        const char *answer = server->answers[server->asked++];
        ese_http_reply(request, 200, ESE_HTTP_JSON, answer, strlen(answer));
        return;
    }
    ese_http_cursor_parse(ese_http_request_query(request, "after"), &offset, NULL); /* 0: earliest */
    ese_buffer_text(&body, "{\"events\":[");
    for (int64_t first = offset; offset < SPOILT && offset < first + limit; offset++) {
        ese_buffer_text(&body, offset > first ? "," : "");
        write_element(&body, offset);
    }
    ese_http_cursor_text(offset, cursor);
    ese_buffer_printf(&body, "],\"next\":\"%s\"}", cursor);
    ese_http_reply(request, 200, ESE_HTTP_JSON, body.text, body.length);
    ese_buffer_free(&body);
}

static void serve_other(struct fixture *fixture, struct other_server *server)
{
    const struct ese_http_server_options options = {.listen = "127.0.0.1:0"};

    assert_int_equal(ese_http_server_open(&options, &server->http, NULL), 0);
    ese_http_server_route(server->http, "GET", "/events", answer_page, server);
    assert_int_equal(ese_http_server_start(server->http, NULL), 0);
    ese_fit_text(fixture->address, sizeof(fixture->address), ese_http_server_address(server->http));
}

/* All of what is in that batch, in the order in which it stands; returns the offset behind it. */
static int64_t check_spoilt(const struct ese_batch *batch, int64_t first)
{
    int event = 0, stray = 0;

    for (; event < batch->count || stray < batch->unreadable; first++) {
        if (first % 2 == 0) {
            assert_true(event < batch->count);
            assert_int_equal(batch->records[event].offset, first);
            assert_int_equal(batch->records[event++].event.client_ts, first);
        } else {
            char text[64];
            assert_true(stray < batch->unreadable);
            const struct ese_unreadable *told = &batch->unreadables[stray++];
            assert_int_equal(told->partition, 0);
            assert_int_equal(told->offset, first);
            assert_int_equal(told->next, first + 1);
            assert_string_equal(told->reason, "type: a text is expected");
            snprintf(text, sizeof(text), "{\"type\":[],\"offset\":%lld}", (long long)first);
            assert_int_equal(told->length, strlen(text));
            assert_int_equal(told->whole, strlen(text));
            assert_memory_equal(told->bytes, text, told->length);
        }
    }
    return first;
}

/* As many as a batch may have end it, and the rest is asked for anew. */
static void what_is_no_event_is_told_by_its_place(void **state)
{
    struct fixture *fixture = *state;
    struct other_server server = {.answers = NULL};
    int64_t position = 0;

    serve_other(fixture, &server);
    open_consumer(fixture, 1000, NULL);
    next(fixture, LONG_MS);
    assert_int_equal(fixture->batch.unreadable, ESE_UNREADABLE_MOST);
    assert_false(fixture->batch.at_end);
    position = check_spoilt(&fixture->batch, position);
    assert_int_equal(position, 2 * ESE_UNREADABLE_MOST + 1);
    next(fixture, LONG_MS);
    position = check_spoilt(&fixture->batch, position);
    assert_int_equal(position, SPOILT);
    assert_true(fixture->batch.at_end);
    ese_http_consume.close(&fixture->consumer);
    ese_http_server_close(&server.http);
}

/* It says nothing of what is behind it, so nothing is passed over. */
static void what_is_no_page_is_asked_for_again(void **state)
{
    static const char *const answers[] = {
        "<html>out of order</html>", "", "{\"events\":[{\"type\":\"T\",", "[]", "{\"events\":{}}",
        "{\"events\":[7],\"next\":\"0100000000000000000a38ac9c5\"}",
        "{\"events\":[{\"type\":\"T\",\"sub_type\":\"S\",\"ip\":\"i\",\"client_ts\":1}],\"next\":\"c\"}",
        "{\"events\":[{\"offset\":0},{\"offset\":1},{\"offset\":2}],\"next\":\"c\"}", NULL};
    struct fixture *fixture = *state;
    struct other_server server = {.answers = answers};
    int64_t began_ns = ese_clock_monotonic_ns();
    int refused = 0;

    serve_other(fixture, &server);
    open_consumer(fixture, 2, NULL);
    while (next(fixture, 10) == 0 && fixture->batch.unreadable == 0 && elapsed_ms(began_ns) < LONG_MS) {
        assert_false(fixture->batch.at_end);
        if (fixture->batch.away == NULL)
            continue; /* nothing was answered yet */
        refused++;
        assert_non_null(strstr(fixture->batch.away, fixture->address));
        assert_non_null(strstr(fixture->batch.away, "cannot be read ("));
    }
    assert_true(refused > 0);
    assert_int_equal(server.asked, ESE_COUNT_OF(answers) - 1);
    assert_int_equal(check_spoilt(&fixture->batch, 0), 2);
    assert_null(fixture->batch.away);
    ese_http_consume.close(&fixture->consumer);
    ese_http_server_close(&server.http);
}

/* It reads as a page: waiting would not make it another one. */
static void a_page_of_another_transport_is_an_error(void **state)
{
    static const char *const answers[] = {"{\"events\":[],\"next\":\"click-events:0=7\"}", NULL};
    struct fixture *fixture = *state;
    struct other_server server = {.answers = answers};
    struct ese_error error = {0};

    serve_other(fixture, &server);
    open_consumer(fixture, 100, NULL);
    assert_int_equal(ese_http_consume.next(fixture->consumer, LONG_MS, &fixture->batch, &error), -1);
    assert_non_null(strstr(error.text, fixture->address));
    ese_http_consume.close(&fixture->consumer);
    ese_http_server_close(&server.http);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(batches_follow_each_other_to_the_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reading_starts_where_it_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_long_poll_brings_an_event_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_long_poll_there_is_a_pause, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_gone_is_reported, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_gone_is_reported_to_who_asks_for_the_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_position_of_another_store_is_an_error, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_server_that_is_away_is_waited_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_server_that_hangs_does_not_hold_up_next, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_event_is_told_by_its_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_page_is_asked_for_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_page_of_another_transport_is_an_error, set_up, tear_down),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
