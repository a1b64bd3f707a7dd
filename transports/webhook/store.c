/*
 * store.c - the server's side: streams that are stored, and subscribers that are pushed to.
 */
#include <stdlib.h>

#include "ese-core/descriptors.h"
#include "ese-core/memory.h"
#include "transports/webhook/dashboard.h"
#include "transports/webhook/habits.h"
#include "transports/webhook/pusher.h"
#include "transports/webhook/stream_reader.h"
#include "transports/webhook/streams.h"
#include "transports/webhook/webhook.h"

#define MIN_BYTES (INT64_C(1024) * 1024) /* some of the largest events fit */
#define STREAM_FILES 6 /* of an open stream: the database, its -wal and -shm; and as SQLite closes no database that the
                          process has locked, one for each reader */
#define READERS 3      /* of pushes, of pages that are asked for, of introspection; */
#define READ_FILES (3 * ESE_WEBHOOK_READER_FILES) /* each with so many streams, which have three files, too */
#define OTHER_FILES 64 /* _meta.db, _itrospect.db, long pages that are being sent, what is opened for a moment */
#define TO_CONNECT 3   /* to look a name up, and for the host's other address */

struct ese_store {
    struct ese_descriptors descriptors;
    struct ese_webhook_streams *streams;
    struct ese_webhook_pusher *pusher;
};

const struct ese_option ese_webhook_store_options[] = {
    {.name = "data", .kind = ESE_OPTION_TEXT, .value = "DIR", .fallback = "ese-data",
     .help = "Where streams are kept, each in a file of its own, NAME.db, and subscriptions, in _meta.db; created when "
             "missing. A directory of Eventor's can be given. Events come by POST /streams/NAME, and are pushed to "
             "whom POST /subscriptions/NAME names. They are kept for ever, unless --retention is given."},
    {.name = "max-bytes", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "1073741824", .min = MIN_BYTES,
     .max = INT64_C(1) << 43,
     .help = "A stream's file grows up to so many bytes. Beyond, posts to it are answered 503 until older events have "
             "left by --retention."},
    {.name = "queue-events", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "10000", .min = 1, .max = 1000000,
     .help = "Events of a stream that may wait for a commit; beyond, posts are answered 503."},
    {.name = "group", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "1000000", .min = 1, .max = 1000000,
     .help = "Posts that may share a commit: by default all that came in while the last one was under way."},
    {.name = "open-streams", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "64", .min = 2, .max = 1000,
     .help = "Streams that are open for writing at a time, with six file descriptors each; others are opened when they "
             "are posted to."},
    {.name = "allow-targets", .kind = ESE_OPTION_TEXT, .value = "LIST", .fallback = "127.0.0.0/8,[::1]",
     .help = "Where pushes may go: names, addresses and networks, separated by commas. An address is looked at again "
             "when it is connected to."},
    {.name = "secrets", .kind = ESE_OPTION_TEXT, .value = "DIR",
     .help = "The secrets that pushes can be signed with, each a file; a subscription names one by \"signed\"."},
    {.name = "push-timeout-ms", .kind = ESE_OPTION_NUMBER, .value = "MS", .fallback = "30000", .min = 1, .max = 600000,
     .help = "How long a receiver may take to answer a push; then it counts as failed."},
    {.name = "push-connections", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "1000", .min = 1, .max = 10000,
     .help = "Pushes under way at a time, of all subscribers together, with a file descriptor each."},
    ESE_OPTION_END,
};

/* As its original's. */
static const struct ese_http_manners manners = {.any_origin = true, .strict_paths = true};

static void grown(void *context, const char *stream)
{
    struct ese_store *store = context;
    ese_webhook_pusher_grown(store->pusher, stream);
}

