/*
 * ese-bare: a producer of librdkafka's and nothing else, to measure ours against. It sends the bench's events as fast
 * as so many may be in flight, with the settings our own producer has, and says how many were acknowledged meanwhile.
 */
#include <jansson.h>
#include <librdkafka/rdkafka.h>
#include <time.h>

#include "ese-core/clock.h"
#include "ese-core/histogram.h"
#include "ese-core/id.h"
#include "ese-core/memory.h"
#include "ese-core/service.h"
#include "orchestration/bench/payload.h"

#define TYPE "CLICK_STREAM_EVENT"
#define TRACE "00-00000000000070008000000000000001-0000000000000001-01" /* as long as those of ours */
#define FLUSH_MS 30000
#define LOOK_EVERY 64 /* events, before anybody looks for reports */

static const struct ese_option options[] = {
    {.name = "bootstrap-servers", .kind = ESE_OPTION_TEXT, .value = "HOST:PORT",
     .help = "The brokers."},
    {.name = "topic", .kind = ESE_OPTION_TEXT, .value = "NAME", .help = "Where the events go."},
    {.name = "inflight", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "65536", .min = 1, .max = 1000000,
     .help = "Events without a delivery report at most."},
    {.name = "linger-ms", .kind = ESE_OPTION_NUMBER, .value = "MS", .fallback = "5", .min = 0, .max = 1000,
     .help = "How long a batch may wait to be filled."},
    {.name = "warm-up-ms", .kind = ESE_OPTION_NUMBER, .value = "MS", .fallback = "1000", .min = 0, .max = 600000,
     .help = "Time before anything is counted."},
    {.name = "measure-ms", .kind = ESE_OPTION_NUMBER, .value = "MS", .fallback = "4000", .min = 1, .max = 600000,
     .help = "Time that is counted."},
    ESE_OPTION_END,
};

struct bare {
    rd_kafka_t *producer;
    rd_kafka_topic_t *topic;
    struct ese_payload payload;
    char event[ESE_PAYLOAD_BYTES + 1];
    uint32_t next;
    int64_t inflight, most;
    int64_t acknowledged, failed; /* acknowledged: while it was measured */
    bool measuring;
    struct ese_histogram *latency_us;
};

static void delivered(rd_kafka_t *producer, const rd_kafka_message_t *message, void *opaque)
{
    struct bare *bare = opaque;

    (void)producer;
    bare->inflight--;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
        bare->failed++;
    else if (bare->measuring) {
        int64_t sent_ns = (int64_t)(intptr_t)message->_private;
        bare->acknowledged++;
        ese_histogram_record(bare->latency_us, (ese_clock_monotonic_ns() - sent_ns) / 1000);
    }
}

/* As transports/kafka has them. */
static int make_conf(const struct ese_config *config, rd_kafka_conf_t **conf, struct ese_error *error)
{
    char inflight[24], reason[200];
    snprintf(inflight, sizeof inflight, "%lld", (long long)ese_config_number(config, "inflight"));
    const char *const properties[][2] = {
        {"bootstrap.servers", ese_config_text(config, "bootstrap-servers")},
        {"linger.ms", ese_config_text(config, "linger-ms")},
        {"queue.buffering.max.messages", inflight},
        {"queue.buffering.max.kbytes", "65536"},
        {"retry.backoff.ms", "50"},
        {"partitioner", "murmur2_random"},
        {"acks", "all"},
        {"enable.idempotence", "true"},
    };

    *conf = rd_kafka_conf_new();
    for (size_t i = 0; i < ESE_COUNT_OF(properties); i++) {
        if (rd_kafka_conf_set(*conf, properties[i][0], properties[i][1], reason, sizeof reason) != RD_KAFKA_CONF_OK) {
            rd_kafka_conf_destroy(*conf);
            return ese_fail(error, ESE_E_USAGE, "librdkafka: %s", reason);
        }
    }
    rd_kafka_conf_set_dr_msg_cb(*conf, delivered);
    return 0;
}

static int open_producer(const struct ese_config *config, struct bare *bare, struct ese_error *error)
{
    rd_kafka_conf_t *conf;
    char reason[200];

    if (ese_config_text(config, "bootstrap-servers") == NULL || ese_config_text(config, "topic") == NULL)
        return ese_fail(error, ESE_E_USAGE, "give --bootstrap-servers and --topic");
    if (make_conf(config, &conf, error) != 0)
        return -1;
    rd_kafka_conf_set_opaque(conf, bare);
    bare->producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
    if (bare->producer == NULL) {
        rd_kafka_conf_destroy(conf);
        return ese_fail(error, ESE_E_USAGE, "librdkafka: %s", reason);
    }
    bare->topic = rd_kafka_topic_new(bare->producer, ese_config_text(config, "topic"), NULL);
    bare->most = ese_config_number(config, "inflight");
    bare->latency_us = ese_histogram_new();
    ese_payload_make(&bare->payload, ese_id_draw_run(), 0);
    memcpy(bare->event, bare->payload.text, sizeof bare->event);
    return 0;
}

