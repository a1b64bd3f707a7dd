#include "orchestration/kafka/embedded.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h> /* wants the other one before it */

#include "ese-core/memory.h"
#include "orchestration/kafka/kafka_client.h"

struct ese_embedded {
    rd_kafka_t *owner; /* the mock cluster lives inside a client handle */
    rd_kafka_mock_cluster_t *cluster;
};

static int add_topic(struct ese_embedded *embedded, const char *prefix,
                     const struct ese_topic *topic, struct ese_error *error)
{
    char name[ESE_TOPIC_NAME_SIZE];
    snprintf(name, sizeof name, "%s%s", prefix == NULL ? "" : prefix, topic->name);
    rd_kafka_resp_err_t result = rd_kafka_mock_topic_create(embedded->cluster, name,
                                                            topic->partitions, 1);
    if (result != RD_KAFKA_RESP_ERR_NO_ERROR)
        return ese_fail(error, ESE_E_IO, "mock topic '%.200s': %s", name, rd_kafka_err2str(result));
    return 0;
}

int ese_embedded_start(const struct ese_topics *topics, const char *prefix,
                       struct ese_embedded **embedded, struct ese_error *error)
{
    struct ese_embedded *started = *embedded = ese_alloc(sizeof *started);
    int result = ese_kafka_client_new(RD_KAFKA_PRODUCER, NULL, NULL, &started->owner, error);
    if (result == 0) {
        started->cluster = rd_kafka_mock_cluster_new(started->owner, 1);
        if (started->cluster == NULL)
            result = ese_fail(error, ESE_E_IO, "librdkafka's mock cluster cannot be started");
    }
    for (int i = 0; result == 0 && i < topics->count; i++)
        result = add_topic(started, prefix, &topics->topics[i], error);
    if (result == -1)
        ese_embedded_stop(embedded);
    return result;
}

const char *ese_embedded_bootstrap(const struct ese_embedded *embedded)
{
    return rd_kafka_mock_cluster_bootstraps(embedded->cluster);
}

void ese_embedded_stop(struct ese_embedded **embedded)
{
    if (*embedded == NULL)
        return;
    if ((*embedded)->cluster != NULL)
        rd_kafka_mock_cluster_destroy((*embedded)->cluster);
    if ((*embedded)->owner != NULL)
        rd_kafka_destroy((*embedded)->owner);
    free(*embedded);
    *embedded = NULL;
}
