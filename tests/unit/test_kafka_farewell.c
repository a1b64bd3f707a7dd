#include <errno.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "transports/kafka/farewell.h"

#define TOPIC "events"
#define PATIENCE_MS 20000
#define SOON_MS 1500 /* less than the limit */
#define LATE_MS 6000 /* three times the limit */
#define GIVEN_UP_S 10

/* A member of a group over librdkafka's own imitation of a cluster. */
struct bench {
    rd_kafka_t *brokers; /* whose the imitation is */
    rd_kafka_mock_cluster_t *cluster;
    rd_kafka_t *member;
};

/* ---- what librdkafka answers, and what it does not -------------------------------------------- */

static atomic_bool is_lost; /* from now on no call of rd_kafka_assign comes back, before this or before it is late: */
static sem_t found;
static atomic_int given_back; /* so often was it called without partitions */

rd_kafka_resp_err_t __real_rd_kafka_assign(rd_kafka_t *handle, const rd_kafka_topic_partition_list_t *partitions);
rd_kafka_resp_err_t __wrap_rd_kafka_assign(rd_kafka_t *handle, const rd_kafka_topic_partition_list_t *partitions);

rd_kafka_resp_err_t __wrap_rd_kafka_assign(rd_kafka_t *handle, const rd_kafka_topic_partition_list_t *partitions)
{
    if (partitions == NULL)
        atomic_fetch_add(&given_back, 1);
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until); /* whoever waits for it is to fail, not to stand still */
    until.tv_sec += GIVEN_UP_S;
    while (atomic_load(&is_lost) && (sem_timedwait(&found, &until) == 0 || errno == EINTR))
        continue;
    return __real_rd_kafka_assign(handle, partitions);
}

/* ---- a member --------------------------------------------------------------------------------- */

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char reason[256];
    if (rd_kafka_conf_set(conf, name, value, reason, sizeof reason) != RD_KAFKA_CONF_OK)
        fail_msg("%s", reason);
}

static void on_rebalance(rd_kafka_t *handle, rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t *partitions,
                         void *opaque)
{
    (void)opaque;
    rd_kafka_assign(handle, what == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS ? partitions : NULL);
}

static rd_kafka_t *make_member(const char *brokers)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", brokers);
    set(conf, "group.id", "group");
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    rd_kafka_t *member = rd_kafka_new(RD_KAFKA_CONSUMER, conf, NULL, 0);
    rd_kafka_poll_set_consumer(member);
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, TOPIC, RD_KAFKA_PARTITION_UA);
    assert_int_equal(rd_kafka_subscribe(member, topics), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_destroy(topics);
    return member;
}

static int count_held(rd_kafka_t *member)
{
    rd_kafka_topic_partition_list_t *list = NULL;
    assert_int_equal(rd_kafka_assignment(member, &list), RD_KAFKA_RESP_ERR_NO_ERROR);
    int count = list->cnt;
    rd_kafka_topic_partition_list_destroy(list);
    return count;
}

static void wait_for_partitions(rd_kafka_t *member)
{
    int64_t limit_ns = ese_clock_monotonic_ns() + PATIENCE_MS * ESE_NS_PER_MS;
    while (count_held(member) == 0 && ese_clock_monotonic_ns() < limit_ns) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(member, 10);
        if (message != NULL)
            rd_kafka_message_destroy(message);
    }
    assert_int_equal(count_held(member), 1);
}

static int set_up(void **state)
{
    struct bench *bench = *state = ese_alloc(sizeof *bench);
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "log_level", "0"); /* it warns of having no brokers to talk to */
    bench->brokers = rd_kafka_new(RD_KAFKA_PRODUCER, conf, NULL, 0);
    bench->cluster = rd_kafka_mock_cluster_new(bench->brokers, 1);
    rd_kafka_mock_topic_create(bench->cluster, TOPIC, 1, 1);
    bench->member = make_member(rd_kafka_mock_cluster_bootstraps(bench->cluster));
    wait_for_partitions(bench->member);
    atomic_store(&is_lost, false);
    atomic_store(&given_back, 0);
    return sem_init(&found, 0, 0);
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    sem_destroy(&found);
    rd_kafka_mock_cluster_destroy(bench->cluster);
    rd_kafka_destroy(bench->brokers);
    free(bench);
    return 0;
}

static int64_t say_farewell(struct bench *bench)
{
    int64_t began_ns = ese_clock_monotonic_ns();
    ese_farewell(&bench->member);
    assert_null(bench->member);
    return (ese_clock_monotonic_ns() - began_ns) / ESE_NS_PER_MS;
}

/* ---- tests ------------------------------------------------------------------------------------ */

/* The group is told: it waits for no session's end before it gives the partitions to others. */
static void gives_back_what_it_holds_and_is_gone(void **state)
{
    struct bench *bench = *state;
    assert_true(say_farewell(bench) < SOON_MS);
    assert_int_equal(atomic_load(&given_back), 1);
}

static void comes_to_an_end_where_librdkafka_does_not_answer(void **state)
{
    struct bench *bench = *state;
    rd_kafka_t *left = bench->member;
    atomic_store(&is_lost, true);
    assert_true(say_farewell(bench) < LATE_MS);
    assert_int_equal(atomic_load(&given_back), 1);
    atomic_store(&is_lost, false);
    sem_post(&found);
    rd_kafka_destroy_flags(left, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE); /* as nobody else does */
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(gives_back_what_it_holds_and_is_gone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(comes_to_an_end_where_librdkafka_does_not_answer, set_up, tear_down),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests_name("kafka_farewell", tests, NULL, NULL);
}
