#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "ese-core/memory.h"
#include "tests/support/wait.h"
#include "transports/kafka/connection.h"
#include "transports/kafka/outlet.h"
#include "transports/kafka/partition.h"

#define EVENTS_MOST 8
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

static void open_outlet(struct bench *bench)
{
    const struct ese_outlet_options options = {.topics = ese_partition_events,
                                               .timeout_ms = PATIENCE_MS,
                                               .linger_ms = "0",
                                               .requests = "5",
                                               .most_records = 100,
                                               .delivered = note,
                                               .context = bench};
    struct ese_error error;
    bench->config = ese_config_new();
    ese_config_add(bench->config, "Options", connection);
    ese_config_give(bench->config, "bootstrap-servers", rd_kafka_mock_cluster_bootstraps(bench->cluster));
    ese_config_give(bench->config, "property", "batch.num.messages=1"); /* each a request of its own */
    if (ese_config_settle(bench->config, &error) != 0 ||
        ese_outlet_open(bench->config, &options, &bench->outlet, &error) != 0)
        fail_msg("%s", error.text);
}

static int set_up(void **state)
{
    struct bench *bench = *state = ese_alloc(sizeof *bench);
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "log_level", "0", NULL, 0); /* it warns of having no brokers to talk to */
    bench->handle = rd_kafka_new(RD_KAFKA_PRODUCER, conf, NULL, 0);
    bench->cluster = rd_kafka_mock_cluster_new(bench->handle, 1);
    for (int i = 0; i < ese_partition_events.count; i++)
        rd_kafka_mock_topic_create(bench->cluster, ese_partition_topic(i), 1, 1);
    open_outlet(bench);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_delivered_has_an_offset, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_a_later_success_is_taken_for_is_not_believed, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("kafka_outlet", tests, NULL, NULL);
}
