/*
 * The gateway on the real broker: HTTP in, records out. Skipped without Java or jars.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>

#include "ese-core/clock.h"
#include "ese-core/http_client.h"
#include "ese-core/memory.h"
#include "tests/e2e/kafka_scene.h"
#include "tests/e2e/kafka_topics.h"
#include "tests/support/wait.h"
#include "transports/transport.h"

#define WAIT_MS 20000

extern const struct ese_transport ese_transport_kafka;

static struct ese_kafka_scene scene;
static struct ese_error error;

/* ---- a server with the store on it --------------------------------------------------------- */

static struct ese_metrics *metrics;
static struct ese_http_server *server;
static struct ese_http_client *client;
static struct ese_store *store;
static char url[64];

static bool is_healthy(void *context)
{
    char text[256];
    (void)context;
    return ese_transport_kafka.store->healthy(store, text, sizeof text);
}

static void open_server(enum ese_durability durability, const char *const *pairs)
{
    struct ese_config *config = ese_kafka_scene_config(&scene, ese_transport_kafka.store->options,
                                                       pairs);
    const struct ese_http_server_options options = {.listen = "127.0.0.1:0"};
    metrics = ese_metrics_new();
    assert_int_equal(ese_http_server_open(&options, &server, &error), 0);
    const struct ese_store_settings settings = {
        .durability = durability, .retention_ms = 60000, .server = server, .metrics = metrics};
    if (ese_transport_kafka.store->attach(config, &settings, &store, &error) == -1)
        fail_msg("%s", error.text);
    assert_int_equal(ese_http_server_start(server, &error), 0);
    snprintf(url, sizeof url, "http://%s", ese_http_server_address(server));
    assert_int_equal(ese_http_client_open(64, NULL, &client, &error), 0);
    ese_config_free(&config);
}

static void close_server(void)
{
    ese_http_server_quiesce(server);
    ese_transport_kafka.store->detach(&store, 1000);
    assert_null(store);
    ese_http_client_close(&client);
    ese_http_server_close(&server);
    ese_metrics_free(&metrics);
}

static int open_scene(void **state)
{
    (void)state;
    ese_kafka_scene_fresh_topics(&scene, false);
    open_server(ESE_DURABILITY_OS, NULL);
    assert_true(ese_test_wait_until(is_healthy, NULL, WAIT_MS));
    return 0;
}

static int close_scene(void **state)
{
    (void)state;
    close_server();
    return 0;
}

/* ---- calls --------------------------------------------------------------------------------- */

struct answer {
    int status;
    char body[4096];
};

static void answered(void *context, const struct ese_http_answer *came)
{
    struct answer *answer = context;
    answer->status = came->status;
    snprintf(answer->body, sizeof answer->body, "%s", came->body);
}

static void call(const char *method, const char *path, const char *headers, const char *body,
                 struct answer *answer)
{
    char whole[128];
    snprintf(whole, sizeof whole, "%s%s", url, path);
    *answer = (struct answer){.status = -1};
    const struct ese_http_call made = {.method = method, .url = whole, .headers = headers,
                                       .body = body, .length = body == NULL ? 0 : strlen(body),
                                       .timeout_ms = WAIT_MS, .done = answered, .context = answer};
    ese_http_client_call(client, &made);
}

static struct answer asked(const char *method, const char *path, const char *headers,
                           const char *body)
{
    struct answer answer;
    call(method, path, headers, body, &answer);
    while (ese_http_client_poll(client, 100, -1) > 0)
        continue;
    return answer;
}

#define CLICK(id, ip)                                                                             \
    "{\"event\":{\"type\":\"CLICK_STREAM_EVENT\",\"sub_type\":\"KEY_PRESS_EVENT\"},"              \
    "\"timestamp\":1793500000123,\"ip\":\"" ip "\",\"data\":{},\"id\":\"" id "\"}"
#define ID_1 "01990000-0000-7001-8000-000100000001"
#define ID_2 "01990000-0000-7001-8000-000100000002"
#define ID_3 "01990000-0000-7001-8000-000100000003"
#define ID_4 "01990000-0000-7001-8000-000100000004"

static int64_t member(const char *body, const char *name)
{
    json_t *object = json_loads(body, 0, NULL);
    int64_t value = json_integer_value(json_object_get(object, name));
    json_decref(object);
    return value;
}

static int64_t counted(const char *name, const char *labels)
{
    return ese_metric_value(ese_metrics_counter(metrics, name, labels, ""));
}

/* ---- the tests ----------------------------------------------------------------------------- */

