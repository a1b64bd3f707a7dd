#include "transports/kafka/reader.h"

#include "ese-core/clock.h"
#include "ese-core/log.h"
#include "ese-core/memory.h"
#include "transports/kafka/connection.h"
#include "transports/kafka/message.h"

#define ANSWER_MS 500 /* for one question to the cluster */
#define PAUSE_MS 50   /* before it is asked again */

struct ese_reader {
    rd_kafka_t *handle;
    struct ese_cluster cluster;
    char prefix[ESE_KAFKA_TOPIC_SIZE];
    struct ese_event event; /* as handed last */
};

/* ---- life ---------------------------------------------------------------------------------- */

static int make_conf(const struct ese_config *config, rd_kafka_conf_t **conf,
                     struct ese_error *error)
{
    static const struct ese_connection_property quick[] = {
        {"fetch.wait.max.ms", "100"},
        {"fetch.error.backoff.ms", "50"},
        {"fetch.max.bytes", "4194304"},
        {"queued.max.messages.kbytes", "4096"},
        {NULL, NULL},
    };
    static const struct ese_connection_property fixed[] = {
        {"group.id", "ese-reader"}, /* which librdkafka wants a name for, and nobody joins */
        {"enable.auto.commit", "false"},
        {"enable.auto.offset.store", "false"},
        {"auto.offset.reset", "error"},
        {"enable.partition.eof", "true"},
        {NULL, NULL},
    };
    return ese_connection_conf(config, quick, fixed, conf, error);
}

/* Takes the conf over. */
static int open_handle(struct ese_reader *reader, rd_kafka_conf_t *conf, struct ese_error *error)
{
    char reason[256];
    rd_kafka_conf_set_error_cb(conf, NULL);
    reader->handle = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof reason);
    if (reader->handle == NULL) {
        rd_kafka_conf_destroy(conf);
        return ese_fail(error, ESE_E_USAGE, "librdkafka: %s", reason);
    }
    rd_kafka_poll_set_consumer(reader->handle);
    return ese_cluster_open(&reader->cluster, reader->handle, ese_partition_events, reader->prefix,
                            error);
}

int ese_reader_open(const struct ese_config *config, struct ese_reader **reader,
                    struct ese_error *error)
{
    rd_kafka_conf_t *conf = NULL;
    const char *prefix = ese_connection_prefix(config);
    *reader = ese_alloc(sizeof **reader);
    if (ese_fit_text((*reader)->prefix, sizeof (*reader)->prefix, prefix) != 0)
        ese_fail(error, ESE_E_USAGE, ESE_CONNECTION_PREFIX_IS_WRONG, prefix);
    else if (make_conf(config, &conf, error) == 0 && open_handle(*reader, conf, error) == 0)
        return 0;
    ese_reader_close(reader);
    return -1;
}

int ese_reader_open_another(const struct ese_reader *reader, struct ese_reader **another,
                            struct ese_error *error)
{
    *another = ese_alloc(sizeof **another);
    memcpy((*another)->prefix, reader->prefix, sizeof reader->prefix);
    if (open_handle(*another, rd_kafka_conf_dup(rd_kafka_conf(reader->handle)), error) == 0)
        return 0;
    ese_reader_close(another);
    return -1;
}

void ese_reader_close(struct ese_reader **reader)
{
    if (*reader == NULL)
        return;
    ese_cluster_close(&(*reader)->cluster);
    if ((*reader)->handle != NULL) {
        rd_kafka_consumer_close((*reader)->handle);
        rd_kafka_destroy((*reader)->handle);
    }
    ese_event_clear(&(*reader)->event);
    free(*reader);
    *reader = NULL;
}

/* ---- asking -------------------------------------------------------------------------------- */

const struct ese_cluster *ese_reader_cluster(const struct ese_reader *reader)
{
    return &reader->cluster;
}

char *ese_reader_origin(const struct ese_reader *reader)
{
    struct ese_buffer origin = ESE_BUFFER_INIT(1024);
    char *cluster = rd_kafka_clusterid(reader->handle, ANSWER_MS);
    if (cluster == NULL)
        return NULL;
    ese_buffer_printf(&origin, "%s/%s", cluster, reader->prefix);
    rd_kafka_mem_free(reader->handle, cluster);
    return ese_buffer_detach(&origin);
}

static const char *topic_name(const struct ese_reader *reader, int topic)
{
    return rd_kafka_topic_name(reader->cluster.topics[topic]);
}

int ese_reader_count(const struct ese_reader *reader, int topic)
{
    return ese_cluster_count_partitions(reader->handle, topic_name(reader, topic), ANSWER_MS);
}

static rd_kafka_topic_partition_list_t *list_of(const struct ese_reader *reader,
                                                const struct ese_kafka_cursor *places)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(places->count);
    for (int i = 0; i < places->count; i++) {
        int32_t code = places->places[i].partition;
        rd_kafka_topic_partition_list_add(list, topic_name(reader, ese_partition_code_topic(code)),
                                          ese_partition_code_partition(code))
            ->offset = places->places[i].next;
    }
    return list;
}

