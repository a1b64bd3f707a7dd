#include "orchestration/kafka/topics.h"

#include "orchestration/kafka/kafka_client.h"

#define GRACE_MS 500 /* for the answer that it took too long */

static int check_removed(rd_kafka_event_t *event, struct ese_error *error)
{
    size_t count = 0;
    if (event == NULL)
        return ese_fail(error, ESE_E_TIMEOUT, "removing topics: no answer in time");
    if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return ese_fail(error, ESE_E_IO, "removing topics: %s", rd_kafka_event_error_string(event));
    const rd_kafka_topic_result_t **results =
        rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event), &count);
    for (size_t i = 0; i < count; i++) {
        rd_kafka_resp_err_t result = rd_kafka_topic_result_error(results[i]);
        if (result != RD_KAFKA_RESP_ERR_NO_ERROR &&
            result != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
            return ese_fail(error, ESE_E_IO, "topic '%.200s': %s",
                            rd_kafka_topic_result_name(results[i]),
                            rd_kafka_topic_result_error_string(results[i]));
    }
    return 0;
}

static int remove_by(rd_kafka_t *client, const struct ese_topics *topics,
                     const struct ese_topics_target *target, struct ese_error *error)
{
    rd_kafka_DeleteTopic_t *removed[ESE_TOPICS];
    char reason[256], name[ESE_TOPIC_NAME_SIZE];
    size_t count = (size_t)topics->count;
    for (size_t i = 0; i < count; i++) {
        snprintf(name, sizeof name, "%s%s", target->prefix == NULL ? "" : target->prefix,
                 topics->topics[i].name);
        removed[i] = rd_kafka_DeleteTopic_new(name);
    }
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(client, RD_KAFKA_ADMIN_OP_DELETETOPICS);
    rd_kafka_AdminOptions_set_request_timeout(options, target->timeout_ms, reason, sizeof reason);
    rd_kafka_DeleteTopics(client, removed, count, options, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, target->timeout_ms + GRACE_MS);
    int result = check_removed(event, error);
    if (event != NULL)
        rd_kafka_event_destroy(event);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_DeleteTopic_destroy_array(removed, count);
    rd_kafka_queue_destroy(queue);
    return result;
}

int ese_topics_remove(const struct ese_topics *topics, const struct ese_topics_target *target,
                      struct ese_error *error)
{
    rd_kafka_t *client = NULL;
    if (ese_kafka_client_new(RD_KAFKA_PRODUCER, target->bootstrap_servers, NULL, &client, error) == -1)
        return -1;
    int result = remove_by(client, topics, target, error);
    rd_kafka_destroy(client);
    return result;
}
