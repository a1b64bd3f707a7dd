/*
 * connection.h - how every face of this transport configures librdkafka.
 *
 * Three layers: what is quick for a lab, what the user gives with -X (Kafka's own property names,
 * never renamed), and what this transport's promises stand on, which -X cannot change and is
 * refused for. Every socket is known to wire.h; librdkafka's log lines go to ours.
 */
#ifndef ESE_KAFKA_CONNECTION_H
#define ESE_KAFKA_CONNECTION_H

#include <librdkafka/rdkafka.h>

#include "ese-core/address.h"
#include "ese-core/config.h"

/* The options every face has. */
#define ESE_CONNECTION_OPTIONS                                                                    \
    {.name = "bootstrap-servers", .kind = ESE_OPTION_TEXT, .value = "HOST:PORT,...",              \
     .fallback = ESE_BROKER_ADDRESS, .help = "The Kafka cluster: brokers to ask first."},         \
    {.name = "topic-prefix", .kind = ESE_OPTION_TEXT, .value = "TEXT",                            \
     .help = "Stands before the topics' names, so that several can share a cluster."},            \
    {.name = "property", .letter = 'X', .kind = ESE_OPTION_LIST, .value = "NAME=VALUE",           \
     .help = "Passes one of librdkafka's own properties straight to it."}

/* What to do where nobody answers. */
#define ESE_CONNECTION_REMEDY                                                                     \
    "is it running? `./lab kafka start` starts one, --bootstrap-servers names another"

/* The brokers the handle asks first, as they were given; of many the beginning. */
#define ESE_CONNECTION_ADDRESS_SIZE 100
const char *ese_connection_address(const rd_kafka_t *handle,
                                   char address[ESE_CONNECTION_ADDRESS_SIZE]);

#define ESE_CONNECTION_PREFIX_IS_WRONG                                                            \
    "--topic-prefix '%.60s' is wrong: Kafka names topics with at most 249 letters, digits, '.', "  \
    "'_' and '-'"

/* The value of topic-prefix, "" without one. */
const char *ese_connection_prefix(const struct ese_config *config);

struct ese_connection_property {
    const char *name;
    const char *value;
};

/* Both lists end with a NULL name. quick: -X may say otherwise; fixed: it may not.
 * ESE_E_USAGE with librdkafka's own words for a property it does not take. */
int ese_connection_conf(const struct ese_config *config,
                        const struct ese_connection_property *quick,
                        const struct ese_connection_property *fixed, rd_kafka_conf_t **conf,
                        struct ese_error *error);

#endif
