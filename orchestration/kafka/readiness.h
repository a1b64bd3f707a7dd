/*
 * readiness.h - whether a Kafka cluster really takes records and hands them out.
 */
#ifndef ESE_READINESS_H
#define ESE_READINESS_H

#include "ese-core/error.h"

/* The topic the probe writes to; one partition, its records leave after a minute. */
#define ESE_READINESS_TOPIC "ese-readiness"

/* Sends one record round trip. ESE_E_TIMEOUT with the reason last heard. */
int ese_readiness_check(const char *bootstrap_servers, int timeout_ms, struct ese_error *error);

#endif
