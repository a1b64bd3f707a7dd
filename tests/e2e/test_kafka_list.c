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
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "orchestration/kafka/kafka_client.h"
#include "tests/e2e/kafka_scene.h"
#include "tests/support/raw_http.h"
#include "tests/support/store_server.h"
#include "tests/support/wait.h"

#define WAIT_MS 20000
#define RETENTION_MS 600000
#define SHORT_MS 3000 /* a retention to wait for, and time enough to list what came just now */

extern const struct ese_transport ese_transport_kafka;

static struct ese_kafka_scene scene;
static struct ese_error error;
static struct ese_test_store_server writer, reader;

/* ---- the servers --------------------------------------------------------------------------- */

static bool is_healthy(void *context)
{
    char text[256];
    const struct ese_test_store_server *server = context;
    return server->face->healthy(server->store, text, sizeof text);
}

static bool is_unhealthy(void *context)
{
    return !is_healthy(context);
}

/* option: one more, or NULL */
static void serve(struct ese_test_store_server *server, int64_t retention_ms, const char *role,
                  const char *option)
{
    char bootstrap[100], prefix[100];
    snprintf(bootstrap, sizeof bootstrap, "bootstrap-servers=%s", scene.bootstrap);
    snprintf(prefix, sizeof prefix, "topic-prefix=%s", scene.prefix);
    const struct ese_test_store_options options = {
        .face = ese_transport_kafka.store,
        .durability = ESE_DURABILITY_OS,
        .retention_ms = retention_ms,
        .options = {bootstrap, prefix, role, option},
    };
    ese_test_store_server_close(server);
    ese_test_store_server_open(server, &options);
    assert_true(ese_test_wait_until(is_healthy, server, WAIT_MS));
}

#define WRITER "read-only=false"
#define READER "read-only=true"

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

static int begin_list(const struct ese_test_store_server *server, const char *query)
{
    char request[200];
    int fd = ese_raw_connect(server->address);
    snprintf(request, sizeof request, "GET /events%s HTTP/1.1\r\nHost: x\r\n\r\n", query);
    ese_raw_send_text(fd, request);
    return fd;
}

/* The caller clears it. */
static struct ese_raw_answer finish(int fd)
{
    struct ese_raw_answer answer = {0};
    assert_true(ese_raw_read_answer(fd, true, &answer));
    close(fd);
    return answer;
}

static struct ese_raw_answer post(const struct ese_test_store_server *server, const char *path,
                                  const char *body)
{
    struct ese_buffer request = ESE_BUFFER_INIT(1 << 20);
    int fd = ese_raw_connect(server->address);
    ese_buffer_printf(&request, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n%s",
                      path, strlen(body), body);
    ese_raw_send(fd, request.text, request.length);
    ese_buffer_free(&request);
    return finish(fd);
}

/* What the server says it has stored of one event; the caller's. The next one has a later time. */
static json_t *stored(const char *type, const char *ip, const char *data)
{
    char body[600];
    snprintf(body, sizeof body,
             "{\"event\":{\"type\":\"%s\",\"sub_type\":\"S\"},\"timestamp\":%lld,\"ip\":\"%s\","
             "\"data\":%s}", type, (long long)ese_clock_wall_ms(), ip, data);
    struct ese_raw_answer answer = post(&writer, "/event", body);
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
    struct ese_raw_answer answer = finish(begin_list(server, ""));
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
    struct ese_raw_answer answer = finish(begin_list(server, ""));
    assert_int_equal(answer.status, 503);
    assert_string_equal(ese_raw_answer_header(&answer, "Retry-After"), retry_after);
    for (; *words != NULL; words++) {
        if (strstr(answer.body, *words) == NULL)
            fail_msg("no '%s' in: %s", *words, answer.body);
    }
    ese_raw_answer_clear(&answer);
}

static int64_t counted(const struct ese_test_store_server *server, const char *name)
{
    return ese_metric_value(ese_metrics_counter(server->metrics, name, NULL, ""));
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
    assert_int_equal(counted(&reader, "get_events_ping_count"), 1);
}

static void nothing_stored_is_an_empty_list(void **state)
{
    (void)state;
    struct ese_raw_answer answer = finish(begin_list(&reader, ""));
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.body, "[]");
    ese_raw_answer_clear(&answer);
}

static void post_many(int first, int events)
{
    struct ese_buffer body = ESE_BUFFER_INIT(1 << 20);
    for (int i = 0; i < events; i++)
        ese_buffer_printf(&body,
                          "%s{\"event\":{\"type\":\"CLICK_STREAM_EVENT\",\"sub_type\":\"S\"},"
                          "\"timestamp\":%d,\"ip\":\"10.0.0.%d\"}",
                          i == 0 ? "{\"events\":[" : ",", first + i, (first + i) % 7);
    ese_buffer_text(&body, "]}");
    struct ese_raw_answer answer = post(&writer, "/events", body.text);
    assert_int_equal(answer.status, 201);
    ese_raw_answer_clear(&answer);
    ese_buffer_free(&body);
}

