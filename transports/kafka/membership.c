#include "transports/kafka/membership.h"

#include <stdio.h>

#include "transports/kafka/connection.h"

/* The broker wakes a waiting fetch as soon as there is something, so waiting costs no latency; it
 * is short so that a newly assigned partition does not wait for a fetch under way. */
int ese_membership_conf(const struct ese_config *config, const struct ese_consume_settings *settings,
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
        {"queued.max.messages.kbytes", "8192"},
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
