/*
 * consume.c - the consumer's side: a member of a group, or a reader of everything without one.
 *
 * Reading starts exactly where the listener says, never at the group's committed offset, which is
 * kept for the tools that show lag. Partitions come and go in rebalances, which happen inside
 * next.
 */
#include "ese-core/clock.h"
#include "ese-core/log.h"
#include "ese-core/memory.h"
#include "transports/kafka/assignment.h"
#include "transports/kafka/cluster.h"
#include "transports/kafka/connection.h"
#include "transports/kafka/ends.h"
#include "transports/kafka/farewell.h"
#include "transports/kafka/hearing.h"
#include "transports/kafka/kafka.h"
#include "transports/kafka/message.h"
#include "transports/kafka/partition.h"
#include "transports/unreadable.h"

#define COMMIT_EVERY_MS 100
#define ASK_END_IDLE_MS 100 /* how often we ask whether this is the end: with nothing in hand, */
#define ASK_END_BUSY_MS 500 /* and with records */
#define ROUSE_MS 20         /* a tenth of the time in which we could read all that is queued */
#define ASK_START_MS 2000

struct ese_consumer {
    rd_kafka_t *handle;
    struct ese_consume_settings settings;
    bool grouped;
    bool opened;  /* subscribed */
    bool lacks_topics; /* and said so */
    struct ese_assignment assignment;
    struct ese_hearing hearing;
    struct ese_ends *ends;
    rd_kafka_topic_partition_list_t *ends_known; /* and not come to yet; as of then: */
    int64_t ends_ns;
    struct ese_record *records; /* settings.max_batch */
    int count;
    struct ese_batch passed_over; /* of it, what is no event; */
    struct ese_unreadable spoilt[ESE_UNREADABLE_MOST];
    char *bytes[ESE_UNREADABLE_MOST]; /* theirs */
    int64_t commit_due_ns;
    int64_t ask_end_due_ns;
    int64_t rouse_due_ns;
};

static const struct ese_option options[] = {
    ESE_CONNECTION_OPTIONS,
    ESE_PARTITION_TOPIC_OPTION,
    ESE_OPTION_END,
};

static int64_t offset_of(int64_t position)
{
    if (position == ESE_OFFSET_EARLIEST)
        return RD_KAFKA_OFFSET_BEGINNING;
    return position == ESE_OFFSET_LATEST ? RD_KAFKA_OFFSET_END : position;
}

/* ---- partitions come and go ---------------------------------------------------------------- */

static void give(struct ese_consumer *consumer, const char *topic, int32_t partition)
{
    const struct ese_consume_listener *listener = &consumer->settings.listener;
    int32_t code = ese_assignment_code(&consumer->assignment, topic, partition);
    if (code == -1 || consumer->assignment.count == ESE_ASSIGNMENT_MOST) {
        ese_log_error("partition %s-%d is passed over", topic, (int)partition);
        return;
    }
    int64_t position = listener->given(listener->context, code);
    ese_assignment_add(&consumer->assignment, code, offset_of(position));
}

static void apply_assignment(struct ese_consumer *consumer)
{
    rd_kafka_topic_partition_list_t *list = ese_assignment_list(&consumer->assignment);
    rd_kafka_resp_err_t result = rd_kafka_assign(consumer->handle, list);
    if (result != RD_KAFKA_RESP_ERR_NO_ERROR)
        ese_log_warning("partitions cannot be taken up: %s", rd_kafka_err2str(result));
    rd_kafka_topic_partition_list_destroy(list);
}

static void commit_processed(struct ese_consumer *consumer)
{
    rd_kafka_topic_partition_list_t *list = ese_assignment_processed(&consumer->assignment);
    if (list == NULL)
        return;
    rd_kafka_commit(consumer->handle, list, 1);
    rd_kafka_topic_partition_list_destroy(list);
}

static void drop_records(struct ese_consumer *consumer)
{
    for (int i = 0; i < consumer->count; i++)
        ese_event_clear(&consumer->records[i].event);
    for (int i = 0; i < consumer->passed_over.unreadable; i++)
        free(consumer->bytes[i]);
    consumer->count = consumer->passed_over.unreadable = 0;
}

