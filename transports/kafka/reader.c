#include "transports/kafka/reader.h"

#include "ese-core/clock.h"
#include "ese-core/log.h"
#include "ese-core/memory.h"
#include "transports/kafka/assignment.h"
#include "transports/kafka/connection.h"
#include "transports/kafka/message.h"

#define ANSWER_MS 500 /* for one question to the cluster */
#define SLICE_MS 50   /* how often it is asked whether it goes on */

struct ese_reader {
    rd_kafka_t *handle;
    struct ese_cluster cluster;
    struct ese_assignment parts;       /* of the reading under way; at_end: read up to its end */
    int64_t ends[ESE_ASSIGNMENT_MOST]; /* of each of them */
    int64_t limit_ns;                  /* when it ends at the latest */
    rd_kafka_resp_err_t met;           /* what last stood in its way */
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

static int open_handle(struct ese_reader *reader, const struct ese_config *config,
                       struct ese_error *error)
{
    rd_kafka_conf_t *conf = NULL;
    char reason[256];
    const char *prefix = ese_connection_prefix(config);
    if (ese_assignment_name_topics(&reader->parts, ese_partition_events, prefix) == -1)
        return ese_fail(error, ESE_E_USAGE, ESE_CONNECTION_PREFIX_IS_WRONG, prefix);
    if (make_conf(config, &conf, error) == -1)
        return -1;
    rd_kafka_conf_set_error_cb(conf, NULL);
    reader->handle = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof reason);
    if (reader->handle == NULL) {
        rd_kafka_conf_destroy(conf);
        return ese_fail(error, ESE_E_USAGE, "librdkafka: %s", reason);
    }
    rd_kafka_poll_set_consumer(reader->handle);
    return ese_cluster_open(&reader->cluster, reader->handle, ese_partition_events, prefix, error);
}

int ese_reader_open(const struct ese_config *config, struct ese_reader **reader,
                    struct ese_error *error)
{
    *reader = ese_alloc(sizeof **reader);
    if (open_handle(*reader, config, error) == 0)
        return 0;
    ese_reader_close(reader);
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
    free(*reader);
    *reader = NULL;
}

const struct ese_cluster *ese_reader_cluster(const struct ese_reader *reader)
{
    return &reader->cluster;
}

/* ---- from where to where ------------------------------------------------------------------- */

/* Before each question to the cluster, and now and then while records come. */
static int go_on(const struct ese_reader *reader, const struct ese_reading *reading,
                 struct ese_error *error)
{
    char text[256];
    if (!reading->goes_on(reading->context, text, sizeof text))
        return ese_fail(error, ESE_E_CLOSED, "%s", text);
    if (ese_clock_monotonic_ns() < reader->limit_ns)
        return 0;
    bool met = reader->met != RD_KAFKA_RESP_ERR_NO_ERROR;
    return ese_fail(error, ESE_E_TIMEOUT,
                    "the topics could not be read within %d ms%s%s: try again, or give a shorter "
                    "--retention", reading->timeout_ms, met ? ", at last for " : "",
                    met ? rd_kafka_err2str(reader->met) : "");
}

static void pause_a_moment(void)
{
    ese_clock_sleep_until(ese_clock_monotonic_ns() + SLICE_MS * ESE_NS_PER_MS);
}

/* -1: it is not told. */
static int count_partitions(struct ese_reader *reader, const struct ese_reading *reading,
                            const char *topic, struct ese_error *error)
{
    while (go_on(reader, reading, error) == 0) {
        int count = ese_cluster_count_partitions(reader->handle, topic, ANSWER_MS);
        if (count > 0)
            return count;
        pause_a_moment();
    }
    return -1;
}