static void the_answer_says_when_the_record_was_appended(void **state)
{
    (void)state;
    static const char traceparent[] = "traceparent: "
                                      "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    struct ese_topics_hold hold;
    struct answer answer = asked("POST", "/event", traceparent, CLICK(ID_1, "10.0.0.1"));
    assert_int_equal(answer.status, 201);
    ese_kafka_topics_read(&scene, &hold);
    assert_int_equal(hold.count, 1);
    assert_int_equal(member(answer.body, "server_ts"), hold.records[0].event.server_ts);
    assert_true(hold.records[0].event.server_ts > INT64_C(1700000000000));
    assert_string_equal(hold.records[0].event.ip, "10.0.0.1");
    assert_string_equal(hold.records[0].event.traceparent, traceparent + strlen("traceparent: "));
    char id[ESE_ID_TEXT_SIZE];
    ese_id_text(&hold.records[0].event.id, id);
    assert_string_equal(id, ID_1);
    ese_kafka_topics_clear(&hold);
}

static void a_number_beyond_64_bits_goes_through_a_double(void **state)
{
    (void)state;
    struct ese_topics_hold hold;
    struct answer answer = asked("POST", "/event", NULL,
                                 "{\"event\":{\"type\":\"T\",\"sub_type\":\"S\"},"
                                 "\"timestamp\":1,\"ip\":\"i\","
                                 "\"data\":{\"n\":18446744073709551616}}");
    assert_int_equal(answer.status, 201);
    assert_non_null(strstr(answer.body, "\"n\": 18446744073709552000"));
    ese_kafka_topics_read(&scene, &hold);
    assert_int_equal(hold.count, 1);
    assert_string_equal(hold.records[0].event.data, "{\"n\":18446744073709552000}");
    ese_kafka_topics_clear(&hold);
}

static void a_retry_is_stored_once_and_answered_the_same(void **state)
{
    (void)state;
    struct ese_topics_hold hold;
    struct answer first, second, third;
    call("POST", "/event", NULL, CLICK(ID_1, "10.0.0.1"), &first);
    call("POST", "/event", NULL, CLICK(ID_1, "10.0.0.1"), &second);
    while (ese_http_client_poll(client, 100, -1) > 0)
        continue;
    third = asked("POST", "/event", NULL, CLICK(ID_1, "10.0.0.1"));
    assert_int_equal(first.status, 201);
    assert_int_equal(second.status, 201);
    assert_int_equal(third.status, 201);
    assert_string_equal(first.body, second.body);
    assert_string_equal(first.body, third.body);
    assert_int_equal(asked("POST", "/event", NULL, CLICK(ID_1, "10.9.9.9")).status, 422);
    ese_kafka_topics_read(&scene, &hold);
    assert_int_equal(hold.count, 1);
    ese_kafka_topics_clear(&hold);
}

static void a_batch_is_answered_as_a_whole(void **state)
{
    (void)state;
    struct ese_topics_hold hold;
    struct answer answer =
        asked("POST", "/events", NULL,
              "{\"events\":[" CLICK(ID_1, "10.0.0.1") "," CLICK(ID_2, "10.0.0.2") ","
              CLICK(ID_3, "10.0.0.3") "]}");
    assert_int_equal(answer.status, 201);
    answer = asked("POST", "/events", NULL,
                   "{\"events\":[" CLICK(ID_4, "10.0.0.1") ",{\"bad\":1}]}");
    assert_int_equal(answer.status, 400);
    ese_kafka_topics_read(&scene, &hold);
    assert_int_equal(hold.count, 3);
    ese_kafka_topics_clear(&hold);
}

static void a_key_names_the_request(void **state)
{
    (void)state;
    static const char body[] =
        "{\"event\":{\"type\":\"CLICK_STREAM_EVENT\",\"sub_type\":\"KEY_PRESS_EVENT\"},"
        "\"timestamp\":1793500000123,\"ip\":\"10.0.0.1\"}";
    struct ese_topics_hold hold;
    struct answer first = asked("POST", "/event", "Idempotency-Key: k1", body);
    struct answer again = asked("POST", "/event", "Idempotency-Key: k1", body);
    assert_int_equal(first.status, 201);
    assert_string_equal(first.body, again.body);
    assert_int_equal(asked("POST", "/event", "Idempotency-Key: k1", CLICK(ID_1, "10.0.0.1")).status,
                     422);
    ese_kafka_topics_read(&scene, &hold);
    assert_int_equal(hold.count, 1);
    const char *name = hold.records[0].event.foreign_id; /* which travels */
    assert_memory_equal(name, "idempotency-key/", 16);
    assert_string_equal(strrchr(name, '/'), "/k1");
    ese_kafka_topics_clear(&hold);
}

static bool is_unhealthy(void *context)
{
    return !is_healthy(context);
}

/* What was under way when the broker died is answered; what comes while it is away is refused at
 * once; and what was stored before is still known. */