/* What was read of a partition since the last batch is not handed any more: whoever gets it reads
 * it. */
static void take_all(struct ese_consumer *consumer)
{
    const struct ese_consume_listener *listener = &consumer->settings.listener;
    commit_processed(consumer);
    drop_records(consumer);
    for (int i = 0; i < consumer->assignment.count; i++)
        listener->taken(listener->context, consumer->assignment.held[i].code);
    consumer->assignment.count = 0;
}

static void rebalanced(rd_kafka_t *handle, rd_kafka_resp_err_t what,
                       rd_kafka_topic_partition_list_t *partitions, void *opaque)
{
    struct ese_consumer *consumer = opaque;
    take_all(consumer); /* nothing is held when partitions are given; lost ones are told as taken */
    if (what != RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        rd_kafka_assign(handle, NULL);
        return;
    }
    consumer->lacks_topics = false;
    for (int i = 0; i < partitions->cnt; i++)
        give(consumer, partitions->elems[i].topic, partitions->elems[i].partition);
    apply_assignment(consumer);
}

static int left_ms(int64_t limit_ns)
{
    int64_t left = (limit_ns - ese_clock_monotonic_ns()) / ESE_NS_PER_MS;
    return left < 0 ? 0 : (int)left;
}

/* Without a group: all partitions there are, once the cluster tells. */
static void take_up_everything(struct ese_consumer *consumer, int64_t limit_ns)
{
    const struct ese_assignment *assignment = &consumer->assignment;
    int first = assignment->topics.first, end = first + assignment->topics.count;
    int counts[ESE_KAFKA_TOPICS_ALL] = {0};
    for (int i = first; i < end; i++) {
        counts[i] = ese_cluster_count_partitions(consumer->handle, assignment->names[i],
                                                 left_ms(limit_ns));
        if (counts[i] == 0)
            return;
    }
    for (int i = first; i < end; i++) {
        for (int partition = 0; partition < counts[i]; partition++)
            give(consumer, assignment->names[i], partition);
    }
    apply_assignment(consumer);
    consumer->opened = true;
}

/* ---- opening ------------------------------------------------------------------------------- */

/* The broker wakes a waiting fetch as soon as there is something, so waiting costs no latency; it
 * is short so that a newly assigned partition does not wait for a fetch under way. */
static int make_conf(const struct ese_config *config, const struct ese_consume_settings *settings,
                     rd_kafka_conf_t **conf, struct ese_error *error)
{
    char instance[256];
    bool is_static = settings->group != NULL && settings->member != NULL;
    snprintf(instance, sizeof instance, "%s-%s", is_static ? settings->group : "",
             is_static ? settings->member : "");
    const struct ese_connection_property quick[] = {
        {"session.timeout.ms", "6000"},
        {"heartbeat.interval.ms", "500"},
        {"fetch.wait.max.ms", "100"},
        {"fetch.error.backoff.ms", "50"},
        {"queued.max.messages.kbytes", "16384"},
        {"topic.metadata.refresh.interval.ms", "5000"},
        /* over both topics of events: six members have work */
        {"partition.assignment.strategy", "roundrobin"},
        {NULL, NULL},
    };
    const struct ese_connection_property fixed[] = {
        {"group.id", settings->group == NULL ? "ese-reader" : settings->group},
        {"enable.auto.commit", "false"},
        {"enable.auto.offset.store", "false"},
        {"auto.offset.reset", "error"},
        {"enable.partition.eof", "true"},
        {is_static ? "group.instance.id" : NULL, instance},
        {NULL, NULL},
    };
    return ese_connection_conf(config, quick, fixed, conf, error);
}

