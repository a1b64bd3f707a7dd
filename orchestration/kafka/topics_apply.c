#include "orchestration/kafka/topics.h"

#include <limits.h>

#include "ese-core/clock.h"
#include "ese-core/log.h"
#include "orchestration/kafka/kafka_client.h"

#define ERROR_SIZE 256
#define LEADER_PAUSE_MS 20
#define BROKERS_PAUSE_MS 200
#define LEAST_MS 500 /* one more attempt should not fail for want of time alone */
#define MOST_WANTED (ESE_TOPIC_PROPERTIES + 2) /* a topic's own, and what its durability asks for */

/* One application, while it runs. */
struct applying {
    const struct ese_topics *topics;
    const struct ese_topics_target *target;
    rd_kafka_t *client;
    rd_kafka_queue_t *queue;
    int64_t limit_ns;
    bool made[ESE_TOPICS]; /* by this application, so that nothing of it can differ */
    bool lacks_brokers;    /* for so many replicas, as yet */
};

static int left_ms(const struct applying *applying)
{
    int64_t left = (applying->limit_ns - ese_clock_monotonic_ns()) / ESE_NS_PER_MS;
    return left < 1 ? 1 : (int)left;
}

static void full_name(const struct applying *applying, int i, char name[ESE_TOPIC_NAME_SIZE])
{
    const char *prefix = applying->target->prefix;
    snprintf(name, ESE_TOPIC_NAME_SIZE, "%s%s", prefix == NULL ? "" : prefix,
             applying->topics->topics[i].name);
}

/* The topic's properties, and behind them those of the durability that is asked for. */
static int wanted_properties(const struct applying *applying, int i,
                             struct ese_topic_property properties[MOST_WANTED])
{
    const struct ese_topic *topic = &applying->topics->topics[i];
    memcpy(properties, topic->properties, sizeof topic->properties);
    int count = topic->property_count;
    if (applying->target->flush_every)
        properties[count++] = (struct ese_topic_property){"flush.messages", "1"};
    if (applying->target->min_insync_replicas > 0) {
        struct ese_topic_property *property = &properties[count++];
        *property = (struct ese_topic_property){.name = "min.insync.replicas"};
        snprintf(property->value, sizeof property->value, "%d",
                 applying->target->min_insync_replicas);
    }
    return count;
}

static rd_kafka_AdminOptions_t *options_for(const struct applying *applying,
                                            rd_kafka_admin_op_t operation)
{
    char reason[ERROR_SIZE];
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(applying->client, operation);
    rd_kafka_AdminOptions_set_request_timeout(options, left_ms(applying), reason, sizeof reason);
    return options;
}

/* The answer to one request, or NULL with error; the caller destroys it. */
static rd_kafka_event_t *await(const struct applying *applying, const char *what,
                               struct ese_error *error)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(applying->queue, left_ms(applying) + 500);
    if (event == NULL) {
        ese_fail(error, ESE_E_TIMEOUT, "%s: no answer in time", what);
        return NULL;
    }
    rd_kafka_resp_err_t result = rd_kafka_event_error(event);
    if (result == RD_KAFKA_RESP_ERR_NO_ERROR)
        return event;
    ese_fail(error, result == RD_KAFKA_RESP_ERR__TIMED_OUT ? ESE_E_TIMEOUT : ESE_E_IO, "%s: %s",
             what, rd_kafka_event_error_string(event));
    rd_kafka_event_destroy(event);
    return NULL;
}

/* ---- missing topics ------------------------------------------------------------------------ */

static rd_kafka_NewTopic_t *new_topic(const struct applying *applying, int i)
{
    char name[ESE_TOPIC_NAME_SIZE], reason[ERROR_SIZE];
    struct ese_topic_property properties[MOST_WANTED];
    int replicas = applying->target->replicas;
    full_name(applying, i, name);
    rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(name, applying->topics->topics[i].partitions,
                                                       replicas == 0 ? -1 : replicas, reason,
                                                       sizeof reason);
    int count = wanted_properties(applying, i, properties);
    for (int p = 0; topic != NULL && p < count; p++)
        rd_kafka_NewTopic_set_config(topic, properties[p].name, properties[p].value);
    return topic;
}