static void a_broker_that_dies_is_survived(void **state)
{
    (void)state;
    struct ese_topics_hold hold;
    struct answer under_way;
    struct answer first = asked("POST", "/event", NULL, CLICK(ID_1, "10.0.0.1"));
    assert_int_equal(first.status, 201);
    ese_kafka_scene_kill(&scene);
    call("POST", "/event", NULL, CLICK(ID_2, "10.0.0.2"), &under_way);
    for (int i = 0; i < 5; i++)
        ese_http_client_poll(client, 10, -1);
    assert_true(ese_test_wait_until(is_unhealthy, NULL, WAIT_MS));

    int64_t asked_ns = ese_clock_monotonic_ns();
    struct answer away;
    call("POST", "/event", NULL, CLICK(ID_3, "10.0.0.3"), &away);
    while (away.status == -1)
        ese_http_client_poll(client, 100, -1);
    assert_true(ese_clock_monotonic_ns() - asked_ns < 500 * ESE_NS_PER_MS);
    assert_int_equal(away.status, 503);
    assert_non_null(strstr(away.body, "Nothing was stored: no Kafka broker answers at"));
    assert_non_null(strstr(away.body, scene.bootstrap));
    assert_non_null(strstr(away.body, "./lab kafka start"));
    struct answer again;
    call("POST", "/event", NULL, CLICK(ID_1, "10.0.0.1"), &again);
    while (again.status == -1)
        ese_http_client_poll(client, 100, -1);
    assert_string_equal(again.body, first.body);

    ese_kafka_scene_restart(&scene);
    while (ese_http_client_poll(client, 100, -1) > 0)
        continue;
    assert_in_set((unsigned long)under_way.status, ((const unsigned long[]){201, 503, 504}), 3);
    assert_true(ese_test_wait_until(is_healthy, NULL, WAIT_MS));
    assert_int_equal(asked("POST", "/event", NULL, CLICK(ID_2, "10.0.0.2")).status, 201);
    assert_int_equal(asked("POST", "/event", NULL, CLICK(ID_3, "10.0.0.3")).status, 201);
    ese_kafka_topics_read(&scene, &hold);
    assert_int_equal(hold.count, 3 + counted("ese_produced_again_total", NULL));
    ese_kafka_topics_clear(&hold);
}

/* An event of a burst, on its way while the broker dies. */
struct sent {
    char id[ESE_ID_TEXT_SIZE];
    struct answer answer;
};

static void send_one(struct sent *sent, uint32_t sequence)
{
    char body[512];
    const struct ese_id_parts parts = {.time_ms = INT64_C(1700000000000), .lane = 3, .run = 9,
                                       .sequence = sequence};
    const struct ese_id id = ese_id_make(&parts);
    ese_id_text(&id, sent->id);
    snprintf(body, sizeof body, CLICK("%s", "10.0.0.9"), sent->id);
    call("POST", "/event", NULL, body, &sent->answer);
}

static int copies(const struct ese_topics_hold *hold, const char *id)
{
    int count = 0;
    for (int i = 0; i < hold->count; i++) {
        char text[ESE_ID_TEXT_SIZE];
        ese_id_text(&hold->records[i].event.id, text);
        count += strcmp(text, id) == 0;
    }
    return count;
}

/* Events stream in while the broker is killed, and nobody tries again: what was answered 503 is
 * not in the topics when it is back, and what was answered 201 is. */
static void what_is_answered_503_is_not_there(void **state)
{
    (void)state;
    static const char *const short_time[] = {"produce-timeout-ms", "500", NULL};
    static struct sent sent[90];
    struct ese_topics_hold hold;
    int stored = 0, absent = 0;
    close_server();
    open_server(ESE_DURABILITY_OS, short_time);
    assert_true(ese_test_wait_until(is_healthy, NULL, WAIT_MS));
    for (uint32_t i = 0; i < ESE_COUNT_OF(sent); i++) {
        send_one(&sent[i], i);
        ese_http_client_poll(client, 5, -1);
        if (i == 30)
            ese_kafka_scene_kill(&scene);
    }
    while (ese_http_client_poll(client, 100, -1) > 0)
        continue;
    ese_kafka_scene_restart(&scene);
    ese_kafka_topics_read(&scene, &hold);
    for (size_t i = 0; i < ESE_COUNT_OF(sent); i++) {
        assert_in_set((unsigned long)sent[i].answer.status,
                      ((const unsigned long[]){201, 503, 504}), 3);
        if (sent[i].answer.status == 201) {
            assert_int_equal(copies(&hold, sent[i].id), 1);
            stored++;
        }
        if (sent[i].answer.status == 503) {
            assert_int_equal(copies(&hold, sent[i].id), 0);
            assert_non_null(strstr(sent[i].answer.body, "Nothing was stored: "));
            absent++;
        }
    }
    assert_true(stored >= 10);
    assert_true(absent >= 10);
    ese_kafka_topics_clear(&hold);
}