static int find_partitions(struct ese_reader *reader, const struct ese_reading *reading,
                           struct ese_error *error)
{
    reader->parts.count = 0;
    for (int i = 0; i < ESE_KAFKA_TOPICS; i++) {
        int count = count_partitions(reader, reading, reader->parts.names[i], error);
        if (count == -1)
            return -1;
        if (reader->parts.count + count > ESE_ASSIGNMENT_MOST)
            return ese_fail(error, ESE_E_FULL,
                            "the topics have more than %d partitions: read them with ese-consumer "
                            "or any Kafka client", ESE_ASSIGNMENT_MOST);
        for (int32_t partition = 0; partition < count; partition++)
            ese_assignment_add(&reader->parts, ese_partition_code(i, partition), 0);
    }
    return 0;
}

/* Where nothing came for a partition, the time still stands in it: then it must not pass for
 * empty. */
static rd_kafka_resp_err_t told(const rd_kafka_topic_partition_t *partition, int64_t time)
{
    if (partition->err != RD_KAFKA_RESP_ERR_NO_ERROR)
        return partition->err;
    return partition->offset == time ? RD_KAFKA_RESP_ERR__NO_OFFSET : RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* NULL, and reader->met: it is not told just now. */
static rd_kafka_topic_partition_list_t *ask_once(struct ese_reader *reader, int64_t time)
{
    rd_kafka_topic_partition_list_t *list = ese_assignment_list(&reader->parts);
    for (int i = 0; i < list->cnt; i++)
        list->elems[i].offset = time;
    rd_kafka_resp_err_t result = rd_kafka_offsets_for_times(reader->handle, list, ANSWER_MS);
    for (int i = 0; i < list->cnt && result == RD_KAFKA_RESP_ERR_NO_ERROR; i++)
        result = told(&list->elems[i], time);
    if (result == RD_KAFKA_RESP_ERR_NO_ERROR)
        return list;
    reader->met = result;
    rd_kafka_topic_partition_list_destroy(list);
    return NULL;
}

/* The offset of the first record of that time or later, in each partition; RD_KAFKA_OFFSET_END as
 * the time asks for the end, and as the answer says that there is none. Tries again, as a partition
 * may be changing its leader. NULL: they are not told. */
static rd_kafka_topic_partition_list_t *ask_offsets(struct ese_reader *reader,
                                                    const struct ese_reading *reading,
                                                    int64_t time, struct ese_error *error)
{
    while (go_on(reader, reading, error) == 0) {
        rd_kafka_topic_partition_list_t *list = ask_once(reader, time);
        if (list != NULL)
            return list;
        ese_log_debug("librdkafka: %s", rd_kafka_err2str(reader->met));
        pause_a_moment();
    }
    return NULL;
}

/* The ends come first: what is appended meanwhile is not of this reading. */
static int find_bounds(struct ese_reader *reader, const struct ese_reading *reading,
                       struct ese_error *error)
{
    rd_kafka_topic_partition_list_t *list =
        ask_offsets(reader, reading, RD_KAFKA_OFFSET_END, error);
    if (list == NULL)
        return -1;
    for (int i = 0; i < list->cnt; i++)
        reader->ends[i] = list->elems[i].offset;
    rd_kafka_topic_partition_list_destroy(list);
    list = ask_offsets(reader, reading, reading->since_ms, error);
    if (list == NULL)
        return -1;
    for (int i = 0; i < list->cnt; i++) {
        int64_t start = list->elems[i].offset;
        reader->parts.held[i].next = start < 0 ? reader->ends[i] : start;
        reader->parts.held[i].at_end = reader->parts.held[i].next >= reader->ends[i];
    }
    rd_kafka_topic_partition_list_destroy(list);
    return 0;
}

static int check_count(const struct ese_reader *reader, const struct ese_reading *reading,
                       struct ese_error *error)
{
    int64_t count = 0;
    for (int i = 0; i < reader->parts.count; i++) {
        if (!reader->parts.held[i].at_end)
            count += reader->ends[i] - reader->parts.held[i].next;
    }
    if (count <= reading->most)
        return 0;
    return ese_fail(error, ESE_E_FULL,
                    "the topics hold %lld events that are not older than --retention, and a list "
                    "has at most %lld: raise --list-events, shorten --retention, or read the "
                    "topics with ese-consumer or any Kafka client", (long long)count,
                    (long long)reading->most);
}

/* ---- the records --------------------------------------------------------------------------- */

/* By the record's own time, too: topics that do not tell the broker's are in no order of it. */
static int take(struct ese_reading *reading, const rd_kafka_message_t *message, int32_t code,
                struct ese_snapshot *snapshot, struct ese_error *error)
{
    struct ese_event event = {.data = NULL};
    int result = 0;
    if (!ese_message_read(message, ese_partition_code_topic(code), &event))
        reading->unreadable++;
    else if (event.server_ts >= reading->since_ms)
        result = ese_snapshot_add(snapshot, &event, code, error);
    ese_event_clear(&event);
    return result;
}

static int meet(struct ese_reader *reader, struct ese_reading *reading,
                const rd_kafka_message_t *message, struct ese_snapshot *snapshot,
                struct ese_error *error)
{
    struct ese_held *held = NULL;
    if (message->rkt != NULL)
        held = ese_assignment_find(&reader->parts,
                                   ese_assignment_code(&reader->parts,
                                                       rd_kafka_topic_name(message->rkt),
                                                       message->partition));
    if (held == NULL || held->at_end)
        return 0;
    if (message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET)
        return ese_fail(error, ESE_E_IO,
                        "the oldest records of %s-%d left while they were to be read: try again",
                        rd_kafka_topic_name(message->rkt), (int)message->partition);
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        held->at_end = true; /* behind the last record there may be what is none */
        return 0;
    }
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        reader->met = message->err; /* it tries again by itself */
        ese_log_debug("librdkafka: %s", rd_kafka_message_errstr(message));
        return 0;
    }
    int64_t end = reader->ends[held - reader->parts.held];
    held->at_end = message->offset + 1 >= end;
    return message->offset < end ? take(reading, message, held->code, snapshot, error) : 0;
}