static int note_created(struct applying *applying, rd_kafka_event_t *event, struct ese_error *error)
{
    size_t count = 0;
    const rd_kafka_topic_result_t **results =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
    for (size_t i = 0; i < count; i++) {
        rd_kafka_resp_err_t result = rd_kafka_topic_result_error(results[i]);
        applying->made[i] = result == RD_KAFKA_RESP_ERR_NO_ERROR;
        applying->lacks_brokers |= result == RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR;
        if (result != RD_KAFKA_RESP_ERR_NO_ERROR &&
            result != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
            return ese_fail(error, ESE_E_IO, "topic '%.200s': %s",
                            rd_kafka_topic_result_name(results[i]),
                            rd_kafka_topic_result_error_string(results[i]));
    }
    return 0;
}

static int create_missing(struct applying *applying, struct ese_error *error)
{
    rd_kafka_NewTopic_t *wanted[ESE_TOPICS];
    size_t count = (size_t)applying->topics->count;
    for (size_t i = 0; i < count; i++) {
        wanted[i] = new_topic(applying, (int)i);
        if (wanted[i] == NULL) {
            rd_kafka_NewTopic_destroy_array(wanted, i);
            return ese_fail(error, ESE_E_INVALID,
                            "topic '%.200s' cannot be made: check its name and partitions",
                            applying->topics->topics[i].name);
        }
    }
    rd_kafka_AdminOptions_t *options = options_for(applying, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rd_kafka_CreateTopics(applying->client, wanted, count, options, applying->queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_NewTopic_destroy_array(wanted, count);
    rd_kafka_event_t *event = await(applying, "making topics", error);
    if (event == NULL)
        return -1;
    int result = note_created(applying, event, error);
    rd_kafka_event_destroy(event);
    return result;
}

/* Brokers may still be on their way into the cluster. */
static int create_missing_in_time(struct applying *applying, struct ese_error *error)
{
    while (applying->lacks_brokers = false, create_missing(applying, error) == -1) {
        if (!applying->lacks_brokers || left_ms(applying) < BROKERS_PAUSE_MS + LEAST_MS)
            return -1;
        ese_clock_sleep_until(ese_clock_monotonic_ns() + BROKERS_PAUSE_MS * ESE_NS_PER_MS);
    }
    return 0;
}

/* ---- properties that differ ---------------------------------------------------------------- */

static const char *value_in(const rd_kafka_ConfigEntry_t **entries, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(rd_kafka_ConfigEntry_name(entries[i]), name) == 0)
            return rd_kafka_ConfigEntry_value(entries[i]);
    }
    return NULL;
}

static bool is_wanted(const struct ese_topic_property *wanted, int count, const char *name)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(wanted[i].name, name) == 0)
            return true;
    }
    return false;
}

/* AlterConfigs replaces all that was ever set on the topic, so what is set there goes along
 * unchanged. */
static rd_kafka_ConfigResource_t *altered(const rd_kafka_ConfigResource_t *present,
                                          const struct ese_topic_property *wanted, int wanted_count,
                                          bool *differs)
{
    size_t count = 0;
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(present, &count);
    rd_kafka_ConfigResource_t *changed =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, rd_kafka_ConfigResource_name(present));
    *differs = false;
    for (size_t i = 0; i < count; i++) {
        const char *name = rd_kafka_ConfigEntry_name(entries[i]);
        rd_kafka_ConfigSource_t source = rd_kafka_ConfigEntry_source(entries[i]);
        if (source == RD_KAFKA_CONFIG_SOURCE_DYNAMIC_TOPIC_CONFIG &&
            !is_wanted(wanted, wanted_count, name)) /* librdkafka would send both */
            rd_kafka_ConfigResource_set_config(changed, name,
                                               rd_kafka_ConfigEntry_value(entries[i]));
    }
    for (int i = 0; i < wanted_count; i++) {
        const char *value = value_in(entries, count, wanted[i].name);
        *differs |= value == NULL || strcmp(value, wanted[i].value) != 0;
        rd_kafka_ConfigResource_set_config(changed, wanted[i].name, wanted[i].value);
    }
    return changed;
}

