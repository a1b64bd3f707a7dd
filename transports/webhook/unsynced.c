/*
 * unsynced.c - the lesson "webhook+unsynced": it says "disk", and an acknowledgement waits for none.
 *
 * The original opens its files with "synchronous" off. A kill does them no harm, as the kernel has what was written;
 * when the power goes, what was acknowledged goes with it, and positions are given a second time. Here a database is
 * what it is at "os", which is synced before its log is written back, and not before an answer: so it can be opened
 * afterwards, which the original's need not.
 */
#include "transports/webhook/habits.h"

#define NAME "webhook+unsynced"

static int attach(const struct ese_config *config, const struct ese_store_settings *settings, struct ese_store **store,
                  struct ese_error *error)
{
    struct ese_store_settings unsynced = *settings;

    if (unsynced.durability == ESE_DURABILITY_DISK)
        unsynced.durability = ESE_DURABILITY_OS;
    return ese_webhook_store_attach(NULL, config, &unsynced, store, error);
}

static const struct ese_store_face store = {
    .options = ese_webhook_store_options,
    .attach = attach,
    .detach = ese_webhook_store_detach,
    .healthy = ese_webhook_store_healthy,
};

extern const struct ese_transport ese_transport_webhook_unsynced;

const struct ese_transport ese_transport_webhook_unsynced = {
    .name = NAME,
    .summary = "as webhook, but what it acknowledges at 'disk' is not synced",
    .promises =
        {
            .delivery = ESE_DELIVERY_AT_MOST_ONCE,
            .ordered_per_key = false,
            .replayable = true,
            .positions_survive = true,
            .shares_work = false,
            .retry_stored_once = true,
            .slow_consumer_holds_producers = false,
            .durability = ESE_DURABILITY_MEMORY | ESE_DURABILITY_OS | ESE_DURABILITY_DISK,
            .notes = "The original synced nothing: a kill did it no harm, and when the power went, what it had "
                     "acknowledged was gone. Its 'disk' is an 'os'.",
        },
    .produce = &ese_webhook_produce,
    .store = &store,
    .consume = &ese_webhook_consume_as_it_comes,
};