static int subscribe(struct ese_consumer *consumer, struct ese_error *error)
{
    const struct ese_topic_range *range = &consumer->assignment.topics;
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(range->count);
    for (int i = 0; i < range->count; i++)
        rd_kafka_topic_partition_list_add(topics, consumer->assignment.names[range->first + i],
                                          RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t result = rd_kafka_subscribe(consumer->handle, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    if (result != RD_KAFKA_RESP_ERR_NO_ERROR)
        return ese_fail(error, ESE_E_IO, "cannot subscribe: %s", rd_kafka_err2str(result));
    consumer->opened = true;
    return 0;
}

static void forget_ends(struct ese_consumer *consumer)
{
    if (consumer->ends_known != NULL)
        rd_kafka_topic_partition_list_destroy(consumer->ends_known);
    consumer->ends_known = NULL;
}

static void close_consumer(struct ese_consumer **consumer)
{
    if (*consumer == NULL)
        return;
    struct ese_consumer *closing = *consumer;
    if (closing->handle != NULL) {
        take_all(closing);
        ese_ends_close(&closing->ends);
        forget_ends(closing);
        ese_farewell(&closing->handle);
    }
    drop_records(closing);
    free(closing->records);
    free(closing);
    *consumer = NULL;
}

static int open_handle(struct ese_consumer *consumer, const struct ese_config *config,
                       struct ese_error *error)
{
    rd_kafka_conf_t *conf = NULL;
    char reason[256];
    const char *prefix = ese_connection_prefix(config);
    struct ese_topic_range topics = ese_partition_range(ese_config_text(config, ESE_TOPIC_OPTION));
    if (ese_assignment_name_topics(&consumer->assignment, topics, prefix) == -1)
        return ese_fail(error, ESE_E_USAGE, ESE_CONNECTION_PREFIX_IS_WRONG, prefix);
    if (make_conf(config, &consumer->settings, &conf, error) == -1)
        return -1;
    rd_kafka_conf_set_opaque(conf, consumer);
    if (consumer->grouped)
        rd_kafka_conf_set_rebalance_cb(conf, rebalanced);
    consumer->handle = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof reason);
    if (consumer->handle == NULL) {
        rd_kafka_conf_destroy(conf);
        return ese_fail(error, ESE_E_USAGE, "librdkafka: %s", reason);
    }
    rd_kafka_poll_set_consumer(consumer->handle);
    ese_hearing_note(&consumer->hearing); /* it has a moment to connect */
    if (ese_ends_open(consumer->handle, &consumer->ends, error) == -1)
        return -1;
    return consumer->grouped ? subscribe(consumer, error) : 0;
}

static int open_consumer(const struct ese_config *config,
                         const struct ese_consume_settings *settings,
                         struct ese_consumer **consumer, struct ese_error *error)
{
    struct ese_consumer *made = *consumer = ese_alloc(sizeof *made);
    made->settings = *settings;
    made->grouped = settings->group != NULL;
    made->records = ese_alloc_array((size_t)settings->max_batch, sizeof *made->records);
    if (open_handle(made, config, error) == -1) {
        close_consumer(consumer);
        return -1;
    }
    return 0;
}

/* ---- reading ------------------------------------------------------------------------------- */

static void pass_over(struct ese_consumer *consumer, const rd_kafka_message_t *message,
                      const struct ese_record *place, const char *reason)
{
    int number = consumer->passed_over.unreadable;
    const char *bytes = message->payload != NULL ? message->payload : "";
    struct ese_unreadable *added = ese_unreadable_add(
        &consumer->passed_over, consumer->spoilt, place, bytes, (int64_t)message->len, reason);
    added->type = ese_partition_type(ese_partition_code_topic(place->partition));
    added->bytes = consumer->bytes[number] = ese_copy_bytes(bytes, added->length);
}

static void read_record(struct ese_consumer *consumer, const rd_kafka_message_t *message,
                        struct ese_held *held)
{
    struct ese_record *record = &consumer->records[consumer->count];
    struct ese_error why;
    held->next = message->offset + 1;
    held->at_end = false;
    record->partition = held->code;
    record->offset = message->offset;
    record->next = held->next;
    if (ese_message_read(message, ese_partition_code_topic(held->code), &record->event, &why))
        consumer->count++;
    else
        pass_over(consumer, message, record, why.text);
}

/* The position is not in the log: older than its start, which is told and healed, or beyond its
 * end. */
static int meet_gap(struct ese_consumer *consumer, struct ese_held *held,
                    const rd_kafka_message_t *message, struct ese_error *error)
{
    const struct ese_consume_listener *listener = &consumer->settings.listener;
    const char *topic = rd_kafka_topic_name(message->rkt);
    int64_t low = 0, high = 0;
    rd_kafka_resp_err_t result = rd_kafka_query_watermark_offsets(
        consumer->handle, topic, message->partition, &low, &high, ASK_START_MS);
    if (result == RD_KAFKA_RESP_ERR_NO_ERROR && held->next > high)
        return ese_fail(error, ESE_E_INVALID,
                        "position %lld of %s-%d is beyond its end %lld: this is not the log it was "
                        "read from; start anew with another state file", (long long)held->next,
                        topic, (int)message->partition, (long long)high);
    if (result == RD_KAFKA_RESP_ERR_NO_ERROR && held->next >= 0 && held->next < low) {
        listener->skipped(listener->context, held->code, held->next, low);
        held->next = low;
    }
    apply_assignment(consumer); /* when the broker did not answer, asks again from the same place */
    return 0;
}

static int fatal(struct ese_consumer *consumer, struct ese_error *error)
{
    char reason[256];
    rd_kafka_resp_err_t result = rd_kafka_fatal_error(consumer->handle, reason, sizeof reason);
    if (result == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID)
        return ese_fail(error, ESE_E_FENCED, "a newer member %s of group %s has taken over",
                        consumer->settings.member, consumer->settings.group);
    return ese_fail(error, ESE_E_INVALID, "librdkafka: %s", reason);
}

/* Once, until partitions are given. */
static void tell_topics_lacking(struct ese_consumer *consumer, const rd_kafka_message_t *message)
{
    if (!consumer->lacks_topics)
        ese_log_warning("%s: `./lab kafka topics` makes the topics; waiting until they are there",
                        rd_kafka_message_errstr(message));
    consumer->lacks_topics = true;
}

static int meet(struct ese_consumer *consumer, const rd_kafka_message_t *message,
                struct ese_error *error)
{
    if (message->err == RD_KAFKA_RESP_ERR__FATAL)
        return fatal(consumer, error);
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR ||
        message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
        ese_hearing_note(&consumer->hearing);
    struct ese_held *held = NULL;
    if (message->rkt != NULL)
        held = ese_assignment_find(&consumer->assignment,
                                   ese_assignment_code(&consumer->assignment,
                                                       rd_kafka_topic_name(message->rkt),
                                                       message->partition));
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        if (held != NULL)
            read_record(consumer, message, held);
    } else if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        if (held != NULL) {
            held->next = message->offset;
            held->at_end = true;
        }
    } else if (message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET && held != NULL) {
        return meet_gap(consumer, held, message, error);
    } else {
        if (message->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
            tell_topics_lacking(consumer, message);
        /* somebody is away: what we knew may be old */
        ese_assignment_leave_ends(&consumer->assignment);
        ese_log_debug("librdkafka: %s", rd_kafka_message_errstr(message));
    }
    return 0;
}