static rd_kafka_event_t *describe(const struct applying *applying, const char *name,
                                  struct ese_error *error)
{
    rd_kafka_ConfigResource_t *asked = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, name);
    rd_kafka_AdminOptions_t *options = options_for(applying, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    rd_kafka_DescribeConfigs(applying->client, &asked, 1, options, applying->queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_ConfigResource_destroy(asked);
    return await(applying, "reading a topic's properties", error);
}

static int alter(const struct applying *applying, rd_kafka_ConfigResource_t *changed,
                 struct ese_error *error)
{
    rd_kafka_AdminOptions_t *options = options_for(applying, RD_KAFKA_ADMIN_OP_ALTERCONFIGS);
    rd_kafka_AlterConfigs(applying->client, &changed, 1, options, applying->queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_event_t *event = await(applying, "setting a topic's properties", error);
    if (event == NULL)
        return -1;
    size_t count = 0;
    const rd_kafka_ConfigResource_t **resources =
        rd_kafka_AlterConfigs_result_resources(rd_kafka_event_AlterConfigs_result(event), &count);
    int result = 0;
    if (count == 1 && rd_kafka_ConfigResource_error(resources[0]) != RD_KAFKA_RESP_ERR_NO_ERROR)
        result = ese_fail(error, ESE_E_IO, "topic '%.200s': %s",
                          rd_kafka_ConfigResource_name(resources[0]),
                          rd_kafka_ConfigResource_error_string(resources[0]));
    rd_kafka_event_destroy(event);
    return result;
}

static int set_properties(const struct applying *applying, int i, struct ese_error *error)
{
    char name[ESE_TOPIC_NAME_SIZE];
    struct ese_topic_property wanted[MOST_WANTED];
    int wanted_count = wanted_properties(applying, i, wanted);
    full_name(applying, i, name);
    rd_kafka_event_t *event = describe(applying, name, error);
    if (event == NULL)
        return -1;
    size_t count = 0;
    bool differs = false;
    const rd_kafka_ConfigResource_t **present =
        rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event),
                                                  &count);
    int result = 0;
    if (count != 1 || rd_kafka_ConfigResource_error(present[0]) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        result = ese_fail(error, ESE_E_IO, "topic '%.200s': its properties cannot be read", name);
    } else {
        rd_kafka_ConfigResource_t *changed = altered(present[0], wanted, wanted_count, &differs);
        if (differs)
            result = alter(applying, changed, error);
        rd_kafka_ConfigResource_destroy(changed);
    }
    rd_kafka_event_destroy(event);
    return result;
}

/* ---- partitions ---------------------------------------------------------------------------- */

struct seen {
    int partitions; /* 0: there is no such topic */
    int replicas;   /* the fewest of a partition */
    bool led;       /* all partitions have a leader, and it answers as that */
};

/* Metadata name a leader a moment before it knows of it. A producer that comes in between is told
 * to try again; and where several requests of an idempotent one are under way then, the broker
 * takes the second for the first, and the producer believes that the first is stored, too. */
static bool leaders_answer(const struct applying *applying, const char *name, int partitions)
{
    for (int32_t i = 0; i < partitions; i++) {
        int64_t low, high;
        if (rd_kafka_query_watermark_offsets(applying->client, name, i, &low, &high,
                                             left_ms(applying)) != RD_KAFKA_RESP_ERR_NO_ERROR)
            return false;
    }
    return true;
}

static struct seen look(const struct applying *applying, const char *name)
{
    struct seen seen = {.replicas = INT_MAX};
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(applying->client, name, NULL);
    rd_kafka_resp_err_t result = rd_kafka_metadata(applying->client, 0, topic, &metadata,
                                                   left_ms(applying));
    rd_kafka_topic_destroy(topic);
    if (result != RD_KAFKA_RESP_ERR_NO_ERROR)
        return seen;
    const struct rd_kafka_metadata_topic *topics = metadata->topics;
    seen.partitions = metadata->topic_cnt == 1 ? topics[0].partition_cnt : 0;
    seen.led = seen.partitions > 0;
    for (int i = 0; i < seen.partitions; i++) {
        seen.led &= topics[0].partitions[i].leader >= 0;
        if (topics[0].partitions[i].replica_cnt < seen.replicas)
            seen.replicas = topics[0].partitions[i].replica_cnt;
    }
    rd_kafka_metadata_destroy(metadata);
    seen.led = seen.led && leaders_answer(applying, name, seen.partitions);
    return seen;
}

