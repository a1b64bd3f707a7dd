#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "tests/support/wait.h"
#include "transports/kafka/connection.h"
#include "transports/kafka/outlet.h"
#include "transports/kafka/partition.h"
#include "transports/kafka/record.h"

#define EVENTS_MOST 8
#define RECORDS 400 /* through TOKENS at once */
#define TOKENS 5
#define ROUND_TRIP_MS 300 /* requests meet on their way */
#define PATIENCE_MS 20000

/* librdkafka's own imitation of a cluster: it stores whatever it is sent, whatever its sequence, as a broker
 * does that has nothing of a producer yet, and fails when it is told to. */
struct bench {
    rd_kafka_t *handle;
    rd_kafka_mock_cluster_t *cluster;
    struct ese_config *config;
    struct ese_outlet *outlet;
    struct ese_delivery_report reports[EVENTS_MOST]; /* by event */
    int reported;
};

static const struct ese_option connection[] = {ESE_CONNECTION_OPTIONS, {.name = NULL}};

static void note(void *context, const struct ese_delivery_report *report)
{
    struct bench *bench = context;
    bench->reports[(intptr_t)report->token] = *report;
    bench->reported++;
}

static void open_outlet(struct bench *bench, const struct ese_outlet_options *options)
{
    struct ese_error error;
    bench->config = ese_config_new();
    ese_config_add(bench->config, "Options", connection);
    ese_config_give(bench->config, "bootstrap-servers", rd_kafka_mock_cluster_bootstraps(bench->cluster));
    ese_config_give(bench->config, "property", "batch.num.messages=1"); /* each a request of its own */
    if (ese_config_settle(bench->config, &error) != 0 ||
        ese_outlet_open(bench->config, options, &bench->outlet, &error) != 0)
        fail_msg("%s", error.text);
}

static struct ese_outlet_options options_for(struct bench *bench)
{
    return (struct ese_outlet_options){.topics = ese_partition_events,
                                       .timeout_ms = PATIENCE_MS,
                                       .linger_ms = "0",
                                       .requests = "5",
                                       .most_records = 100,
                                       .delivered = note,
                                       .context = bench};
}

static struct bench *make_cluster(void **state)
{
    struct bench *bench = *state = ese_alloc(sizeof *bench);
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "log_level", "0", NULL, 0); /* it warns of having no brokers to talk to */
    bench->handle = rd_kafka_new(RD_KAFKA_PRODUCER, conf, NULL, 0);
    bench->cluster = rd_kafka_mock_cluster_new(bench->handle, 1);
    for (int i = 0; i < ese_partition_events.count; i++)
        rd_kafka_mock_topic_create(bench->cluster, ese_partition_topic(i), 1, 1);
    return bench;
}

static int set_up(void **state)
{
    struct bench *bench = make_cluster(state);
    struct ese_outlet_options options = options_for(bench);
    open_outlet(bench, &options);
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    ese_outlet_close(&bench->outlet);
    ese_config_free(&bench->config);
    rd_kafka_mock_cluster_destroy(bench->cluster);
    rd_kafka_destroy(bench->handle);
    free(bench);
    return 0;
}

static void put(struct bench *bench, int number)
{
    struct ese_event event = {.type = ESE_TYPE_CLICK, .sub_type = ESE_SUB_TYPE_BUTTON, .ip = "i", .key = "i"};
    struct ese_error error;
    event.id = ese_id_make(&(struct ese_id_parts){.run = 1, .sequence = (uint32_t)number});
    if (ese_outlet_put(bench->outlet, &event, (void *)(intptr_t)number, &error) != 0)
        fail_msg("%s", error.text);
}

static bool all_are_reported(void *context)
{
    struct bench *bench = context;
    ese_outlet_poll(bench->outlet, 10);
    return bench->reported == EVENTS_MOST;
}

