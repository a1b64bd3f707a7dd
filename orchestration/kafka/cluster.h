/*
 * cluster.h - whether a cluster that somebody has named is there.
 */
#ifndef ESE_CLUSTER_H
#define ESE_CLUSTER_H

#include "ese-core/error.h"

/* Asks for some seconds, so that a broker that is just coming up is still met. ESE_E_MISSING when
 * nobody answers as a Kafka broker does. */
int ese_cluster_check(const char *bootstrap_servers, struct ese_error *error);

/* Of librdkafka, as it runs: "2.0.2". */
const char *ese_cluster_client_version(void);

#endif
