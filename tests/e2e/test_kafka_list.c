/*
 * GET /events on the real broker: what one server has stored, as a second one that only reads lists
 * it. Skipped without Java or jars.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "orchestration/kafka/kafka_client.h"
#include "tests/e2e/kafka_server.h"
#include "tests/support/listing.h"
#include "tests/support/wait.h"

#define WAIT_MS ESE_KAFKA_SERVER_WAIT_MS
#define RETENTION_MS 600000
#define SHORT_MS 3000 /* a retention to wait for, and time enough to list what came just now */

static struct ese_kafka_scene scene;
static struct ese_error error;
static struct ese_test_store_server writer, reader;

/* ---- the servers --------------------------------------------------------------------------- */

static bool is_unhealthy(void *context)
{
    return !ese_kafka_server_is_healthy(context);
}

static void serve(struct ese_test_store_server *server, int64_t retention_ms, const char *role,
                  const char *option)
{
    ese_kafka_server_open(&scene, server, retention_ms, role, option);
}

#define WRITER ESE_KAFKA_SERVER_WRITER
#define READER ESE_KAFKA_SERVER_READER

static int open_scene(void **state)
{
    (void)state;
    ese_kafka_scene_fresh_topics(&scene, false);
    serve(&writer, RETENTION_MS, WRITER, NULL);
    serve(&reader, RETENTION_MS, READER, NULL);
    return 0;
}

static int close_scene(void **state)
{
    (void)state;
    ese_test_store_server_close(&writer);
    ese_test_store_server_close(&reader);
    return 0;
}

/* ---- asking -------------------------------------------------------------------------------- */

/* What the server says it has stored of one event; the caller's. The next one has a later time. */
static json_t *stored(const char *type, const char *ip, const char *data)
{
    char body[600];
    snprintf(body, sizeof body,
             "{\"event\":{\"type\":\"%s\",\"sub_type\":\"S\"},\"timestamp\":%lld,\"ip\":\"%s\","
             "\"data\":%s}", type, (long long)ese_clock_wall_ms(), ip, data);
    struct ese_raw_answer answer = ese_listing_post(writer.address, "/event", body);
    if (answer.status != 201)
        fail_msg("%d: %s", answer.status, answer.body);
    json_t *event = json_loads(answer.body, 0, NULL);
    ese_raw_answer_clear(&answer);
    while (ese_clock_wall_ms() <= json_integer_value(json_object_get(event, "server_ts")))
        continue;
    return event;
}

static void store(const char *ip)
{
    json_decref(stored(ESE_TYPE_CLICK, ip, "{}"));
}

/* The caller's. */
static json_t *list_of(const struct ese_test_store_server *server)
{
    struct ese_raw_answer answer = ese_listing_finish(ese_listing_begin(server->address, ""));
    if (answer.status != 200)
        fail_msg("%d: %s", answer.status, answer.body);
    json_t *list = json_loads(answer.body, 0, NULL);
    assert_true(json_is_array(list));
    ese_raw_answer_clear(&answer);
    return list;
}

static json_t *logged(const json_t *list, size_t group)
{
    return json_object_get(json_array_get(list, group), "event_logs");
}

static const char *ip_of(const json_t *list, size_t group)
{
    return json_string_value(json_object_get(json_array_get(list, group), "ip"));
}

static size_t count(const struct ese_test_store_server *server)
{
    json_t *list = list_of(server);
    size_t events = 0;
    for (size_t i = 0; i < json_array_size(list); i++)
        events += json_array_size(logged(list, i));
    json_decref(list);
    return events;
}

static void assert_refused(const struct ese_test_store_server *server, const char *retry_after,
                           const char *const *words)
{
    struct ese_raw_answer answer = ese_listing_finish(ese_listing_begin(server->address, ""));
    assert_int_equal(answer.status, 503);
    assert_string_equal(ese_raw_answer_header(&answer, "Retry-After"), retry_after);
    for (; *words != NULL; words++) {
        if (strstr(answer.body, *words) == NULL)
            fail_msg("no '%s' in: %s", *words, answer.body);
    }
    ese_raw_answer_clear(&answer);
}

/* ---- what is listed ------------------------------------------------------------------------ */

/* Each as its own server has answered it, its time the record's; the order of one ip is the order
 * of that time, whichever topic they went to. */
