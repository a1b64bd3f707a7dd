#include "transports/kafka/outlet.h"

#include "ese-core/memory.h"
#include "transports/kafka/cluster.h"
#include "transports/kafka/connection.h"
#include "transports/kafka/record.h"

struct ese_outlet {
    rd_kafka_t *producer;
    struct ese_cluster cluster; /* as the producer knows it */
    struct ese_outlet_options options;
    bool silent; /* closing: reports go nowhere */
};

/* ---- delivery reports ---------------------------------------------------------------------- */

static int topic_of(const struct ese_outlet *outlet, const rd_kafka_message_t *message)
{
    const struct ese_topic_range *topics = &outlet->cluster.range;
    for (int i = topics->first; i < topics->first + topics->count; i++) {
        if (message->rkt == outlet->cluster.topics[i]) /* mostly, and far sooner known than by name */
            return i;
    }
    for (int i = topics->first; i < topics->first + topics->count; i++) {
        const char *name = rd_kafka_topic_name(outlet->cluster.topics[i]);
        if (strcmp(rd_kafka_topic_name(message->rkt), name) == 0)
            return i;
    }
    return topics->first;
}

/* librdkafka's own error codes are below zero, those a broker answered above. A success that no broker has
 * answered has no offset: librdkafka infers it from that of a later request, which a broker must not take
 * without the one before. But it does where it has nothing of this producer yet, so that a first one that it
 * turned away, as it was about to become the leader, is lost (issue 4134 of librdkafka). */
static enum ese_delivery_result result_of(const rd_kafka_message_t *message)
{
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
        return message->offset >= 0 ? ESE_DELIVERED : ESE_DELIVERY_UNKNOWN;
    if (rd_kafka_message_status(message) != RD_KAFKA_MSG_STATUS_NOT_PERSISTED)
        return ESE_DELIVERY_UNKNOWN;
    return message->err < 0 ? ESE_DELIVERY_NOT_SENT : ESE_DELIVERY_REFUSED;
}

/* The time is the server's only where the topic says LogAppendTime; else librdkafka hands back our
 * own. */
static int64_t append_time(const rd_kafka_message_t *message)
{
    rd_kafka_timestamp_type_t kind = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
    int64_t timestamp_ms = rd_kafka_message_timestamp(message, &kind);
    return kind == RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME ? timestamp_ms : -1;
}

/* The headers, back with the token they were lent from. */
static void take_back(const rd_kafka_message_t *message)
{
    struct ese_outlet_kept *kept = message->_private;
    rd_kafka_headers_t *headers = NULL;
    if (!kept->is_lent)
        return;
    kept->is_lent = false;
    if (rd_kafka_message_detach_headers((rd_kafka_message_t *)message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR)
        kept->headers = headers;
}

static void delivered(rd_kafka_t *producer, const rd_kafka_message_t *message, void *opaque)
{
    (void)producer;
    struct ese_outlet *outlet = opaque;
    if (outlet->silent)
        return;
    if (outlet->options.keeps_headers)
        take_back(message);
    struct ese_delivery_report report = {.token = message->_private,
                                         .topic = rd_kafka_topic_name(message->rkt),
                                         .result = result_of(message),
                                         .partition = -1,
                                         .offset = -1,
                                         .timestamp_ms = -1,
                                         .reason = ""};
    if (report.result == ESE_DELIVERED) {
        report.partition = ese_partition_code(topic_of(outlet, message), message->partition);
        report.offset = message->offset;
        report.timestamp_ms = append_time(message);
    } else {
        report.reason = message->err == RD_KAFKA_RESP_ERR_NO_ERROR ? "no broker has said where it is"
                                                                   : rd_kafka_err2str(message->err);
    }
    outlet->options.delivered(outlet->options.context, &report);
}

/* ---- opening ------------------------------------------------------------------------------- */

static int make_conf(const struct ese_config *config, const struct ese_outlet_options *options,
                     rd_kafka_conf_t **conf, struct ese_error *error)
{
    char timeout[24], most[24];
    snprintf(timeout, sizeof timeout, "%lld", (long long)options->timeout_ms);
    snprintf(most, sizeof most, "%d", options->most_records);
    const struct ese_connection_property quick[] = {
        {"linger.ms", options->linger_ms},
        {"max.in.flight.requests.per.connection", options->requests},
        {"queue.buffering.max.messages", most},
        {"queue.buffering.max.kbytes", "65536"},
        {"retry.backoff.ms", "50"},
        {"partitioner", "murmur2_random"},
        {NULL, NULL},
    };
    const struct ese_connection_property fixed[] = {
        {"acks", "all"},
        {"enable.idempotence", "true"},
        {"message.timeout.ms", timeout},
        {NULL, NULL},
    };
    return ese_connection_conf(config, quick, fixed, conf, error);
}

int ese_outlet_open(const struct ese_config *config, const struct ese_outlet_options *options,
                    struct ese_outlet **outlet, struct ese_error *error)
{
    rd_kafka_conf_t *conf = NULL;
    char reason[256];
    *outlet = NULL;
    if (make_conf(config, options, &conf, error) == -1)
        return -1;
    struct ese_outlet *made = *outlet = ese_alloc(sizeof *made);
    made->options = *options;
    rd_kafka_conf_set_opaque(conf, made);
    rd_kafka_conf_set_dr_msg_cb(conf, delivered);
    if (options->is_watched)
        rd_kafka_conf_set_error_cb(conf, NULL);
    made->producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
    if (made->producer == NULL) {
        rd_kafka_conf_destroy(conf);
        ese_outlet_close(outlet);
        return ese_fail(error, ESE_E_USAGE, "librdkafka: %s", reason);
    }
    if (ese_cluster_open(&made->cluster, made->producer, options->topics,
                         ese_connection_prefix(config), error) == -1) {
        ese_outlet_close(outlet);
        return -1;
    }
    return 0;
}

/* ---- sending ------------------------------------------------------------------------------- */

static void add_headers(rd_kafka_headers_t *headers, const struct ese_kafka_headers *from, int first)
{
    for (int i = first; i < from->count; i++)
        rd_kafka_header_add(headers, from->headers[i].name, -1, from->headers[i].value,
                            (ssize_t)from->headers[i].length);
}

static rd_kafka_headers_t *make_headers(const struct ese_kafka_headers *from)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new((size_t)from->count);
    add_headers(headers, from, 0);
    return headers;
}

