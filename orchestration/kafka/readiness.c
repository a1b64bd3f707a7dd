#include "orchestration/kafka/readiness.h"

#include "ese-core/clock.h"
#include "orchestration/kafka/kafka_client.h"
#include "orchestration/kafka/topics.h"

static int left_ms(int64_t limit_ns)
{
    int64_t left = (limit_ns - ese_clock_monotonic_ns()) / ESE_NS_PER_MS;
    return left < 1 ? 1 : (int)left;
}

static int ensure_topic(const char *bootstrap_servers, int timeout_ms, struct ese_error *error)
{
    static const struct ese_topics topics = {
        .topics = {{.name = ESE_READINESS_TOPIC,
                    .partitions = 1,
                    .properties = {{"retention.ms", "60000"}},
                    .property_count = 1}},
        .count = 1};
    const struct ese_topics_target target = {.bootstrap_servers = bootstrap_servers,
                                             .timeout_ms = timeout_ms};
    return ese_topics_apply(&topics, &target, error);
}

static int send_one(rd_kafka_t *producer, const char *text, int64_t limit_ns,
                    struct ese_kafka_delivery *sent, struct ese_error *error)
{
    rd_kafka_resp_err_t result = rd_kafka_producev(
        producer, RD_KAFKA_V_TOPIC(ESE_READINESS_TOPIC), RD_KAFKA_V_PARTITION(0),
        RD_KAFKA_V_VALUE((void *)(uintptr_t)text, strlen(text)),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_OPAQUE(sent), RD_KAFKA_V_END);
    if (result != RD_KAFKA_RESP_ERR_NO_ERROR)
        return ese_fail(error, ESE_E_IO, "cannot produce: %s", rd_kafka_err2str(result));
    while (!sent->done && ese_clock_monotonic_ns() < limit_ns)
        rd_kafka_poll(producer, left_ms(limit_ns));
    if (!sent->done)
        return ese_fail(error, ESE_E_TIMEOUT, "the record was not acknowledged in time");
    if (sent->result != RD_KAFKA_RESP_ERR_NO_ERROR)
        return ese_fail(error, ESE_E_TIMEOUT, "cannot produce: %s", rd_kafka_err2str(sent->result));
    return 0;
}

static int produce(const char *bootstrap_servers, const char *text, int64_t limit_ns,
                   int64_t *offset, struct ese_error *error)
{
    char timeout[16];
    snprintf(timeout, sizeof timeout, "%d", left_ms(limit_ns));
    const struct ese_kafka_property properties[] = {
        {"acks", "all"}, {"linger.ms", "0"}, {"message.timeout.ms", timeout}, {NULL, NULL}};
    rd_kafka_t *producer = NULL;
    if (ese_kafka_client_new(RD_KAFKA_PRODUCER, bootstrap_servers, properties, &producer,
                             error) == -1)
        return -1;
    struct ese_kafka_delivery sent = {.done = false};
    int result = send_one(producer, text, limit_ns, &sent, error);
    rd_kafka_purge(producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_flush(producer, 1000); /* `sent` must not be reported to any more */
    rd_kafka_destroy(producer);
    *offset = sent.offset;
    return result;
}

static int read_back(rd_kafka_t *consumer, const char *text, int64_t offset, int64_t limit_ns,
                     struct ese_error *error)
{
    rd_kafka_topic_partition_list_t *place = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(place, ESE_READINESS_TOPIC, 0)->offset = offset;
    rd_kafka_assign(consumer, place);
    rd_kafka_topic_partition_list_destroy(place);
    bool same = false;
    while (!same && ese_clock_monotonic_ns() < limit_ns) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, left_ms(limit_ns));
        same = message != NULL && message->err == RD_KAFKA_RESP_ERR_NO_ERROR &&
               message->offset == offset &&
               message->len == strlen(text) && memcmp(message->payload, text, message->len) == 0;
        if (message != NULL)
            rd_kafka_message_destroy(message);
    }
    rd_kafka_consumer_close(consumer);
    if (!same)
        return ese_fail(error, ESE_E_TIMEOUT, "the record did not come back in time");
    return 0;
}

static int consume(const char *bootstrap_servers, const char *text, int64_t offset,
                   int64_t limit_ns, struct ese_error *error)
{
    /* Assigned by hand, the group is only a name librdkafka asks for. */
    const struct ese_kafka_property properties[] = {
        {"group.id", "ese-readiness"}, {"enable.auto.commit", "false"}, {"fetch.wait.max.ms", "50"},
        {NULL, NULL}};
    rd_kafka_t *consumer = NULL;
    if (ese_kafka_client_new(RD_KAFKA_CONSUMER, bootstrap_servers, properties, &consumer,
                             error) == -1)
        return -1;
    rd_kafka_poll_set_consumer(consumer);
    int result = read_back(consumer, text, offset, limit_ns, error);
    rd_kafka_destroy(consumer);
    return result;
}

int ese_readiness_check(const char *bootstrap_servers, int timeout_ms, struct ese_error *error)
{
    int64_t limit_ns = ese_clock_monotonic_ns() + timeout_ms * ESE_NS_PER_MS;
    int64_t offset = 0;
    char text[64];
    snprintf(text, sizeof text, "ready? %lld", (long long)ese_clock_wall_us());
    if (ensure_topic(bootstrap_servers, timeout_ms, error) == -1 ||
        produce(bootstrap_servers, text, limit_ns, &offset, error) == -1 ||
        consume(bootstrap_servers, text, offset, limit_ns, error) == -1)
        return ese_fail_within(error, "Kafka at %.100s", bootstrap_servers);
    return 0;
}