static void close_producer(struct bare *bare)
{
    if (bare->topic != NULL)
        rd_kafka_topic_destroy(bare->topic);
    if (bare->producer != NULL)
        rd_kafka_destroy(bare->producer);
    ese_histogram_free(&bare->latency_us);
}

static rd_kafka_resp_err_t send_event(struct bare *bare)
{
    ese_payload_number(&bare->payload, bare->event, bare->next++);
    rd_kafka_headers_t *headers = rd_kafka_headers_new(3);
    rd_kafka_header_add(headers, "ce_id", -1, ese_payload_id(&bare->payload, bare->event), ESE_ID_TEXT_SIZE - 1);
    rd_kafka_header_add(headers, "ce_type", -1, TYPE, sizeof TYPE - 1);
    rd_kafka_header_add(headers, "traceparent", -1, TRACE, sizeof TRACE - 1);
    rd_kafka_resp_err_t result = rd_kafka_producev(
        bare->producer, RD_KAFKA_V_RKT(bare->topic),
        RD_KAFKA_V_KEY(ese_payload_key(&bare->payload, bare->event), ESE_PAYLOAD_KEY_LENGTH),
        RD_KAFKA_V_VALUE(bare->event, ESE_PAYLOAD_BYTES), RD_KAFKA_V_HEADERS(headers),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_OPAQUE((void *)(intptr_t)ese_clock_monotonic_ns()), RD_KAFKA_V_END);
    if (result == RD_KAFKA_RESP_ERR_NO_ERROR)
        bare->inflight++;
    else
        rd_kafka_headers_destroy(headers);
    return result;
}

static int send_until(struct bare *bare, int64_t until_ns, struct ese_error *error)
{
    for (int64_t i = 0; ese_clock_monotonic_ns() < until_ns && !ese_service_stopping(); i++) {
        if (bare->inflight >= bare->most || i % LOOK_EVERY == 0)
            rd_kafka_poll(bare->producer, bare->inflight >= bare->most ? 10 : 0);
        if (bare->inflight >= bare->most)
            continue;
        rd_kafka_resp_err_t result = send_event(bare);
        if (result != RD_KAFKA_RESP_ERR_NO_ERROR && result != RD_KAFKA_RESP_ERR__QUEUE_FULL)
            return ese_fail(error, ESE_E_IO, "librdkafka: %s", rd_kafka_err2str(result));
    }
    return 0;
}

static int64_t process_cpu_ns(void)
{
    struct timespec used;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (int64_t)used.tv_sec * ESE_NS_PER_S + used.tv_nsec;
}

static int measure(const struct ese_config *config, struct bare *bare, struct ese_error *error)
{
    int64_t warm_up_ns = ese_config_number(config, "warm-up-ms") * ESE_NS_PER_MS;
    int64_t measure_ns = ese_config_number(config, "measure-ms") * ESE_NS_PER_MS;

    if (send_until(bare, ese_clock_monotonic_ns() + warm_up_ns, error) != 0)
        return -1;
    int64_t begin_ns = ese_clock_monotonic_ns(), cpu_ns = process_cpu_ns();
    bare->measuring = true;
    if (send_until(bare, begin_ns + measure_ns, error) != 0)
        return -1;
    bare->measuring = false;
    double seconds = (double)(ese_clock_monotonic_ns() - begin_ns) / 1e9;
    cpu_ns = process_cpu_ns() - cpu_ns;
    if (rd_kafka_flush(bare->producer, FLUSH_MS) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return ese_fail(error, ESE_E_TIMEOUT, "%lld events have had no delivery report", (long long)bare->inflight);
    json_t *report = json_pack(
        "{s:I,s:I,s:f,s:I,s:I,s:I}", "acknowledged", (json_int_t)bare->acknowledged, "failed", (json_int_t)bare->failed,
        "seconds", seconds, "cpu_us", (json_int_t)(cpu_ns / 1000),
        "p50_us", (json_int_t)ese_histogram_percentile(bare->latency_us, 50),
        "p99_us", (json_int_t)ese_histogram_percentile(bare->latency_us, 99));
    json_dumpf(report, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9));
    putchar('\n');
    json_decref(report);
    return 0;
}

static int run(const struct ese_config *config, struct ese_error *error)
{
    struct bare bare = {.producer = NULL};
    int status = open_producer(config, &bare, error);

    if (status == 0)
        status = measure(config, &bare, error);
    close_producer(&bare);
    return status;
}

static const struct ese_service service = {
    .manual =
        {
            .name = "ese-bare",
            .summary = "a producer of librdkafka's and nothing else, to measure ours against",
            .synopsis = "",
            .description = "Sends events of 205 bytes to a topic, acks=all and idempotent, as fast as so many may be "
                           "in flight, and prints as one JSON object how many were acknowledged in the time that is "
                           "counted.",
            .examples = NULL,
        },
    .options = options,
    .is_command = true,
    .choose = NULL,
    .run = run,
};

int main(int argc, char **argv)
{
    return ese_service_main(&service, argc, argv);
}