/* Where nothing came for a partition, the time still stands in it: then it must not pass for
 * empty. */
static rd_kafka_resp_err_t told(const rd_kafka_topic_partition_t *partition, int64_t time)
{
    if (partition->err != RD_KAFKA_RESP_ERR_NO_ERROR)
        return partition->err;
    return partition->offset == time ? RD_KAFKA_RESP_ERR__NO_OFFSET : RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t ask_once(const struct ese_reader *reader, int64_t time,
                                    struct ese_kafka_cursor *places)
{
    rd_kafka_topic_partition_list_t *list = list_of(reader, places);
    for (int i = 0; i < list->cnt; i++)
        list->elems[i].offset = time;
    rd_kafka_resp_err_t result = rd_kafka_offsets_for_times(reader->handle, list, ANSWER_MS);
    for (int i = 0; i < list->cnt && result == RD_KAFKA_RESP_ERR_NO_ERROR; i++)
        result = told(&list->elems[i], time);
    for (int i = 0; i < list->cnt && result == RD_KAFKA_RESP_ERR_NO_ERROR; i++)
        places->places[i].next = list->elems[i].offset < 0 ? -1 : list->elems[i].offset;
    rd_kafka_topic_partition_list_destroy(list);
    return result;
}

int ese_reader_ask(const struct ese_reader *reader, int64_t time, struct ese_kafka_cursor *places,
                   const struct ese_view_patience *patience, struct ese_error *error)
{
    char text[256];
    int64_t limit_ns = ese_clock_monotonic_ns() + patience->timeout_ms * ESE_NS_PER_MS;
    while (patience->goes_on(patience->context, text, sizeof text)) {
        rd_kafka_resp_err_t result =
            places->count == 0 ? RD_KAFKA_RESP_ERR_NO_ERROR : ask_once(reader, time, places);
        if (result == RD_KAFKA_RESP_ERR_NO_ERROR)
            return 0;
        ese_log_debug("librdkafka: %s", rd_kafka_err2str(result));
        if (ese_clock_monotonic_ns() >= limit_ns)
            return ese_fail(error, ESE_E_TIMEOUT, "Kafka does not tell the offsets (%s): try again",
                            rd_kafka_err2str(result));
        ese_clock_sleep_until(ese_clock_monotonic_ns() + PAUSE_MS * ESE_NS_PER_MS);
    }
    return ese_fail(error, ESE_E_CLOSED, "%s", text);
}

/* ---- reading ------------------------------------------------------------------------------- */

int ese_reader_take_up(struct ese_reader *reader, const struct ese_kafka_cursor *places,
                       struct ese_error *error)
{
    rd_kafka_topic_partition_list_t *list = list_of(reader, places);
    rd_kafka_resp_err_t result = rd_kafka_assign(reader->handle, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (result == RD_KAFKA_RESP_ERR_NO_ERROR)
        return 0;
    return ese_fail(error, ESE_E_IO, "partitions cannot be taken up: %s",
                    rd_kafka_err2str(result));
}

/* -1: of another topic, or of none. */
static int topic_of(const struct ese_reader *reader, const rd_kafka_message_t *message)
{
    const struct ese_topic_range *topics = &reader->cluster.range;
    for (int i = topics->first; message->rkt != NULL && i < topics->first + topics->count; i++) {
        if (strcmp(rd_kafka_topic_name(message->rkt), topic_name(reader, i)) == 0)
            return i;
    }
    return -1;
}

static enum ese_reader_news meet(struct ese_reader *reader, const rd_kafka_message_t *message,
                                 struct ese_reader_record *record)
{
    struct ese_error why;
    int topic = topic_of(reader, message);
    if (topic == -1)
        return ESE_READER_NOTHING;
    record->partition = ese_partition_code(topic, message->partition);
    record->offset = message->offset;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        record->is_event = ese_message_read(message, topic, &reader->event, &why);
        record->event = &reader->event;
        return ESE_READER_RECORD;
    }
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
        return ESE_READER_END;
    if (message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET)
        return ESE_READER_LOST;
    ese_log_debug("librdkafka: %s", rd_kafka_message_errstr(message)); /* it tries again by itself */
    return ESE_READER_NOTHING;
}

enum ese_reader_news ese_reader_next(struct ese_reader *reader, int timeout_ms,
                                     struct ese_reader_record *record)
{
    rd_kafka_message_t *message = rd_kafka_consumer_poll(reader->handle, timeout_ms);
    if (message == NULL)
        return ESE_READER_NOTHING;
    ese_event_clear(&reader->event);
    *record = (struct ese_reader_record){.is_event = false};
    enum ese_reader_news news = meet(reader, message, record);
    rd_kafka_message_destroy(message);
    return news;
}