static int64_t count_stored(const struct bench *bench)
{
    int64_t low, high;
    char servers[200];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    snprintf(servers, sizeof servers, "%s", rd_kafka_mock_cluster_bootstraps(bench->cluster));
    rd_kafka_conf_set(conf, "bootstrap.servers", servers, NULL, 0);
    rd_kafka_t *asker = rd_kafka_new(RD_KAFKA_CONSUMER, conf, NULL, 0);
    rd_kafka_resp_err_t result =
        rd_kafka_query_watermark_offsets(asker, ese_partition_topic(0), 0, &low, &high, PATIENCE_MS);
    rd_kafka_destroy(asker);
    assert_int_equal(result, RD_KAFKA_RESP_ERR_NO_ERROR);
    return high - low;
}

static int count_reported(const struct bench *bench, enum ese_delivery_result result)
{
    int count = 0;
    for (int i = 0; i < EVENTS_MOST; i++)
        count += bench->reports[i].result == result;
    return count;
}

static void what_is_delivered_has_an_offset(void **state)
{
    struct bench *bench = *state;
    for (int i = 0; i < EVENTS_MOST; i++)
        put(bench, i);
    assert_true(ese_test_wait_until(all_are_reported, bench, PATIENCE_MS));
    for (int i = 0; i < EVENTS_MOST; i++) {
        assert_int_equal(bench->reports[i].result, ESE_DELIVERED);
        assert_int_equal(bench->reports[i].offset, i);
    }
    assert_int_equal(count_stored(bench), EVENTS_MOST);
}

/* The first of several requests on their way fails for now, and the broker takes those behind it: librdkafka
 * believes that it has had the first as well, and says of it what it says of the others. */
static void what_a_later_success_is_taken_for_is_not_believed(void **state)
{
    struct bench *bench = *state;
    rd_kafka_mock_broker_set_rtt(bench->cluster, 1, ROUND_TRIP_MS);
    rd_kafka_mock_push_request_errors(bench->cluster, 0 /* Produce */, 1,
                                      RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION);
    for (int i = 0; i < EVENTS_MOST; i++)
        put(bench, i);
    assert_true(ese_test_wait_until(all_are_reported, bench, PATIENCE_MS));
    assert_in_range(count_stored(bench), count_reported(bench, ESE_DELIVERED), EVENTS_MOST - 1);
    assert_in_range(count_reported(bench, ESE_DELIVERY_UNKNOWN), 1, EVENTS_MOST);
}

/* ---- headers that are kept ------------------------------------------------------------------- */

struct token {
    struct ese_outlet_kept kept; /* first */
    bool is_under_way;
};

static void note_token(void *context, const struct ese_delivery_report *report)
{
    struct bench *bench = context;
    struct token *token = report->token;
    assert_int_equal(report->result, ESE_DELIVERED);
    assert_true(token->is_under_way);
    token->is_under_way = false;
    bench->reported++;
}

static int set_up_keeping(void **state)
{
    struct bench *bench = make_cluster(state);
    struct ese_outlet_options options = options_for(bench);
    options.keeps_headers = true;
    options.delivered = note_token;
    open_outlet(bench, &options);
    return 0;
}

/* Of a kind that does not follow from the number in any simple way: each token gets each kind behind each. The key
 * is the number, and tells which it is without a header. */
static struct ese_event event_of(int number)
{
    static const char *const types[] = {ESE_TYPE_CLICK, ESE_TYPE_ORDER, ESE_TYPE_CLICK, "com.example.other"};
    unsigned drawn = (unsigned)number * 2654435761u >> 24;
    struct ese_event event = {.sub_type = "S", .ip = "i", .client_ts = number};
    snprintf(event.type, sizeof event.type, "%s", types[drawn % ESE_COUNT_OF(types)]);
    snprintf(event.key, sizeof event.key, "%d", number);
    event.id = ese_id_make(&(struct ese_id_parts){.run = 1, .sequence = (uint32_t)number});
    if (drawn % 5 == 0)
        snprintf(event.foreign_id, sizeof event.foreign_id, "theirs %d", number);
    if (drawn % 15 == 0)
        snprintf(event.source, sizeof event.source, "shop");
    if (drawn % 7 != 0)
        ese_event_set_traceparent(&event);
    return event;
}