static int read_records(struct ese_reader *reader, struct ese_reading *reading,
                        struct ese_snapshot *snapshot, struct ese_error *error)
{
    int64_t look_ns = 0;
    while (!ese_assignment_all_at_end(&reader->parts)) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(reader->handle, SLICE_MS);
        int64_t now_ns = ese_clock_monotonic_ns();
        int result = 0;
        if (now_ns >= look_ns) {
            result = go_on(reader, reading, error);
            look_ns = now_ns + SLICE_MS * ESE_NS_PER_MS;
        }
        if (message != NULL && result == 0)
            result = meet(reader, reading, message, snapshot, error);
        if (message != NULL)
            rd_kafka_message_destroy(message);
        if (result == -1)
            return -1;
    }
    return 0;
}

static int take_up(struct ese_reader *reader, struct ese_error *error)
{
    rd_kafka_topic_partition_list_t *list = ese_assignment_list(&reader->parts);
    for (int i = list->cnt - 1; i >= 0; i--) {
        if (reader->parts.held[i].at_end)
            rd_kafka_topic_partition_list_del_by_idx(list, i);
    }
    rd_kafka_resp_err_t result = rd_kafka_assign(reader->handle, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (result == RD_KAFKA_RESP_ERR_NO_ERROR)
        return 0;
    return ese_fail(error, ESE_E_IO, "partitions cannot be taken up: %s",
                    rd_kafka_err2str(result));
}

int ese_reader_read(struct ese_reader *reader, struct ese_reading *reading,
                    struct ese_snapshot *snapshot, struct ese_error *error)
{
    reader->limit_ns = ese_clock_monotonic_ns() + reading->timeout_ms * ESE_NS_PER_MS;
    reader->met = RD_KAFKA_RESP_ERR_NO_ERROR;
    reading->unreadable = 0;
    if (find_partitions(reader, reading, error) == -1 ||
        find_bounds(reader, reading, error) == -1 || check_count(reader, reading, error) == -1)
        return -1;
    if (ese_assignment_all_at_end(&reader->parts))
        return 0;
    int result = take_up(reader, error);
    if (result == 0)
        result = read_records(reader, reading, snapshot, error);
    rd_kafka_assign(reader->handle, NULL);
    if (result == 0)
        ese_snapshot_sort(snapshot);
    return result;
}
