#include "orchestration/bench/bare/reader.h"

#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "ese-core/service.h"
#include "orchestration/bench/payload.h"

#define POLL_MS 100
#define ENDS_MS 5000
#define JOINS_NS (30 * ESE_NS_PER_S)
#define PATIENCE_NS (5 * ESE_NS_PER_S)
#define PAUSE_NS (2 * ESE_NS_PER_MS)

struct ese_bare_reader {
    rd_kafka_t *consumer;
    struct ese_payload payload; /* for where an event's number stands */
    pthread_t thread;
    bool runs;
    atomic_bool stops, has_joined;
    _Atomic int64_t begin_ns; /* 0: nothing is expected yet; stored behind the next two */
    int64_t interval_ns, first;
    _Atomic int64_t come; /* behind the histogram's record */
    struct ese_histogram *latency_us;
};

/* ---- the thread ------------------------------------------------------------------------------------------------ */

static void take(struct ese_bare_reader *reader, const rd_kafka_message_t *message)
{
    int64_t came_ns = ese_clock_monotonic_ns(), begin_ns = atomic_load(&reader->begin_ns);

    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR || message->len != ESE_PAYLOAD_BYTES || begin_ns == 0)
        return;
    int64_t number = ese_payload_read_number(&reader->payload, message->payload);
    if (number < reader->first)
        return;
    ese_histogram_record(reader->latency_us, (came_ns - begin_ns - number * reader->interval_ns) / 1000);
    atomic_fetch_add(&reader->come, 1);
}

static void *read_on(void *context)
{
    struct ese_bare_reader *reader = context;

    while (!atomic_load(&reader->stops)) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(reader->consumer, POLL_MS);
        if (message == NULL)
            continue;
        take(reader, message);
        rd_kafka_message_destroy(message);
    }
    return NULL;
}

/* Each partition from where it ends now, which "latest" would only look for when it is first fetched from. */
static void rebalanced(rd_kafka_t *consumer, rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t *partitions,
                       void *opaque)
{
    struct ese_bare_reader *reader = opaque;
    int64_t low, high;

    if (what != RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        rd_kafka_assign(consumer, NULL);
        return;
    }
    bool has_ends = partitions->cnt > 0;
    for (int i = 0; i < partitions->cnt; i++) {
        rd_kafka_topic_partition_t *partition = &partitions->elems[i];
        if (rd_kafka_query_watermark_offsets(consumer, partition->topic, partition->partition, &low, &high, ENDS_MS) ==
            RD_KAFKA_RESP_ERR_NO_ERROR)
            partition->offset = high;
        else
            has_ends = false;
    }
    rd_kafka_assign(consumer, partitions);
    atomic_store(&reader->has_joined, has_ends);
}

/* ---- opening --------------------------------------------------------------------------------------------------- */

/* As transports/kafka has them, where they could matter for how long something takes. */
static int make_conf(const struct ese_config *config, rd_kafka_conf_t **conf, struct ese_error *error)
{
    char reason[200];
    const char *const properties[][2] = {
        {"bootstrap.servers", ese_config_text(config, "bootstrap-servers")},
        {"group.id", ese_config_text(config, "group")},
        {"auto.offset.reset", "latest"},
        {"fetch.wait.max.ms", "100"},
        {"fetch.error.backoff.ms", "50"},
        {"queued.max.messages.kbytes", "16384"},
        {"socket.nagle.disable", "true"},
    };

    *conf = rd_kafka_conf_new();
    for (size_t i = 0; i < ESE_COUNT_OF(properties); i++) {
        if (rd_kafka_conf_set(*conf, properties[i][0], properties[i][1], reason, sizeof reason) != RD_KAFKA_CONF_OK) {
            rd_kafka_conf_destroy(*conf);
            return ese_fail(error, ESE_E_USAGE, "librdkafka: %s", reason);
        }
    }
    rd_kafka_conf_set_rebalance_cb(*conf, rebalanced);
    return 0;
}

static int subscribe(struct ese_bare_reader *reader, const char *topic, struct ese_error *error)
{
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);

    rd_kafka_poll_set_consumer(reader->consumer);
    rd_kafka_topic_partition_list_add(topics, topic, RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t result = rd_kafka_subscribe(reader->consumer, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    return result == RD_KAFKA_RESP_ERR_NO_ERROR ? 0 : ese_fail(error, ESE_E_IO, "librdkafka: %s",
                                                               rd_kafka_err2str(result));
}

static int wait_joined(struct ese_bare_reader *reader, struct ese_error *error)
{
    int64_t until_ns = ese_clock_monotonic_ns() + JOINS_NS;

    while (!atomic_load(&reader->has_joined)) {
        int64_t now_ns = ese_clock_monotonic_ns();
        if (now_ns > until_ns || ese_service_stopping())
            return ese_fail(error, ESE_E_TIMEOUT, "the group has given no partitions");
        ese_clock_sleep_until(now_ns + PAUSE_NS);
    }
    return 0;
}

int ese_bare_reader_open(const struct ese_config *config, struct ese_bare_reader **reader, struct ese_error *error)
{
    struct ese_bare_reader *opened = *reader = ese_alloc(sizeof *opened);
    rd_kafka_conf_t *conf;
    char reason[200];

    opened->latency_us = ese_histogram_new();
    ese_payload_make_record(&opened->payload, 1, 0);
    if (make_conf(config, &conf, error) != 0)
        return -1;
    rd_kafka_conf_set_opaque(conf, opened);
    opened->consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof reason);
    if (opened->consumer == NULL) {
        rd_kafka_conf_destroy(conf);
        return ese_fail(error, ESE_E_USAGE, "librdkafka: %s", reason);
    }
    if (subscribe(opened, ese_config_text(config, "topic"), error) != 0)
        return -1;
    opened->runs = pthread_create(&opened->thread, NULL, read_on, opened) == 0;
    return opened->runs ? wait_joined(opened, error) : ese_fail_errno(error, "no thread to read by");
}

void ese_bare_reader_close(struct ese_bare_reader **reader)
{
    struct ese_bare_reader *closed = *reader;

    if (closed == NULL)
        return;
    atomic_store(&closed->stops, true);
    if (closed->runs)
        pthread_join(closed->thread, NULL);
    if (closed->consumer != NULL) {
        rd_kafka_consumer_close(closed->consumer);
        rd_kafka_destroy(closed->consumer);
    }
    ese_histogram_free(&closed->latency_us);
    free(closed);
    *reader = NULL;
}

/* ---- what is measured ------------------------------------------------------------------------------------------ */

void ese_bare_reader_expect(struct ese_bare_reader *reader, int64_t begin_ns, int64_t interval_ns, int64_t first)
{
    reader->interval_ns = interval_ns;
    reader->first = first;
    atomic_store(&reader->begin_ns, begin_ns);
}

int64_t ese_bare_reader_wait(struct ese_bare_reader *reader, int64_t count)
{
    int64_t come = atomic_load(&reader->come), heard_ns = ese_clock_monotonic_ns();

    while (come < count && !ese_service_stopping()) {
        int64_t now_ns = ese_clock_monotonic_ns(), before = come;
        if (now_ns - heard_ns > PATIENCE_NS)
            break;
        ese_clock_sleep_until(now_ns + PAUSE_NS);
        come = atomic_load(&reader->come);
        heard_ns = come > before ? now_ns : heard_ns;
    }
    return come;
}

const struct ese_histogram *ese_bare_reader_latency_us(const struct ese_bare_reader *reader)
{
    return reader->latency_us;
}
