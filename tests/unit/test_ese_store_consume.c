/* The consumer of "http+ese-store": what it hands of the whole list that it is answered each time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "tests/support/raw_http.h"
#include "tests/support/store_server.h"
#include "tests/support/wait.h"
#include "transports/http/ese_store_faces.h"

#define LONG_MS 20000 /* a time limit that a test which works never meets */
#define STRAYS (ESE_UNREADABLE_MOST + 6)

struct fixture {
    struct ese_test_store_server server;
    char address[64]; /* of the first server; further ones take the same */
    struct ese_consumer *consumer;
    struct ese_batch batch;
    int64_t position; /* what given answers */
    int given, taken;
};

static void serve(struct fixture *fixture)
{
    const struct ese_test_store_options options = {
        .face = &ese_http_ese_store,
        .durability = ESE_DURABILITY_MEMORY,
        .retention_ms = 600000,
        .listen = fixture->address[0] != '\0' ? fixture->address : NULL,
    };
    ese_test_store_server_close(&fixture->server);
    ese_test_store_server_open(&fixture->server, &options);
    ese_fit_text(fixture->address, sizeof fixture->address, fixture->server.address);
}

static int set_up(void **state)
{
    struct fixture *fixture = ese_alloc(sizeof *fixture);
    fixture->position = ESE_OFFSET_EARLIEST;
    serve(fixture);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    ese_http_ese_store_consume.close(&fixture->consumer);
    ese_test_store_server_close(&fixture->server);
    free(fixture);
    return 0;
}

/* ---- the consumer ---------------------------------------------------------------------------- */

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
    (void)context;
    fail_msg("partition %d: %lld to %lld was skipped", partition, (long long)from, (long long)to);
}

static void open_consumer(struct fixture *fixture, int max_batch, const char *poll_ms)
{
    struct ese_config *config = ese_config_new();
    char server[128];
    const struct ese_consume_settings settings = {
        .max_batch = max_batch,
        .listener = {.context = fixture, .given = given, .taken = taken, .skipped = skipped},
    };
    struct ese_error error = {0};
    ese_http_ese_store_consume.close(&fixture->consumer);
    snprintf(server, sizeof server, "http://%s", fixture->address);
    ese_config_add(config, "Options", ese_http_ese_store_consume.options);
    ese_config_give(config, "server", server);
    ese_config_give(config, "poll-ms", poll_ms);
    assert_int_equal(ese_config_settle(config, &error), 0);
    if (ese_http_ese_store_consume.open(config, &settings, &fixture->consumer, &error) != 0)
        fail_msg("%s", error.text);
    ese_config_free(&config);
}

static int next(struct fixture *fixture, int timeout_ms)
{
    struct ese_error error = {0};
    if (ese_http_ese_store_consume.next(fixture->consumer, timeout_ms, &fixture->batch, &error) != 0)
        fail_msg("%s", error.text);
    assert_true(!fixture->batch.at_end || fixture->batch.end_ns > 0);
    assert_true(fixture->batch.end_ns <= ese_clock_monotonic_ns());
    return fixture->batch.count;
}

/* The client times of what was handed, "1 2 3", with offsets from `first` on. */
static void handed(const struct fixture *fixture, int64_t first, const char *times)
{
    char found[200] = "";
    for (int i = 0; i < fixture->batch.count; i++) {
        const struct ese_record *record = &fixture->batch.records[i];
        assert_int_equal(record->partition, 0);
        assert_int_equal(record->offset, first + i);
        assert_int_equal(record->next, first + i + 1);
        assert_true(record->event.server_ts > 0);
        assert_true(ese_traceparent_valid(record->event.traceparent));
        snprintf(found + strlen(found), sizeof found - strlen(found), "%s%lld", i == 0 ? "" : " ",
                 (long long)record->event.client_ts);
    }
    assert_string_equal(found, times);
}

static void post(struct fixture *fixture, const char *ip, int64_t timestamp, const char *id)
{
    char body[300], request[600];
    int fd = ese_raw_connect(fixture->address);
    snprintf(body, sizeof body,
             "{\"event\":{\"type\":\"T\",\"sub_type\":\"S\"},\"timestamp\":%lld,\"ip\":\"%s\"%s%s%s}",
             (long long)timestamp, ip, id == NULL ? "" : ",\"id\":\"", id == NULL ? "" : id,
             id == NULL ? "" : "\"");
    snprintf(request, sizeof request, "POST /event HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n%s",
             strlen(body), body);
    ese_raw_send_text(fd, request);
    struct ese_raw_answer answer = ese_raw_finish(fd, 201);
    ese_raw_answer_clear(&answer);
}

