/*
 * membership.h - the settings with which a consumer reads, as a member of a group or without one.
 */
#ifndef ESE_KAFKA_MEMBERSHIP_H
#define ESE_KAFKA_MEMBERSHIP_H

#include <librdkafka/rdkafka.h>

#include "ese-core/config.h"
#include "ese-core/error.h"
#include "transports/transport.h"

/* ESE_E_USAGE where the configuration asks for what librdkafka does not take. The caller destroys conf. */
int ese_membership_conf(const struct ese_config *config, const struct ese_consume_settings *settings,
                        rd_kafka_conf_t **conf, struct ese_error *error);

#endif
