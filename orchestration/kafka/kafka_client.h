/*
 * kafka_client.h - a librdkafka handle as this folder uses it: quiet, and quick to try again.
 */
#ifndef ESE_KAFKA_CLIENT_H
#define ESE_KAFKA_CLIENT_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>

#include "ese-core/error.h"

struct ese_kafka_property {
    const char *name;
    const char *value;
};

/* What became of a record: a producer's records carry the address of one as their opaque, and it is
 * filled from inside rd_kafka_poll or rd_kafka_flush. */
struct ese_kafka_delivery {
    bool done;
    rd_kafka_resp_err_t result;
    int64_t offset;
};

/* bootstrap_servers NULL: connects to nobody. properties ends with a NULL name; may be NULL. The
 * caller destroys the handle. */
int ese_kafka_client_new(rd_kafka_type_t type, const char *bootstrap_servers,
                         const struct ese_kafka_property *properties, rd_kafka_t **client,
                         struct ese_error *error);

#endif