/* Whatever it is asked, and whatever for, it has nothing further. */
static void hands_nothing_more(struct fixture *fixture)
{
    int64_t began_ns = ese_clock_monotonic_ns();
    do
        assert_int_equal(next(fixture, 100) + fixture->batch.unreadable, 0);
    while (!fixture->batch.at_end || fixture->batch.end_ns < began_ns);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void all_is_handed_by_time_in_batches(void **state)
{
    struct fixture *fixture = *state;
    static const int times[] = {5, 3, 1, 4, 2};
    for (size_t i = 0; i < ESE_COUNT_OF(times); i++)
        post(fixture, i % 2 == 0 ? "b" : "a", times[i], NULL);
    int64_t began_ns = ese_clock_monotonic_ns();
    open_consumer(fixture, 2, "20");
    assert_int_equal(fixture->given, 0);
    next(fixture, LONG_MS);
    assert_int_equal(fixture->given, 1);
    handed(fixture, 0, "1 2");
    assert_false(fixture->batch.at_end);
    next(fixture, LONG_MS);
    handed(fixture, 2, "3 4");
    assert_false(fixture->batch.at_end);
    next(fixture, LONG_MS);
    handed(fixture, 4, "5");
    assert_true(fixture->batch.at_end);
    assert_true(fixture->batch.end_ns >= began_ns);
    hands_nothing_more(fixture);
    ese_http_ese_store_consume.close(&fixture->consumer);
    assert_int_equal(fixture->taken, 1);
}

static void only_what_the_last_answer_did_not_hold_is_handed(void **state)
{
    struct fixture *fixture = *state;
    post(fixture, "a", 5, NULL);
    open_consumer(fixture, 100, "20");
    next(fixture, LONG_MS);
    handed(fixture, 0, "5");
    post(fixture, "a", 7, NULL);
    post(fixture, "a", 3, NULL); /* before what was handed: there is no position */
    if (next(fixture, LONG_MS) == 2) {
        handed(fixture, 1, "3 7");
    } else { /* it asked in between */
        handed(fixture, 1, "7");
        next(fixture, LONG_MS);
        handed(fixture, 2, "3");
    }
    hands_nothing_more(fixture);
}

static void what_took_a_place_is_new(void **state)
{
    struct fixture *fixture = *state;
    post(fixture, "a", 5, NULL);
    open_consumer(fixture, 100, "20");
    next(fixture, LONG_MS);
    handed(fixture, 0, "5");
    struct ese_id first = fixture->batch.records[0].event.id;
    post(fixture, "a", 5, NULL);
    next(fixture, LONG_MS);
    handed(fixture, 1, "5");
    assert_false(ese_id_equal(&first, &fixture->batch.records[0].event.id));
    hands_nothing_more(fixture);
}

static void the_same_id_again_is_not(void **state)
{
    struct fixture *fixture = *state;
    static const char id[] = "018f0000-0000-7000-8000-000000000001";
    post(fixture, "a", 5, id);
    post(fixture, "a", 6, "somebody's own");
    open_consumer(fixture, 100, "20");
    next(fixture, LONG_MS);
    handed(fixture, 0, "5 6");
    assert_true(ese_id_is_ours(&fixture->batch.records[0].event.id));
    assert_false(ese_id_is_ours(&fixture->batch.records[1].event.id));
    assert_string_not_equal(fixture->batch.records[1].event.foreign_id, ""); /* repeats.h: by name */
    post(fixture, "a", 5, id);
    post(fixture, "a", 6, "somebody's own");
    hands_nothing_more(fixture);
}

/* Whatever position it is given: all of it, anew. */
static void it_always_starts_from_everything(void **state)
{
    struct fixture *fixture = *state;
    post(fixture, "a", 1, NULL);
    post(fixture, "a", 2, NULL);
    for (int i = 0; i < 2; i++) {
        open_consumer(fixture, 100, "20");
        next(fixture, LONG_MS);
        handed(fixture, 0, "1 2");
        fixture->position = 2;
    }
}

static void from_the_latest_on_is_what_comes_now(void **state)
{
    struct fixture *fixture = *state;
    post(fixture, "a", 1, NULL);
    fixture->position = ESE_OFFSET_LATEST;
    open_consumer(fixture, 100, "20");
    hands_nothing_more(fixture);
    post(fixture, "a", 2, NULL);
    next(fixture, LONG_MS);
    handed(fixture, 0, "2");
}

static void between_two_questions_there_is_a_pause(void **state)
{
    struct fixture *fixture = *state;
    post(fixture, "a", 1, NULL);
    open_consumer(fixture, 100, "5000");
    next(fixture, LONG_MS);
    handed(fixture, 0, "1");
    assert_true(fixture->batch.at_end);
    post(fixture, "a", 2, NULL);
    assert_int_equal(next(fixture, 100), 0); /* too early */
    assert_false(fixture->batch.at_end);     /* and that was told */
}

static void a_store_that_died_is_waited_for_and_empty(void **state)
{
    struct fixture *fixture = *state;
    post(fixture, "a", 1, NULL);
    open_consumer(fixture, 100, "20");
    next(fixture, LONG_MS);
    ese_test_store_server_close(&fixture->server);
    int64_t began_ns = ese_clock_monotonic_ns();
    do
        assert_int_equal(next(fixture, 50), 0);
    while (fixture->batch.away == NULL && ese_clock_monotonic_ns() - began_ns < LONG_MS * ESE_NS_PER_MS);
    assert_non_null(strstr(fixture->batch.away, fixture->address));
    serve(fixture);
    post(fixture, "a", 2, NULL);
    next(fixture, LONG_MS);
    handed(fixture, 1, "2");
    assert_null(fixture->batch.away);
}

/* ---- the original's own server ---------------------------------------------------------------- */

static void say(struct ese_http_request *request, const char *body)
{
    ese_http_reply(request, 200, ESE_HTTP_JSON, body, strlen(body));
}

static void answer_without_ids(void *context, struct ese_http_request *request)
{
    (void)context;
    say(request, "[{\"ip\": \"1.2.3.4\", \"event_logs\": [{\"type\": \"T\", \"sub_type\": \"S\","
                 "\"ip\": \"1.2.3.4\", \"client_ts\": 7, \"server_ts\": 8, \"data\": {\"n\": "
                 "100000000000000000000}}]}]");
}

static void answer_nonsense_first(void *context, struct ese_http_request *request)
{
    static const char *const nonsense[] = {
        "{\"events\": []}", "[{\"ip\": \"1.2.3.4\"",
        "[{\"ip\": \"1.2.3.4\", \"event_logs\": [{\"type\": \"T\", \"sub_type\": \"S\","
        "\"ip\": \"1.2.3.4\", \"client_ts\": 7, \"server_ts\": 8}]}, "};
    static size_t asked; /* by one test */
    if (asked == ESE_COUNT_OF(nonsense))
        answer_without_ids(context, request);
    else
        say(request, nonsense[asked++]);
}

/* Its second answer has one more of what is no event. */
static void answer_strays(void *context, struct ese_http_request *request)
{
    static bool is_asked_again; /* by one test */
    struct ese_buffer body = ESE_BUFFER_INIT(10000);
    (void)context;
    ese_buffer_text(&body, "[{\"ip\": \"1.2.3.4\", \"event_logs\": [{\"type\": \"T\"}, {\"type\": \"T\", \"sub_type\": "
                           "\"S\",\"ip\": \"1.2.3.4\", \"client_ts\": 7, \"server_ts\": 8}, 17");
    for (int i = 0; i < STRAYS - 2; i++)
        ese_buffer_printf(&body, ", {\"n\": %d}", i);
    ese_buffer_text(&body, is_asked_again ? ", null]}]" : "]}]");
    is_asked_again = true;
    ese_http_reply(request, 200, ESE_HTTP_JSON, body.text, body.length);
    ese_buffer_free(&body);
}

static struct ese_http_server *serve_with(struct fixture *fixture, ese_http_handler *handler)
{
    const struct ese_http_server_options options = {.listen = "127.0.0.1:0"};
    struct ese_http_server *server = NULL;
    assert_int_equal(ese_http_server_open(&options, &server, NULL), 0);
    ese_http_server_route(server, "GET", "/events", handler, NULL);
    assert_int_equal(ese_http_server_start(server, NULL), 0);
    ese_fit_text(fixture->address, sizeof fixture->address, ese_http_server_address(server));
    return server;
}

/* They are named by their place, so that a restarted consumer knows them again. */
static void events_without_ids_are_named_by_their_place(void **state)
{
    struct fixture *fixture = *state;
    struct ese_http_server *server = serve_with(fixture, answer_without_ids);
    struct ese_id ids[2];
    for (int i = 0; i < 2; i++) {
        open_consumer(fixture, 100, "20");
        next(fixture, LONG_MS);
        handed(fixture, 0, "7");
        assert_string_equal(fixture->batch.records[0].event.foreign_id, "1.2.3.4/7/8");
        ids[i] = fixture->batch.records[0].event.id;
    }
    assert_true(ese_id_equal(&ids[0], &ids[1]));
    hands_nothing_more(fixture);
    ese_http_ese_store_consume.close(&fixture->consumer);
    ese_http_server_close(&server);
}

static int next_strays(struct fixture *fixture, int64_t first)
{
    next(fixture, LONG_MS);
    for (int i = 0; i < fixture->batch.unreadable; i++) {
        assert_int_equal(fixture->batch.unreadables[i].offset, first + i);
        assert_int_equal(fixture->batch.unreadables[i].next, first + i + 1);
        assert_int_equal(fixture->batch.unreadables[i].length, fixture->batch.unreadables[i].whole);
    }
    return fixture->batch.unreadable;
}

static void what_is_no_event_is_told_once(void **state)
{
    struct fixture *fixture = *state;
    struct ese_http_server *server = serve_with(fixture, answer_strays);
    open_consumer(fixture, 100, "20");
    assert_int_equal(next_strays(fixture, 0), ESE_UNREADABLE_MOST);
    assert_memory_equal(fixture->batch.unreadables[0].bytes, "{\"type\":\"T\"}", 12);
    assert_string_equal(fixture->batch.unreadables[0].reason, "sub_type: a text is expected, there is none");
    assert_memory_equal(fixture->batch.unreadables[1].bytes, "17", 2);
    handed(fixture, ESE_UNREADABLE_MOST, "7");
    assert_false(fixture->batch.at_end);
    assert_int_equal(next_strays(fixture, ESE_UNREADABLE_MOST + 1), STRAYS + 1 - ESE_UNREADABLE_MOST);
    assert_int_equal(fixture->batch.count, 0);
    assert_true(fixture->batch.at_end);
    hands_nothing_more(fixture);
    ese_http_ese_store_consume.close(&fixture->consumer);
    ese_http_server_close(&server);
}

/* What it brought before it broke off is in the next one, too. */
static void what_is_no_list_is_asked_for_again(void **state)
{
    struct fixture *fixture = *state;
    struct ese_http_server *server = serve_with(fixture, answer_nonsense_first);
    int64_t began_ns = ese_clock_monotonic_ns();
    bool was_said = false;
    open_consumer(fixture, 100, "20");
    while (next(fixture, 10) == 0 && ese_clock_monotonic_ns() - began_ns < LONG_MS * ESE_NS_PER_MS) {
        assert_false(fixture->batch.at_end);
        if (fixture->batch.away == NULL)
            continue;
        assert_non_null(strstr(fixture->batch.away, fixture->address));
        assert_non_null(strstr(fixture->batch.away, "cannot be read ("));
        was_said = true;
    }
    assert_true(was_said);
    handed(fixture, 0, "7");
    assert_null(fixture->batch.away);
    hands_nothing_more(fixture);
    ese_http_ese_store_consume.close(&fixture->consumer);
    ese_http_server_close(&server);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_is_handed_by_time_in_batches),
        TEST(only_what_the_last_answer_did_not_hold_is_handed),
        TEST(what_took_a_place_is_new),
        TEST(the_same_id_again_is_not),
        TEST(it_always_starts_from_everything),
        TEST(from_the_latest_on_is_what_comes_now),
        TEST(between_two_questions_there_is_a_pause),
        TEST(a_store_that_died_is_waited_for_and_empty),
        TEST(events_without_ids_are_named_by_their_place),
        TEST(what_is_no_list_is_asked_for_again),
        TEST(what_is_no_event_is_told_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