/* Fills the batch: waits for the first record, takes along what is there already. Records that are
 * no events must not keep it beyond its time. */
static int collect(struct ese_consumer *consumer, int64_t limit_ns, struct ese_error *error)
{
    while (consumer->count < consumer->settings.max_batch &&
           ese_unreadable_fits(&consumer->passed_over)) {
        int found = consumer->count + consumer->passed_over.unreadable;
        int wait_ms = found == 0 ? left_ms(limit_ns) : 0;
        rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer->handle, wait_ms);
        if (message == NULL) {
            if (wait_ms == 0)
                return 0;
            continue;
        }
        int result = meet(consumer, message, error);
        rd_kafka_message_destroy(message);
        if (result == -1)
            return -1;
        if (wait_ms == 0 && consumer->count == 0)
            return 0;
    }
    return 0;
}

static void ask_for_ends(struct ese_consumer *consumer)
{
    int64_t now_ns = ese_clock_monotonic_ns();
    if (!ese_assignment_all_at_end(&consumer->assignment) || now_ns < consumer->ask_end_due_ns)
        return;
    consumer->ask_end_due_ns =
        now_ns + (consumer->count > 0 ? ASK_END_BUSY_MS : ASK_END_IDLE_MS) * ESE_NS_PER_MS;
    ese_ends_ask(consumer->ends, ese_assignment_list(&consumer->assignment));
}