static void what_was_stored_is_listed_by_ip(void **state)
{
    (void)state;
    json_t *events[] = {
        stored(ESE_TYPE_CLICK, "10.0.0.9", "{}"),
        stored(ESE_TYPE_ORDER, "10.0.0.10", "{\"orderId\":\"o-1\",\"n\":1.5}"),
        stored(ESE_TYPE_ORDER, "10.0.0.9", "{\"orderId\":\"o-2\"}"),
        stored("SOMETHING", "10.0.0.9", "{\"b\":[1,2],\"a\":\"<&>\"}"),
    };
    static const int places[4][2] = {{1, 0}, {0, 0}, {1, 1}, {1, 2}};
    json_t *list = list_of(&reader);
    assert_int_equal(json_array_size(list), 2);
    assert_string_equal(ip_of(list, 0), "10.0.0.10");
    assert_string_equal(ip_of(list, 1), "10.0.0.9");
    for (size_t i = 0; i < ESE_COUNT_OF(events); i++) {
        json_t *listed = json_array_get(logged(list, (size_t)places[i][0]), (size_t)places[i][1]);
        if (!json_equal(events[i], listed))
            fail_msg("%zu: %s", i, json_dumps(list, 0));
        json_decref(events[i]);
    }
    json_decref(list);
    list = list_of(&writer); /* who takes events lists them, too */
    assert_int_equal(json_array_size(logged(list, 1)), 3);
    json_decref(list);
    assert_int_equal(ese_kafka_server_counted(&reader, "get_events_ping_count"), 1);
}

static void nothing_stored_is_an_empty_list(void **state)
{
    (void)state;
    struct ese_raw_answer answer = ese_listing_finish(ese_listing_begin(reader.address, ""));
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.body, "[]");
    ese_raw_answer_clear(&answer);
}

/* And of each key in the order it was sent in. */
static void a_long_list_is_whole(void **state)
{
    (void)state;
    size_t events = 0;
    for (int i = 0; i < 10; i++)
        ese_listing_post_many(writer.address, i * 500, 500, 7);
    json_t *list = list_of(&reader);
    assert_int_equal(json_array_size(list), 7);
    for (size_t i = 0; i < 7; i++) {
        json_int_t last = -1;
        for (size_t k = 0; k < json_array_size(logged(list, i)); k++) {
            const json_t *event = json_array_get(logged(list, i), k);
            json_int_t now = json_integer_value(json_object_get(event, "client_ts"));
            assert_true(now > last);
            last = now;
        }
        events += json_array_size(logged(list, i));
    }
    assert_int_equal(events, 5000);
    json_decref(list);
    assert_int_equal(ese_metric_value(ese_metrics_gauge(reader.metrics, "ese_list_events", NULL,
                                                        "")), 5000);
}

static void records_of_others_are_listed_and_what_is_none_is_counted(void **state)
{
    (void)state;
    ese_kafka_scene_send(&scene, "order-events", 1,
                         "{\"sub_type\":\"ORDER_CREATED\",\"ip\":\"PUBLICIP-3\","
                         "\"client_timestamp\":1793500000124,\"data\":\"{\\\"orderId\\\":\\\"o-9\\\"}\"}");
    ese_kafka_scene_send(&scene, "order-events", 1, "no event at all");
    json_t *list = list_of(&reader);
    json_t *again = list_of(&reader);
    assert_true(json_equal(list, again)); /* the id is made from the place */
    const json_t *event = json_array_get(logged(list, 0), 0);
    assert_int_equal(json_array_size(logged(list, 0)), 1);
    assert_string_equal(json_string_value(json_object_get(event, "type")), ESE_TYPE_ORDER);
    assert_int_equal(json_string_length(json_object_get(event, "id")), ESE_ID_TEXT_SIZE - 1);
    assert_int_equal(ese_kafka_server_counted(&reader, "ese_view_unreadable_total"), 1);
    json_decref(list);
    json_decref(again);
}

static bool nothing_is_listed(void *context)
{
    return count(context) == 0;
}

static void what_is_older_than_the_retention_is_not_listed(void **state)
{
    (void)state;
    serve(&reader, SHORT_MS, READER, NULL);
    json_t *event = stored(ESE_TYPE_CLICK, "10.0.0.1", "{}");
    json_int_t server_ts = json_integer_value(json_object_get(event, "server_ts"));
    json_decref(event);
    assert_int_equal(count(&reader), 1);
    assert_true(ese_test_wait_until(nothing_is_listed, &reader, WAIT_MS));
    assert_true(ese_clock_wall_ms() - server_ts >= SHORT_MS);
    store("10.0.0.2");
    json_t *list = list_of(&reader);
    assert_int_equal(json_array_size(list), 1);
    assert_string_equal(ip_of(list, 0), "10.0.0.2");
    json_decref(list);
    assert_int_equal(count(&writer), 2); /* whose retention is longer */
}

/* ---- what is refused ----------------------------------------------------------------------- */

static const char remedy[] = "?after=earliest";

/* Events of some 60 KB each, so many of them. */
static void store_large(int events)
{
    struct ese_buffer data = ESE_BUFFER_INIT(1 << 20);
    ese_buffer_printf(&data,
                      "{\"event\":{\"type\":\"CLICK_STREAM_EVENT\",\"sub_type\":\"S\"},"
                      "\"timestamp\":1,\"ip\":\"10.0.0.1\",\"data\":{\"padding\":\"%060000d\"}}", 0);
    for (int i = 0; i < events; i++)
        ese_listing_store(writer.address, "/event", data.text);
    ese_buffer_free(&data);
}

