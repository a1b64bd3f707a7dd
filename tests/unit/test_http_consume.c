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
    struct ese_raw_answer answer = {0};
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
    assert_true(ese_raw_read_answer(fd, true, &answer));
    assert_int_equal(answer.status, 201);
    ese_raw_answer_clear(&answer);
    ese_buffer_free(&body);
    ese_buffer_free(&request);
    close(fd);
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

int main(void)
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