void ese_outlet_kept_free(struct ese_outlet_kept *kept)
{
    if (kept->headers != NULL)
        rd_kafka_headers_destroy(kept->headers);
    kept->headers = NULL;
}

/* Whether they are now those of another record of the same kind. */
static bool renew(rd_kafka_headers_t *headers, const struct ese_kafka_headers *from)
{
    int first = from->count - ESE_KAFKA_HEADERS_OWN;
    for (int i = first; i < from->count; i++) {
        if (rd_kafka_header_remove(headers, from->headers[i].name) != RD_KAFKA_RESP_ERR_NO_ERROR)
            return false;
    }
    add_headers(headers, from, first);
    return true;
}

/* Those of the token, renewed, where they are of this kind; else new ones, which are its from now on. */
static rd_kafka_headers_t *lend_headers(struct ese_outlet_kept *kept, int topic, const struct ese_kafka_headers *from)
{
    rd_kafka_headers_t *headers = kept->headers;
    bool fits = headers != NULL && kept->topic == topic && renew(headers, from);
    if (!fits) {
        ese_outlet_kept_free(kept);
        headers = make_headers(from);
        kept->topic = topic;
    }
    kept->headers = NULL;
    kept->is_lent = true;
    return headers;
}

/* They stay ours when nothing was taken. */
static void drop_headers(const struct ese_outlet *outlet, void *token, rd_kafka_headers_t *headers)
{
    struct ese_outlet_kept *kept = token;
    if (outlet->options.keeps_headers && kept->is_lent) {
        kept->is_lent = false;
        kept->headers = headers;
    } else {
        rd_kafka_headers_destroy(headers);
    }
}

static rd_kafka_resp_err_t produce(struct ese_outlet *outlet, int topic, const char *key, void *token,
                                   const struct ese_buffer *value, rd_kafka_headers_t *headers)
{
    return rd_kafka_producev(
        outlet->producer, RD_KAFKA_V_RKT(outlet->cluster.topics[topic]), RD_KAFKA_V_KEY(key, strlen(key)),
        RD_KAFKA_V_VALUE(value->text, value->length), RD_KAFKA_V_HEADERS(headers),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_OPAQUE(token), RD_KAFKA_V_END);
}

int ese_outlet_put(struct ese_outlet *outlet, const struct ese_event *event, void *token,
                   struct ese_error *error)
{
    struct ese_buffer value = ESE_BUFFER_INIT(ESE_KAFKA_VALUE_LIMIT);
    struct ese_kafka_headers texts;
    ese_record_write(event, &value, &texts);
    int topic = ese_partition_topic_within(outlet->cluster.range, event->type);
    bool lends = outlet->options.keeps_headers && texts.is_usual && strcmp(event->type, ese_partition_type(topic)) == 0;
    rd_kafka_headers_t *headers = lends ? lend_headers(token, topic, &texts) : make_headers(&texts);
    rd_kafka_resp_err_t result = value.overflowed ? RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE
                                                  : produce(outlet, topic, event->key, token, &value, headers);
    ese_buffer_free(&value);
    if (result == RD_KAFKA_RESP_ERR_NO_ERROR)
        return 0;
    drop_headers(outlet, token, headers);
    if (result == RD_KAFKA_RESP_ERR__QUEUE_FULL)
        return ese_fail(error, ESE_E_FULL, "librdkafka's queue is full");
    return ese_fail(error, ESE_E_IO, "cannot produce: %s", rd_kafka_err2str(result));
}

void ese_outlet_poll(struct ese_outlet *outlet, int timeout_ms)
{
    rd_kafka_poll(outlet->producer, timeout_ms);
}

void ese_outlet_flush(struct ese_outlet *outlet, int timeout_ms)
{
    if (rd_kafka_flush(outlet->producer, timeout_ms) == RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    rd_kafka_purge(outlet->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_flush(outlet->producer, 10000); /* only collects what the purge reports: no waiting */
}

const struct ese_cluster *ese_outlet_cluster(const struct ese_outlet *outlet)
{
    return &outlet->cluster;
}

void ese_outlet_close(struct ese_outlet **outlet)
{
    if (*outlet == NULL)
        return;
    struct ese_outlet *closing = *outlet;
    closing->silent = true;
    if (closing->producer != NULL)
        ese_outlet_flush(closing, 0);
    ese_cluster_close(&closing->cluster);
    if (closing->producer != NULL)
        rd_kafka_destroy(closing->producer);
    free(closing);
    *outlet = NULL;
}