/* The least there is has two megabytes for events. */
static void a_list_that_does_not_fit_is_refused_and_pages_are_named(void **state)
{
    (void)state;
    serve(&reader, RETENTION_MS, READER, "view-bytes=4194304");
    store_large(20);
    assert_int_equal(count(&reader), 20);
    store_large(25);
    struct ese_raw_answer answer = ese_listing_finish(ese_listing_begin(reader.address, ""));
    assert_int_equal(answer.status, 413);
    assert_string_equal(ese_raw_answer_header(&answer, "Retry-After"), "");
    assert_non_null(strstr(answer.body, remedy));
    assert_non_null(strstr(answer.body, "--view-bytes"));
    ese_raw_answer_clear(&answer);
}

static void who_only_reads_takes_nothing(void **state)
{
    (void)state;
    static const char *const paths[] = {"/event", "/events"};
    for (size_t i = 0; i < ESE_COUNT_OF(paths); i++) {
        struct ese_raw_answer answer = ese_listing_post(reader.address, paths[i], "{}");
        assert_int_equal(answer.status, 403);
        assert_non_null(strstr(answer.body, "--read-only"));
        ese_raw_answer_clear(&answer);
    }
    assert_int_equal(count(&writer), 0);
}

/* ---- beside others ------------------------------------------------------------------------- */

static void lists_do_not_hold_up_who_stores(void **state)
{
    (void)state;
    int lists[2]; /* there are no more at once */
    ese_listing_post_many(writer.address, 0, 1000, 7);
    for (size_t i = 0; i < ESE_COUNT_OF(lists); i++)
        lists[i] = ese_listing_begin(writer.address, "");
    for (int i = 0; i < 20; i++)
        store("10.0.0.1");
    for (size_t i = 0; i < ESE_COUNT_OF(lists); i++) {
        struct ese_raw_answer answer = ese_listing_finish(lists[i]);
        assert_int_equal(answer.status, 200);
        ese_raw_answer_clear(&answer);
    }
    assert_int_equal(count(&writer), 1020);
}

static void no_group_is_joined(void **state)
{
    (void)state;
    const struct rd_kafka_group_list *groups = NULL;
    rd_kafka_t *client = NULL;
    store("10.0.0.1");
    assert_int_equal(count(&reader), 1);
    assert_int_equal(ese_kafka_client_new(RD_KAFKA_PRODUCER, scene.bootstrap, NULL, &client,
                                          &error), 0);
    assert_int_equal(rd_kafka_list_groups(client, NULL, &groups, WAIT_MS), 0);
    assert_int_equal(groups->group_cnt, 0);
    rd_kafka_group_list_destroy(groups);
    rd_kafka_destroy(client);
}

static bool all_is_listed_again(void *context)
{
    const struct ese_test_store_server *server = context;
    struct ese_raw_answer answer = ese_listing_finish(ese_listing_begin(server->address, ""));
    bool is_listed = answer.status == 200 && strstr(answer.body, "10.0.0.1") != NULL;
    ese_raw_answer_clear(&answer);
    return is_listed;
}

static void a_broker_that_is_away_is_told_and_comes_back(void **state)
{
    (void)state;
    const char *const away[] = {"no Kafka broker answers at", scene.bootstrap, "./lab kafka start",
                                NULL};
    static const char *const nothing[] = {NULL};
    store("10.0.0.1");
    assert_int_equal(count(&reader), 1);
    ese_kafka_scene_kill(&scene);
    assert_refused(&reader, "1", nothing); /* though it may not have been noticed yet */
    assert_true(ese_test_wait_until(is_unhealthy, &reader, WAIT_MS));
    int64_t asked_ns = ese_clock_monotonic_ns();
    assert_refused(&reader, "1", away);
    assert_true(ese_clock_monotonic_ns() - asked_ns < 500 * ESE_NS_PER_MS);
    ese_kafka_scene_restart(&scene);
    assert_true(ese_test_wait_until(ese_kafka_server_is_healthy, &reader, WAIT_MS));
    assert_true(ese_test_wait_until(all_is_listed_again, &reader, WAIT_MS));
}

static int end_scene(void **state)
{
    (void)state;
    ese_kafka_scene_close(&scene);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_scene, close_scene)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_stored_is_listed_by_ip),
        TEST(nothing_stored_is_an_empty_list),
        TEST(a_long_list_is_whole),
        TEST(records_of_others_are_listed_and_what_is_none_is_counted),
        TEST(what_is_older_than_the_retention_is_not_listed),
        TEST(a_list_that_does_not_fit_is_refused_and_pages_are_named),
        TEST(who_only_reads_takes_nothing),
        TEST(lists_do_not_hold_up_who_stores),
        TEST(no_group_is_joined),
        TEST(a_broker_that_is_away_is_told_and_comes_back),
    };
    if (!ese_kafka_scene_open(&scene, &error)) {
        printf("1..0 # SKIP %s\n", error.text);
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, end_scene);
}
