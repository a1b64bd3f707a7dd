#include "orchestration/bench/bare/sender.h"

#include <librdkafka/rdkafka.h>
#include <stdlib.h>

#include "ese-core/clock.h"
#include "ese-core/event.h"
#include "ese-core/id.h"
#include "ese-core/memory.h"
#include "orchestration/bench/payload.h"

#define TRACE "00-00000000000070008000000000000001-0000000000000001-01" /* as long as those of ours */
#define FLUSH_MS 60000

struct ese_bare_sender {
    rd_kafka_t *producer;
    rd_kafka_topic_t *topic;
    struct ese_payload payload;
    char event[ESE_PAYLOAD_BYTES + ESE_ID_TEXT_SIZE];
    int64_t sent;
    int64_t inflight, most;
    int64_t acknowledged, failed;
    bool counts;
    struct ese_histogram *latency_us;
};

static void delivered(rd_kafka_t *producer, const rd_kafka_message_t *message, void *opaque)
{
    struct ese_bare_sender *sender = opaque;

    (void)producer;
    sender->inflight--;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
        sender->failed++;
    else if (sender->counts) {
        int64_t sent_ns = (int64_t)(intptr_t)message->_private;
        sender->acknowledged++;
        ese_histogram_record(sender->latency_us, (ese_clock_monotonic_ns() - sent_ns) / 1000);
    }
}

/* ---- opening --------------------------------------------------------------------------------------------------- */

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

int ese_bare_sender_open(const struct ese_config *config, struct ese_bare_sender **sender, struct ese_error *error)
{
    struct ese_bare_sender *opened = *sender = ese_alloc(sizeof *opened);
    rd_kafka_conf_t *conf;
    char reason[200];

    if (make_conf(config, &conf, error) != 0)
        return -1;
    rd_kafka_conf_set_opaque(conf, opened);
    opened->producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
    if (opened->producer == NULL) {
        rd_kafka_conf_destroy(conf);
        return ese_fail(error, ESE_E_USAGE, "librdkafka: %s", reason);
    }
    opened->topic = rd_kafka_topic_new(opened->producer, ese_config_text(config, "topic"), NULL);
    opened->most = ese_config_number(config, "inflight");
    opened->latency_us = ese_histogram_new();
    ese_payload_make_record(&opened->payload, ese_id_draw_run(), 0);
    memcpy(opened->event, opened->payload.text, sizeof opened->event);
    return 0;
}

void ese_bare_sender_close(struct ese_bare_sender **sender)
{
    struct ese_bare_sender *closed = *sender;

    if (closed == NULL)
        return;
    if (closed->topic != NULL)
        rd_kafka_topic_destroy(closed->topic);
    if (closed->producer != NULL)
        rd_kafka_destroy(closed->producer);
    ese_histogram_free(&closed->latency_us);
    free(closed);
    *sender = NULL;
}

void ese_bare_sender_spread(struct ese_bare_sender *sender, int64_t count, int64_t step_ms)
{
    ese_payload_spread(&sender->payload, ese_clock_wall_ms() - count * step_ms, step_ms);
}

/* ---- sending --------------------------------------------------------------------------------------------------- */

bool ese_bare_sender_is_full(const struct ese_bare_sender *sender)
{
    return sender->inflight >= sender->most;
}

void ese_bare_sender_poll(struct ese_bare_sender *sender, int timeout_ms)
{
    rd_kafka_poll(sender->producer, timeout_ms);
}

/* As many as a record of ours has, and as long. */
static rd_kafka_headers_t *make_headers(const char *id)
{
    const char *const headers[][2] = {
        {"ce_specversion", "1.0"}, {"ce_id", id},
        {"ce_source", ESE_EVENT_OUR_SOURCE}, {"ce_type", ESE_TYPE_CLICK},
        {"content-type", "application/json"}, {"traceparent", TRACE},
    };
    rd_kafka_headers_t *made = rd_kafka_headers_new(ESE_COUNT_OF(headers));

    for (size_t i = 0; i < ESE_COUNT_OF(headers); i++)
        rd_kafka_header_add(made, headers[i][0], -1, headers[i][1], -1);
    return made;
}

int ese_bare_sender_send(struct ese_bare_sender *sender, struct ese_error *error)
{
    ese_payload_number(&sender->payload, sender->event, (uint32_t)sender->sent);
    rd_kafka_headers_t *headers = make_headers(ese_payload_id(&sender->payload, sender->event));
    rd_kafka_resp_err_t result = rd_kafka_producev(
        sender->producer, RD_KAFKA_V_RKT(sender->topic),
        RD_KAFKA_V_KEY(ese_payload_key(&sender->payload, sender->event), ESE_PAYLOAD_KEY_LENGTH),
        RD_KAFKA_V_VALUE(sender->event, ESE_PAYLOAD_BYTES), RD_KAFKA_V_HEADERS(headers),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_OPAQUE((void *)(intptr_t)ese_clock_monotonic_ns()), RD_KAFKA_V_END);
    if (result == RD_KAFKA_RESP_ERR_NO_ERROR) {
        sender->inflight++;
        sender->sent++;
        return 0;
    }
    rd_kafka_headers_destroy(headers);
    if (result == RD_KAFKA_RESP_ERR__QUEUE_FULL)
        return 0;
    return ese_fail(error, ESE_E_IO, "librdkafka: %s", rd_kafka_err2str(result));
}

int ese_bare_sender_flush(struct ese_bare_sender *sender, struct ese_error *error)
{
    if (rd_kafka_flush(sender->producer, FLUSH_MS) == RD_KAFKA_RESP_ERR_NO_ERROR)
        return 0;
    return ese_fail(error, ESE_E_TIMEOUT, "%lld events have had no delivery report", (long long)sender->inflight);
}

int64_t ese_bare_sender_sent(const struct ese_bare_sender *sender)
{
    return sender->sent;
}

/* ---- counting -------------------------------------------------------------------------------------------------- */

void ese_bare_sender_count(struct ese_bare_sender *sender, bool counts)
{
    sender->counts = counts;
}

int64_t ese_bare_sender_acknowledged(const struct ese_bare_sender *sender)
{
    return sender->acknowledged;
}

int64_t ese_bare_sender_failed(const struct ese_bare_sender *sender)
{
    return sender->failed;
}

const struct ese_histogram *ese_bare_sender_latency_us(const struct ese_bare_sender *sender)
{
    return sender->latency_us;
}