/* And of each key in the order it was sent in. */
static void a_long_list_is_whole(void **state)
{
    (void)state;
    size_t events = 0;
    for (int i = 0; i < 10; i++)
        post_many(i * 500, 500);
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

/* As it is, without key and header, as the original's clients send it. */
static void send_raw(const char *topic, const char *value)
{
    char name[300];
    rd_kafka_t *producer = NULL;
    struct ese_kafka_delivery delivery = {.done = false};
    snprintf(name, sizeof name, "%s%s", scene.prefix, topic);
    assert_int_equal(ese_kafka_client_new(RD_KAFKA_PRODUCER, scene.bootstrap, NULL, &producer,
                                          &error), 0);
    rd_kafka_topic_t *handle = rd_kafka_topic_new(producer, name, NULL);
    assert_int_equal(rd_kafka_produce(handle, 1, RD_KAFKA_MSG_F_COPY, (void *)(uintptr_t)value,
                                      strlen(value), NULL, 0, &delivery), 0);
    rd_kafka_flush(producer, WAIT_MS);
    assert_true(delivery.done);
    assert_int_equal(delivery.result, 0);
    rd_kafka_topic_destroy(handle);
    rd_kafka_destroy(producer);
}

static void records_of_others_are_listed_and_what_is_none_is_counted(void **state)
{
    (void)state;
    send_raw("order-events", "{\"sub_type\":\"ORDER_CREATED\",\"ip\":\"PUBLICIP-3\","
                             "\"client_timestamp\":1793500000124,"
                             "\"data\":\"{\\\"orderId\\\":\\\"o-9\\\"}\"}");
    send_raw("order-events", "no event at all");
    json_t *list = list_of(&reader);
    json_t *again = list_of(&reader);
    assert_true(json_equal(list, again)); /* the id is made from the place */
    const json_t *event = json_array_get(logged(list, 0), 0);
    assert_int_equal(json_array_size(logged(list, 0)), 1);
    assert_string_equal(json_string_value(json_object_get(event, "type")), ESE_TYPE_ORDER);
    assert_int_equal(json_string_length(json_object_get(event, "id")), ESE_ID_TEXT_SIZE - 1);
    assert_int_equal(counted(&reader, "ese_list_unreadable_total"), 2); /* once a list */
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

static void a_list_that_is_too_long_is_refused(void **state)
{
    (void)state;
    static const char *const many[] = {"hold 6 events", "at most 5", "--list-events",
                                       "--retention", NULL};
    static const char *const large[] = {"memory", "--list-events", "--retention", NULL};
    char data[3000];
    serve(&reader, RETENTION_MS, READER, "list-events=5");
    for (int i = 0; i < 5; i++)
        store("10.0.0.1");
    assert_int_equal(count(&reader), 5);
    store("10.0.0.2");
    assert_refused(&reader, "", many);

    ese_kafka_scene_fresh_topics(&scene, false);
    serve(&writer, RETENTION_MS, WRITER, NULL);
    serve(&reader, RETENTION_MS, READER, "list-events=1");
    snprintf(data, sizeof data, "{\"padding\":\"%0400d\"}", 0);
    json_decref(stored(ESE_TYPE_CLICK, "10.0.0.1", data));
    assert_refused(&reader, "", large);
}

static void pages_are_not_offered(void **state)
{
    (void)state;
    struct ese_raw_answer answer = finish(begin_list(&writer, "?after=earliest"));
    assert_int_equal(answer.status, 501);
    assert_non_null(strstr(answer.body, "click-events"));
    assert_non_null(strstr(answer.body, "--retention"));
    ese_raw_answer_clear(&answer);
    assert_int_equal(counted(&writer, "get_events_ping_count"), 1);
}

static void who_only_reads_takes_nothing(void **state)
{
    (void)state;
    static const char *const paths[] = {"/event", "/events"};
    for (size_t i = 0; i < ESE_COUNT_OF(paths); i++) {
        struct ese_raw_answer answer = post(&reader, paths[i], "{}");
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
    int lists[3];
    post_many(0, 1000);
    for (size_t i = 0; i < ESE_COUNT_OF(lists); i++)
        lists[i] = begin_list(&writer, "");
    for (int i = 0; i < 20; i++)
        store("10.0.0.1");
    for (size_t i = 0; i < ESE_COUNT_OF(lists); i++) {
        struct ese_raw_answer answer = finish(lists[i]);
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
    struct ese_raw_answer answer = finish(begin_list(context, ""));
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
    assert_true(ese_test_wait_until(is_healthy, &reader, WAIT_MS));
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
        TEST(a_list_that_is_too_long_is_refused),
        TEST(pages_are_not_offered),
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