/* librdkafka reads on while its queue has room. But where that was full it looks again only when it has something to do
 * with the broker, or after a second (seen with 2.0.2): who reads faster stands still for most of it. So where we are
 * behind it is asked for something now and then. */
static void rouse(struct ese_consumer *consumer)
{
    int64_t now_ns = ese_clock_monotonic_ns();
    if (consumer->count < consumer->settings.max_batch || now_ns < consumer->rouse_due_ns)
        return;
    consumer->rouse_due_ns = now_ns + ROUSE_MS * ESE_NS_PER_MS;
    ese_ends_ask(consumer->ends, ese_assignment_list(&consumer->assignment));
}

/* Of several answers the first is kept until it is come to: else who is behind would never be at an end. */
static void take_ends(struct ese_consumer *consumer)
{
    int64_t asked_ns;
    rd_kafka_topic_partition_list_t *told = ese_ends_take(consumer->ends, &asked_ns);
    if (told == NULL)
        return;
    ese_hearing_note(&consumer->hearing);
    if (consumer->ends_known != NULL) {
        rd_kafka_topic_partition_list_destroy(told);
        return;
    }
    consumer->ends_known = told;
    consumer->ends_ns = asked_ns;
}

/* Only what the brokers say tells that there is nothing further, and only of the moment they were asked; what came in
 * the meantime is read on to. */
static bool at_end(struct ese_consumer *consumer)
{
    take_ends(consumer);
    if (consumer->ends_known == NULL) {
        ask_for_ends(consumer);
        return false;
    }
    bool is_known = ese_assignment_is_of(&consumer->assignment, consumer->ends_known);
    bool here = is_known && ese_assignment_has_come_to(&consumer->assignment, consumer->ends_known);
    if (here || !is_known)
        forget_ends(consumer);
    return here;
}

static int next_batch(struct ese_consumer *consumer, int timeout_ms, struct ese_batch *batch,
                      struct ese_error *error)
{
    int64_t limit_ns = ese_clock_monotonic_ns() + timeout_ms * ESE_NS_PER_MS;
    drop_records(consumer);
    if (!consumer->opened)
        take_up_everything(consumer, limit_ns);
    if (collect(consumer, limit_ns, error) == -1)
        return -1;
    if (consumer->grouped && ese_clock_monotonic_ns() >= consumer->commit_due_ns) {
        commit_processed(consumer);
        consumer->commit_due_ns = ese_clock_monotonic_ns() + COMMIT_EVERY_MS * ESE_NS_PER_MS;
    }
    rouse(consumer);
    bool is_at_end = at_end(consumer);
    *batch = (struct ese_batch){.records = consumer->records,
                                .count = consumer->count,
                                .at_end = is_at_end,
                                .end_ns = is_at_end ? consumer->ends_ns : 0,
                                .unreadable = consumer->passed_over.unreadable,
                                .unreadables = consumer->spoilt};
    batch->away = ese_hearing_ask(&consumer->hearing, consumer->handle);
    return 0;
}

/* Committed a little later, with others: nobody waits for it. */
static void acknowledge(struct ese_consumer *consumer, int32_t partition, int64_t next)
{
    struct ese_held *held = ese_assignment_find(&consumer->assignment, partition);
    if (consumer->grouped && held != NULL)
        held->processed = next;
}

const struct ese_consume_face ese_kafka_consume = {
    .options = options,
    .open = open_consumer,
    .next = next_batch,
    .acknowledge = acknowledge,
    .close = close_consumer,
    .partition_name = ese_partition_name,
};
