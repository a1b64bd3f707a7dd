/*
 * monitor.h - what a program tells of itself that serves nothing else: GET /metrics and GET /health
 * at the address of its option "metrics".
 */
#ifndef ESE_MONITOR_H
#define ESE_MONITOR_H

#include "ese-core/config.h"
#include "ese-core/health.h"
#include "ese-core/http_server.h"
#include "ese-core/metrics.h"

/* Serves when it returns; *server is NULL where "metrics" was not given, and after a failure.
 * metrics and health must live until the server is closed. */
int ese_monitor_open(const struct ese_config *config, struct ese_metrics *metrics,
                     const struct ese_health *health, struct ese_http_server **server,
                     struct ese_error *error);

#endif