static int await_leaders(const struct applying *applying, int i, struct seen *seen,
                         struct ese_error *error)
{
    char name[ESE_TOPIC_NAME_SIZE];
    full_name(applying, i, name);
    while (*seen = look(applying, name), !seen->led) {
        if (ese_clock_monotonic_ns() >= applying->limit_ns)
            return ese_fail(error, ESE_E_TIMEOUT,
                            "topic '%.200s' has no leader for all its partitions", name);
        ese_clock_sleep_until(ese_clock_monotonic_ns() + LEADER_PAUSE_MS * ESE_NS_PER_MS);
    }
    return 0;
}

static int grow(const struct applying *applying, const char *name, int partitions,
                struct ese_error *error)
{
    char reason[ERROR_SIZE];
    rd_kafka_NewPartitions_t *more =
        rd_kafka_NewPartitions_new(name, (size_t)partitions, reason, sizeof reason);
    if (more == NULL)
        return ese_fail(error, ESE_E_INVALID, "topic '%.200s': %s", name, reason);
    rd_kafka_AdminOptions_t *options = options_for(applying, RD_KAFKA_ADMIN_OP_CREATEPARTITIONS);
    rd_kafka_CreatePartitions(applying->client, &more, 1, options, applying->queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_NewPartitions_destroy(more);
    rd_kafka_event_t *event = await(applying, "adding partitions", error);
    if (event == NULL)
        return -1;
    size_t count = 0;
    const rd_kafka_topic_result_t **results =
        rd_kafka_CreatePartitions_result_topics(rd_kafka_event_CreatePartitions_result(event),
                                                &count);
    int result = 0;
    if (count == 1 && rd_kafka_topic_result_error(results[0]) != RD_KAFKA_RESP_ERR_NO_ERROR)
        result = ese_fail(error, ESE_E_IO, "topic '%.200s': %s", name,
                          rd_kafka_topic_result_error_string(results[0]));
    rd_kafka_event_destroy(event);
    return result;
}

static int match(const struct applying *applying, int i, struct ese_error *error)
{
    char name[ESE_TOPIC_NAME_SIZE];
    struct seen present;
    int wanted = applying->topics->topics[i].partitions;
    full_name(applying, i, name);
    if (await_leaders(applying, i, &present, error) == -1)
        return -1;
    if (applying->made[i])
        return 0;
    if (present.replicas < applying->target->replicas)
        return ese_fail(error, ESE_E_INVALID,
                        "topic '%.200s' has %d of the %d replicas wanted, and they cannot be added here: "
                        "delete the topic, or begin with new brokers", name, present.replicas,
                        applying->target->replicas);
    if (present.partitions < wanted) {
        ese_log_warning("topic %s grows from %d to %d partitions: keys change theirs", name,
                        present.partitions, wanted);
        if (grow(applying, name, wanted, error) == -1 ||
            await_leaders(applying, i, &present, error) == -1)
            return -1;
    } else if (present.partitions > wanted) {
        ese_log_warning("topic %s has %d partitions, %d were wanted; partitions cannot be taken "
                        "away", name, present.partitions, wanted);
    }
    return set_properties(applying, i, error);
}

int ese_topics_apply(const struct ese_topics *topics, const struct ese_topics_target *target,
                     struct ese_error *error)
{
    struct applying applying = {
        .topics = topics,
        .target = target,
        .limit_ns = ese_clock_monotonic_ns() + target->timeout_ms * ESE_NS_PER_MS};
    if (ese_kafka_client_new(RD_KAFKA_PRODUCER, target->bootstrap_servers, NULL, &applying.client,
                             error) ==
        -1)
        return -1;
    applying.queue = rd_kafka_queue_new(applying.client);
    int result = create_missing_in_time(&applying, error);
    for (int i = 0; result == 0 && i < topics->count; i++)
        result = match(&applying, i, error);
    rd_kafka_queue_destroy(applying.queue);
    rd_kafka_destroy(applying.client);
    return result;
}
