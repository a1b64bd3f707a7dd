/*
 * consume.c - the consumer's side: a member of a group, or a reader of everything without one.
 *
 * Reading starts exactly where the listener says, never at the group's committed offset, which is
 * kept for the tools that show lag. Partitions come and go in rebalances, which happen inside
 * next.
 *
 * Behind a batch that is full there is more: a thread reads the next one ahead while this one is processed. So there
 * are two hauls, one that was handed and one that is being filled. Meanwhile what reading needs is the thread's; what
 * a record is not, it leaves to next, and for a rebalance it waits for next (ahead.h).
 */
#include "ese-core/clock.h"
#include "ese-core/log.h"
#include "ese-core/memory.h"
#include "transports/kafka/ahead.h"
#include "transports/kafka/assignment.h"
#include "transports/kafka/cluster.h"
#include "transports/kafka/connection.h"
#include "transports/kafka/ends.h"
#include "transports/kafka/farewell.h"
#include "transports/kafka/haul.h"
#include "transports/kafka/hearing.h"
#include "transports/kafka/kafka.h"
#include "transports/kafka/membership.h"
#include "transports/kafka/partition.h"

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
    struct ese_cluster cluster; /* so that its partitions' leaders are known before they are given */
    struct ese_hearing hearing;
    struct ese_ends *ends;
    rd_kafka_topic_partition_list_t *ends_known; /* and not come to yet; as of then: */
    int64_t ends_ns;
    struct ese_haul hauls[2];
    struct ese_haul *filled; /* the one of them into which it is read; the other was handed */
    struct ese_ahead *ahead;
    rd_kafka_message_t *set_aside; /* by the thread that reads ahead, as it is no record; behind what is filled */
    bool closing;
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

/* What was read of a partition since the last batch is not handed any more: whoever gets it reads
 * it. */
static void take_all(struct ese_consumer *consumer)
{
    const struct ese_consume_listener *listener = &consumer->settings.listener;
    commit_processed(consumer);
    ese_haul_clear(consumer->filled);
    for (int i = 0; i < consumer->assignment.count; i++)
        listener->taken(listener->context, consumer->assignment.held[i].code);
    consumer->assignment.count = 0;
}

struct rebalance {
    struct ese_consumer *consumer;
    rd_kafka_resp_err_t what;
    const rd_kafka_topic_partition_list_t *partitions;
};

static void rebalance(void *argument)
{
    const struct rebalance *told = argument;
    struct ese_consumer *consumer = told->consumer;
    take_all(consumer); /* nothing is held when partitions are given; lost ones are told as taken */
    if (told->what != RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS || consumer->closing) {
        rd_kafka_assign(consumer->handle, NULL);
        return;
    }
    consumer->lacks_topics = false;
    for (int i = 0; i < told->partitions->cnt; i++)
        give(consumer, told->partitions->elems[i].topic, told->partitions->elems[i].partition);
    apply_assignment(consumer);
}

/* On the thread that polls, which may be the one that reads ahead: the listener is told on next's. */
static void rebalanced(rd_kafka_t *handle, rd_kafka_resp_err_t what,
                       rd_kafka_topic_partition_list_t *partitions, void *opaque)
{
    struct ese_consumer *consumer = opaque;
    (void)handle;
    struct rebalance told = {consumer, what, partitions};
    ese_ahead_ask(consumer->ahead, rebalance, &told);
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

/* ---- reading ahead -------------------------------------------------------------------------- */

static struct ese_held *held_of(struct ese_consumer *consumer, const rd_kafka_message_t *message)
{
    struct ese_assignment *assignment = &consumer->assignment;
    if (message->rkt == NULL)
        return NULL;
    return ese_assignment_find(assignment, ese_assignment_code(assignment, rd_kafka_topic_name(message->rkt),
                                                               message->partition));
}

/* On a thread of its own: takes what is there already. */
static void read_ahead(void *context)
{
    struct ese_consumer *consumer = context;
    while (!ese_haul_is_full(consumer->filled)) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer->handle, 0);
        if (message == NULL)
            return;
        if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
            consumer->set_aside = message;
            return;
        }
        ese_hearing_note(&consumer->hearing);
        struct ese_held *held = held_of(consumer, message);
        if (held != NULL)
            ese_haul_take(consumer->filled, message, held);
        rd_kafka_message_destroy(message);
    }
}

/* ---- opening ------------------------------------------------------------------------------- */

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
    closing->closing = true;
    ese_ahead_close(&closing->ahead);
    if (closing->set_aside != NULL)
        rd_kafka_message_destroy(closing->set_aside);
    if (closing->handle != NULL) {
        take_all(closing);
        ese_ends_close(&closing->ends);
        forget_ends(closing);
        ese_cluster_close(&closing->cluster);
        ese_farewell(&closing->handle);
    }
    for (size_t i = 0; i < ESE_COUNT_OF(closing->hauls); i++)
        ese_haul_free(&closing->hauls[i]);
    free(closing);
    *consumer = NULL;
}

