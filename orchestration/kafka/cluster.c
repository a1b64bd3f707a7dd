#include "orchestration/kafka/cluster.h"

#include "orchestration/kafka/kafka_client.h"

#define ANSWER_MS 3000

/* Asks for no topic: the brokers' names alone. */
static bool answers(rd_kafka_t *client)
{
    const rd_kafka_metadata_t *metadata = NULL;
    if (rd_kafka_metadata(client, 0, NULL, &metadata, ANSWER_MS) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return false;
    rd_kafka_metadata_destroy(metadata);
    return true;
}

int ese_cluster_check(const char *bootstrap_servers, struct ese_error *error)
{
    rd_kafka_t *client = NULL;
    if (ese_kafka_client_new(RD_KAFKA_PRODUCER, bootstrap_servers, NULL, &client, error) == -1)
        return -1;
    bool there = answers(client);
    rd_kafka_destroy(client);
    if (there)
        return 0;
    return ese_fail(error, ESE_E_MISSING,
                    "no Kafka cluster answers at --bootstrap-servers %.200s: is the broker "
                    "running? `./lab kafka start` starts one; without the option the lab uses one "
                    "of its own", bootstrap_servers);
}

const char *ese_cluster_client_version(void)
{
    return rd_kafka_version_str();
}