/* What is pushed needs what is stored; what is stored tells who pushes. */
void ese_webhook_store_detach(struct ese_store **store, int timeout_ms)
{
    struct ese_store *detached = *store;
    if (detached == NULL)
        return;
    *store = NULL;
    if (detached->pusher != NULL)
        ese_webhook_pusher_stop(detached->pusher, timeout_ms);
    if (detached->streams != NULL)
        ese_webhook_streams_stop(detached->streams, timeout_ms);
    ese_webhook_pusher_close(&detached->pusher);
    ese_webhook_streams_close(&detached->streams);
    ese_descriptors_drop(&detached->descriptors);
    free(detached);
}

static int open_streams(struct ese_store *store, const struct ese_config *config,
                        const struct ese_store_settings *settings, struct ese_error *error)
{
    const struct ese_webhook_streams_options streams = {
        .directory = ese_config_text(config, "data"),
        .durability = settings->durability,
        .retention_ms = settings->retention_is_asked_for ? settings->retention_ms : 0,
        .max_bytes = ese_config_number(config, "max-bytes"),
        .queue_events = ese_config_number(config, "queue-events"),
        .group = ese_config_number(config, "group"),
        .most_open = (int)ese_config_number(config, "open-streams"),
        .server = settings->server,
        .metrics = settings->metrics,
        .grown = grown,
        .context = store,
    };
    return ese_webhook_streams_open(&streams, &store->streams, error);
}

static int open_pusher(struct ese_store *store, const struct ese_webhook_habits *habits,
                       const struct ese_config *config, const struct ese_store_settings *settings,
                       struct ese_error *error)
{
    const struct ese_webhook_pusher_options pusher = {
        .habits = habits,
        .streams = store->streams,
        .allow_targets = ese_config_text(config, "allow-targets"),
        .secrets = ese_config_text(config, "secrets"),
        .connections = (int)ese_config_number(config, "push-connections"),
        .push_timeout_ms = (int)ese_config_number(config, "push-timeout-ms"),
        .server = settings->server,
        .metrics = settings->metrics,
    };
    return ese_webhook_pusher_open(&pusher, &store->pusher, error);
}

/* Whether there may be as many is asked when the server starts, which needs some, too. */
static void need_descriptors(struct ese_store *store, const struct ese_config *config)
{
    int64_t pushes = ese_config_number(config, "push-connections");

    store->descriptors = (struct ese_descriptors){
        .count = pushes + STREAM_FILES * ese_config_number(config, "open-streams") + READERS * READ_FILES +
                 OTHER_FILES,
        .briefly = TO_CONNECT * pushes,
        .options = "--push-connections or --open-streams",
    };
    ese_descriptors_need(&store->descriptors);
}

int ese_webhook_store_attach(const struct ese_webhook_habits *habits, const struct ese_config *config,
                             const struct ese_store_settings *settings, struct ese_store **store,
                             struct ese_error *error)
{
    struct ese_store *attached = *store = ese_alloc(sizeof *attached);

    need_descriptors(attached, config);
    if (open_streams(attached, config, settings, error) != 0 ||
        open_pusher(attached, habits, config, settings, error) != 0) {
        ese_webhook_store_detach(store, 0);
        return -1;
    }
    ese_http_server_manners(settings->server, &manners);
    ese_webhook_streams_add_routes(attached->streams);
    ese_webhook_pusher_add_routes(attached->pusher);
    ese_webhook_dashboard_add_routes(settings->server);
    if (ese_webhook_pusher_start(attached->pusher, error) == 0)
        return 0;
    ese_webhook_store_detach(store, 0);
    return -1;
}

static int attach(const struct ese_config *config, const struct ese_store_settings *settings, struct ese_store **store,
                  struct ese_error *error)
{
    return ese_webhook_store_attach(NULL, config, settings, store, error);
}

bool ese_webhook_store_healthy(struct ese_store *store, char *text, size_t size)
{
    return ese_webhook_streams_healthy(store->streams, text, size) &&
           ese_webhook_pusher_healthy(store->pusher, text, size);
}

const struct ese_store_face ese_webhook_store = {
    .options = ese_webhook_store_options,
    .attach = attach,
    .detach = ese_webhook_store_detach,
    .healthy = ese_webhook_store_healthy,
};
