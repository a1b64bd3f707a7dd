#include "orchestration/kafka/kafka_client.h"

#include "ese-core/log.h"

/* A broker that is just starting refuses connections: nothing to trouble anybody with. */
static void log_line(const rd_kafka_t *client, int level, const char *facility, const char *text)
{
    (void)client;
    (void)level;
    ese_log_debug("librdkafka %s: %s", facility, text);
}

static void delivered(rd_kafka_t *producer, const rd_kafka_message_t *message, void *opaque)
{
    (void)producer;
    (void)opaque;
    struct ese_kafka_delivery *delivery = message->_private;
    if (delivery != NULL)
        *delivery = (struct ese_kafka_delivery){
            .done = true, .result = message->err, .offset = message->offset};
}

static int set(rd_kafka_conf_t *conf, const struct ese_kafka_property *property,
               struct ese_error *error)
{
    char reason[256];
    if (rd_kafka_conf_set(conf, property->name, property->value, reason,
                          sizeof reason) != RD_KAFKA_CONF_OK)
        return ese_fail(error, ESE_E_USAGE, "%s", reason);
    return 0;
}

static int set_all(rd_kafka_conf_t *conf, const struct ese_kafka_property *properties,
                   struct ese_error *error)
{
    for (int i = 0; properties != NULL && properties[i].name != NULL; i++) {
        if (set(conf, &properties[i], error) == -1)
            return -1;
    }
    return 0;
}

int ese_kafka_client_new(rd_kafka_type_t type, const char *bootstrap_servers,
                         const struct ese_kafka_property *properties, rd_kafka_t **client,
                         struct ese_error *error)
{
    const struct ese_kafka_property ours[] = {
        {"client.id", "ese-lab"},
        {"reconnect.backoff.ms", "50"},
        {"reconnect.backoff.max.ms", "200"},
        {"retry.backoff.ms", "50"},
        {bootstrap_servers == NULL ? NULL : "bootstrap.servers", bootstrap_servers},
        {NULL, NULL},
    };
    char reason[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, log_line);
    if (type == RD_KAFKA_PRODUCER)
        rd_kafka_conf_set_dr_msg_cb(conf, delivered);
    if (set_all(conf, ours, error) == -1 || set_all(conf, properties, error) == -1) {
        rd_kafka_conf_destroy(conf);
        return -1;
    }
    *client = rd_kafka_new(type, conf, reason, sizeof reason);
    if (*client == NULL) {
        rd_kafka_conf_destroy(conf);
        return ese_fail(error, ESE_E_IO, "librdkafka: %s", reason);
    }
    return 0;
}
