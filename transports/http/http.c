/*
 * http.c - the transport "http": an event is posted, stored, and read by cursor. Promises and
 * faces.
 */
#include "transports/http/http.h"

extern const struct ese_transport ese_transport_http;

const struct ese_transport ese_transport_http = {
    .name = "http",
    .summary = "POST an event, it is stored durably, the consumer reads by cursor and long poll",
    .promises =
        {
            .delivery = ESE_DELIVERY_AT_LEAST_ONCE,
            .ordered_per_key = true,
            .replayable = true,
            .positions_survive = true,
            .shares_work = false,
            .retry_stored_once = true,
            .slow_consumer_holds_producers = false,
            .durability = ESE_DURABILITY_MEMORY | ESE_DURABILITY_OS | ESE_DURABILITY_DISK,
            .notes = "One process, one disk, one reader: work cannot be shared in order. "
                     "At memory durability, positions and retries are known for one life of it.",
        },
    .produce = &ese_http_produce,
    .store = &ese_http_store,
    .consume = &ese_http_consume,
};