static int open_handle(struct ese_consumer *consumer, const struct ese_config *config, struct ese_error *error)
{
    rd_kafka_conf_t *conf = NULL;
    char reason[256];
    const char *prefix = ese_connection_prefix(config);
    struct ese_topic_range topics = ese_partition_range(ese_config_text(config, ESE_TOPIC_OPTION));
    if (ese_assignment_name_topics(&consumer->assignment, topics, prefix) == -1)
        return ese_fail(error, ESE_E_USAGE, ESE_CONNECTION_PREFIX_IS_WRONG, prefix);
    if (ese_membership_conf(config, &consumer->settings, &conf, error) == -1)
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
    if (ese_cluster_open(&consumer->cluster, consumer->handle, topics, prefix, error) == -1 ||
        ese_ends_open(consumer->handle, &consumer->ends, error) == -1 ||
        ese_ahead_open(read_ahead, consumer, &consumer->ahead, error) == -1)
        return -1;
    return consumer->grouped ? subscribe(consumer, error) : 0;
}

static int open_consumer(const struct ese_config *config, const struct ese_consume_settings *settings,
                         struct ese_consumer **consumer, struct ese_error *error)
{
    struct ese_consumer *made = *consumer = ese_alloc(sizeof *made);
    made->settings = *settings;
    made->grouped = settings->group != NULL;
    made->filled = made->hauls;
    made->hauls[0].most = made->hauls[1].most = settings->max_batch;
    if (open_handle(made, config, error) == -1) {
        close_consumer(consumer);
        return -1;
    }
    return 0;
}

/* ---- reading ------------------------------------------------------------------------------- */

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
    struct ese_held *held = held_of(consumer, message);
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        if (held != NULL)
            ese_haul_take(consumer->filled, message, held);
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
    while (!ese_haul_is_full(consumer->filled)) {
        int wait_ms = ese_haul_found(consumer->filled) == 0 ? left_ms(limit_ns) : 0;
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
        if (wait_ms == 0 && consumer->filled->count == 0)
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
        now_ns + (consumer->filled->count > 0 ? ASK_END_BUSY_MS : ASK_END_IDLE_MS) * ESE_NS_PER_MS;
    ese_ends_ask(consumer->ends, ese_assignment_list(&consumer->assignment));
}

/* librdkafka reads on while its queue has room. But where that was full it looks again only when it has something to do
 * with the broker, or after a second (seen with 2.0.2): who reads faster stands still for most of it. So where we are
 * behind it is asked for something now and then. */
static void rouse(struct ese_consumer *consumer)
{
    int64_t now_ns = ese_clock_monotonic_ns();
    if (consumer->filled->count < consumer->filled->most || now_ns < consumer->rouse_due_ns)
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

static int meet_set_aside(struct ese_consumer *consumer, struct ese_error *error)
{
    rd_kafka_message_t *message = consumer->set_aside;
    if (message == NULL)
        return 0;
    consumer->set_aside = NULL;
    int result = meet(consumer, message, error);
    rd_kafka_message_destroy(message);
    return result;
}

/* What was filled is handed; where it is full there is more, which is read ahead. */
static void hand(struct ese_consumer *consumer, struct ese_batch *batch)
{
    struct ese_haul *handed = consumer->filled;
    batch->records = handed->records;
    batch->count = handed->count;
    batch->unreadable = handed->passed_over.unreadable;
    batch->unreadables = handed->spoilt;
    consumer->filled = &consumer->hauls[handed == consumer->hauls];
    ese_haul_clear(consumer->filled);
    if (ese_haul_is_full(handed))
        ese_ahead_begin(consumer->ahead);
}

static int next_batch(struct ese_consumer *consumer, int timeout_ms, struct ese_batch *batch,
                      struct ese_error *error)
{
    int64_t limit_ns = ese_clock_monotonic_ns() + timeout_ms * ESE_NS_PER_MS;
    ese_ahead_settle(consumer->ahead);
    if (!consumer->opened)
        take_up_everything(consumer, limit_ns);
    if (meet_set_aside(consumer, error) == -1 || collect(consumer, limit_ns, error) == -1)
        return -1;
    if (consumer->grouped && ese_clock_monotonic_ns() >= consumer->commit_due_ns) {
        commit_processed(consumer);
        consumer->commit_due_ns = ese_clock_monotonic_ns() + COMMIT_EVERY_MS * ESE_NS_PER_MS;
    }
    rouse(consumer);
    bool is_at_end = at_end(consumer);
    *batch = (struct ese_batch){.at_end = is_at_end, .end_ns = is_at_end ? consumer->ends_ns : 0};
    batch->away = ese_hearing_ask(&consumer->hearing, consumer->handle);
    hand(consumer, batch);
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