/* The time to the broker runs out: perhaps stored, or certainly not, but never without an
 * answer. */
static void a_produce_that_times_out_is_answered(void **state)
{
    (void)state;
    static const char *const short_time[] = {"produce-timeout-ms", "500", NULL};
    struct answer answer;
    close_server();
    open_server(ESE_DURABILITY_OS, short_time);
    assert_true(ese_test_wait_until(is_healthy, NULL, WAIT_MS));
    ese_kafka_scene_kill(&scene);
    int64_t asked_ns = ese_clock_monotonic_ns();
    call("POST", "/event", NULL, CLICK(ID_1, "10.0.0.1"), &answer);
    while (ese_http_client_poll(client, 100, -1) > 0)
        continue;
    assert_true(ese_clock_monotonic_ns() - asked_ns < 4 * ESE_NS_PER_S);
    assert_in_set((unsigned long)answer.status, ((const unsigned long[]){503, 504}), 2);
    ese_kafka_scene_restart(&scene);
}

static void a_level_the_topics_do_not_keep_is_refused(void **state)
{
    (void)state;
    char text[256];
    close_server();
    open_server(ESE_DURABILITY_DISK, NULL);
    bool told = false;
    int64_t limit_ns = ese_clock_monotonic_ns() + WAIT_MS * ESE_NS_PER_MS;
    while (!told && ese_clock_monotonic_ns() < limit_ns) {
        assert_false(ese_transport_kafka.store->healthy(store, text, sizeof text));
        told = strstr(text, "flush.messages") != NULL;
        ese_http_client_poll(client, 10, -1);
    }
    assert_true(told);
    assert_int_equal(asked("POST", "/event", NULL, CLICK(ID_1, "10.0.0.1")).status, 503);
    close_server();

    ese_kafka_scene_fresh_topics(&scene, true);
    open_server(ESE_DURABILITY_DISK, NULL);
    assert_true(ese_test_wait_until(is_healthy, NULL, WAIT_MS));
    assert_int_equal(asked("POST", "/event", NULL, CLICK(ID_1, "10.0.0.1")).status, 201);
}

/* The client's own way in: events of a lane are stored in order. */
static void events_go_via_the_server(void **state)
{
    (void)state;
    const struct ese_produce_face *face = ese_transport_kafka.produce;
    const char *const pairs[] = {"server", url, NULL};
    struct ese_config *config = ese_kafka_scene_config(&scene, face->options, pairs);
    const struct ese_produce_settings settings = {.inflight = 50, .retry_deadline_ms = 10000};
    struct ese_producer *producer = NULL;
    struct ese_acknowledgement done[50];
    struct ese_topics_hold hold;
    assert_int_equal(face->open(config, &settings, &producer, &error), 0);
    for (uint32_t i = 0; i < 50; i++) {
        struct ese_event event = {.type = ESE_TYPE_CLICK, .sub_type = "KEY_PRESS_EVENT",
                                  .ip = "10.0.0.1", .key = "10.0.0.1",
                                  .client_ts = ese_clock_wall_ms()};
        const struct ese_id_parts parts = {.time_ms = event.client_ts, .lane = 5, .run = 77,
                                           .sequence = i};
        event.id = ese_id_make(&parts);
        assert_int_equal(face->send(producer, &event, &error), 0);
    }
    int acknowledged = 0;
    while (face->pending(producer) > 0) {
        int told = face->poll(producer, 100, done, 50);
        for (int i = 0; i < told; i++)
            acknowledged += done[i].outcome == ESE_OUTCOME_ACKNOWLEDGED;
    }
    assert_int_equal(acknowledged, 50);
    face->close(&producer);
    ese_config_free(&config);
    ese_kafka_topics_read(&scene, &hold);
    assert_int_equal(hold.count, 50);
    for (int i = 0; i < 50; i++)
        assert_int_equal(ese_id_read(&hold.records[i].event.id).sequence, i);
    ese_kafka_topics_clear(&hold);
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
        TEST(the_answer_says_when_the_record_was_appended),
        TEST(a_number_beyond_64_bits_goes_through_a_double),
        TEST(a_retry_is_stored_once_and_answered_the_same),
        TEST(a_batch_is_answered_as_a_whole),
        TEST(a_key_names_the_request),
        TEST(a_broker_that_dies_is_survived),
        TEST(what_is_answered_503_is_not_there),
        TEST(a_produce_that_times_out_is_answered),
        TEST(a_level_the_topics_do_not_keep_is_refused),
        TEST(events_go_via_the_server),
    };
    if (!ese_kafka_scene_open(&scene, &error)) {
        printf("1..0 # SKIP %s\n", error.text);
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, end_scene);
}