static struct token *free_token(struct bench *bench, struct token tokens[TOKENS])
{
    int64_t limit_ns = ese_clock_monotonic_ns() + PATIENCE_MS * ESE_NS_PER_MS;
    for (;;) {
        for (int i = 0; i < TOKENS; i++) {
            if (!tokens[i].is_under_way)
                return &tokens[i];
        }
        assert_true(ese_clock_monotonic_ns() < limit_ns);
        ese_outlet_poll(bench->outlet, 10);
    }
}

static void has_the_headers_of(const rd_kafka_message_t *message, const struct ese_event *event)
{
    struct ese_buffer value = ESE_BUFFER_INIT(10000);
    struct ese_kafka_headers expected;
    rd_kafka_headers_t *headers;
    ese_record_write(event, &value, &expected);
    assert_int_equal(rd_kafka_message_headers(message, &headers), RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(rd_kafka_header_cnt(headers), expected.count);
    for (int i = 0; i < expected.count; i++) {
        const void *text;
        size_t length;
        assert_int_equal(rd_kafka_header_get_last(headers, expected.headers[i].name, &text, &length),
                         RD_KAFKA_RESP_ERR_NO_ERROR);
        assert_int_equal(length, expected.headers[i].length);
        assert_memory_equal(text, expected.headers[i].value, length);
    }
    ese_buffer_free(&value);
}

static rd_kafka_t *open_reader(const struct bench *bench)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(bench->cluster), NULL, 0);
    rd_kafka_conf_set(conf, "group.id", "reader", NULL, 0);
    rd_kafka_t *reader = rd_kafka_new(RD_KAFKA_CONSUMER, conf, NULL, 0);
    rd_kafka_topic_partition_list_t *all = rd_kafka_topic_partition_list_new(4);
    for (int i = 0; i < ese_partition_events.count; i++)
        rd_kafka_topic_partition_list_add(all, ese_partition_topic(i), 0)->offset = RD_KAFKA_OFFSET_BEGINNING;
    assert_int_equal(rd_kafka_assign(reader, all), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_destroy(all);
    return reader;
}

static void read_back(const struct bench *bench)
{
    bool seen[RECORDS] = {false};
    rd_kafka_t *reader = open_reader(bench);
    for (int count = 0; count < RECORDS;) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(reader, PATIENCE_MS);
        assert_non_null(message);
        if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            char key[ESE_EVENT_KEY_SIZE] = "";
            assert_in_range(message->key_len, 1, sizeof key - 1);
            memcpy(key, message->key, message->key_len);
            int number = (int)strtol(key, NULL, 10);
            assert_in_range(number, 0, RECORDS - 1);
            assert_false(seen[number]);
            seen[number] = true;
            count++;
            struct ese_event event = event_of(number);
            has_the_headers_of(message, &event);
        }
        rd_kafka_message_destroy(message);
    }
    rd_kafka_consumer_close(reader);
    rd_kafka_destroy(reader);
}

static void kept_headers_are_each_records_own(void **state)
{
    struct bench *bench = *state;
    struct token tokens[TOKENS] = {0};
    struct ese_error error;
    int kept = 0, again = 0;
    for (int i = 0; i < RECORDS; i++) {
        struct token *token = free_token(bench, tokens);
        const void *headers = token->kept.headers;
        struct ese_event event = event_of(i);
        token->is_under_way = true;
        if (ese_outlet_put(bench->outlet, &event, token, &error) != 0)
            fail_msg("%s", error.text);
        again += headers != NULL && token->kept.is_lent;
    }
    ese_outlet_flush(bench->outlet, PATIENCE_MS);
    assert_int_equal(bench->reported, RECORDS);
    for (int i = 0; i < TOKENS; i++) {
        assert_false(tokens[i].kept.is_lent);
        kept += tokens[i].kept.headers != NULL;
        ese_outlet_kept_free(&tokens[i].kept);
    }
    assert_in_range(kept, 1, TOKENS);
    assert_in_range(again, RECORDS / 4, RECORDS); /* or nothing was tried here */
    read_back(bench);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_delivered_has_an_offset, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_a_later_success_is_taken_for_is_not_believed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(kept_headers_are_each_records_own, set_up_keeping, tear_down),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests_name("kafka_outlet", tests, NULL, NULL);
}
