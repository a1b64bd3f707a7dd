/*
 * store.c - the server's side: what ese-server hangs its HTTP server's routes on.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ese-core/event_intake.h"
#include "ese-core/file_lock.h"
#include "ese-core/memory.h"
#include "ese-core/sqlite_syncs.h"
#include "transports/http/http.h"
#include "transports/http/store_list.h"
#include "transports/http/store_pages.h"
#include "transports/http/store_writer.h"

#define QUEUE_BYTES (INT64_C(64) * 1024 * 1024)
#define MIN_BYTES (INT64_C(1024) * 1024) /* some of the largest events fit */

struct ese_store {
    struct ese_store_log log;
    struct ese_group_writer *writer;
    struct ese_store_pages *pages;
    struct ese_event_lists *lists;
    struct ese_event_intake *intake;
    int lock_fd; /* -1: in memory only */
    struct ese_metric *asked; /* the original's count of GET /events */
};

static const struct ese_option options[] = {
    {.name = "data",
     .kind = ESE_OPTION_TEXT,
     .value = "DIR",
     .fallback = "ese-data",
     .help = "Where events are kept, in events.db; created when missing."},
    {.name = "max-bytes",
     .kind = ESE_OPTION_NUMBER,
     .value = "N",
     .fallback = "1073741824",
     .min = MIN_BYTES,
     .max = INT64_C(1) << 43,
     .help = "The database grows up to so many bytes. Beyond, requests are answered 503 until "
             "older events have left by --retention."},
    {.name = "queue-events",
     .kind = ESE_OPTION_NUMBER,
     .value = "N",
     .fallback = "10000",
     .min = 1,
     .max = 1000000,
     .help = "Events that may wait for a commit; beyond, requests are answered 503."},
    {.name = "group",
     .kind = ESE_OPTION_NUMBER,
     .value = "N",
     .fallback = "1000000",
     .min = 1,
     .max = 1000000,
     .help = "Requests that may share a commit: by default all that came in while the last one was under "
             "way. 1: each has its own, to see what sharing brings."},
    {.name = "max-batch",
     .kind = ESE_OPTION_NUMBER,
     .value = "N",
     .fallback = "1000",
     .min = 1,
     .max = 10000,
     .help = "Events a POST /events may hold."},
    ESE_OPTION_END,
};

/* ---- routes ---------------------------------------------------------------------------------- */

static void append(void *context, struct ese_append *append)
{
    struct ese_store *store = context;

    ese_store_writer_append(store->writer, append);
}

static void committed(void *context)
{
    struct ese_store *store = context;

    ese_event_pages_wake(ese_store_pages_of(store->pages));
}

static void get_events(void *context, struct ese_http_request *request)
{
    struct ese_store *store = context;

    ese_metric_add(store->asked, 1);
    if (ese_event_lists_page_asked(request))
        ese_event_pages_handle(ese_store_pages_of(store->pages), request);
    else
        ese_event_lists_handle(store->lists, request);
}

/* ---- life ------------------------------------------------------------------------------------ */

static void detach(struct ese_store **store, int timeout_ms)
{
    struct ese_store *detached = *store;

    if (detached == NULL)
        return;
    *store = NULL;
    if (detached->writer != NULL)
        ese_group_writer_stop(detached->writer, timeout_ms);
    ese_store_pages_close(&detached->pages);
    ese_event_lists_close(&detached->lists);
    ese_group_writer_close(&detached->writer);
    ese_event_intake_free(&detached->intake);
    if (detached->lock_fd >= 0)
        close(detached->lock_fd);
    free(detached->log.path);
    free(detached);
}

/* DIR/events.db, with DIR made. At memory durability it is only a name. */
static int find_path(struct ese_store_log *log, const char *directory, struct ese_error *error)
{
    struct ese_buffer path = ESE_BUFFER_INIT(4096);

    if (log->durability != ESE_DURABILITY_MEMORY && mkdir(directory, 0777) != 0 && errno != EEXIST)
        return ese_fail_path(error, "--data", directory, "a directory that can be made");
    if (log->durability == ESE_DURABILITY_DISK && ese_sqlite_sync_directory(directory, error) != 0)
        return -1; /* its name, whoever has made it */
    ese_buffer_printf(&path, "%s/events.db", directory);
    if (path.overflowed) {
        ese_buffer_free(&path);
        return ese_fail(error, ESE_E_USAGE, "the directory of --data has too long a name");
    }
    log->path = ese_buffer_detach(&path);
    return 0;
}

/* The writer knows the next offset: two of them on one log would give it twice. */
static int lock(struct ese_store *store, struct ese_error *error)
{
    if (store->log.durability == ESE_DURABILITY_MEMORY)
        return 0;
    return ese_file_lock(store->log.path, "--data", &store->lock_fd, error);
}

/* The writer comes first, as it makes the tables, and wakes the pages only when there are
 * requests. */
static int open_parts(struct ese_store *store, const struct ese_config *config,
                      const struct ese_store_settings *settings, struct ese_error *error)
{
    struct ese_group_writer_options writer = {
        .queue_events = ese_config_number(config, "queue-events"),
        .queue_bytes = QUEUE_BYTES,
        .group = ese_config_number(config, "group"),
        .server = settings->server,
        .metrics = settings->metrics,
        .committed = committed,
        .context = store,
    };

    store->log.max_bytes = ese_config_number(config, "max-bytes");
    if (find_path(&store->log, ese_config_text(config, "data"), error) != 0 ||
        lock(store, error) != 0 ||
        ese_store_writer_open(&store->log, &writer, &store->writer, error) != 0 ||
        ese_store_pages_open(&store->log, settings->metrics, &store->pages, error) != 0 ||
        ese_store_lists_open(&store->log, &store->lists, error) != 0)
        return -1;
    int max_batch = (int)ese_config_number(config, "max-batch");
    store->intake =
        ese_event_intake_new(settings->server, settings->metrics, max_batch, append, store);
    store->asked = ese_metrics_counter(settings->metrics, "get_events_ping_count", NULL,
                                       "Requests to GET /events.");
    ese_http_server_route(settings->server, "GET", "/events", get_events, store);
    return 0;
}

static int attach(const struct ese_config *config, const struct ese_store_settings *settings,
                  struct ese_store **store, struct ese_error *error)
{
    *store = ese_alloc(sizeof(**store));
    (*store)->lock_fd = -1;
    (*store)->log.durability = settings->durability;
    (*store)->log.retention_ms = settings->retention_ms;
    (*store)->log.grace_ms = settings->retention_ms / 10;
    if (open_parts(*store, config, settings, error) != 0) {
        detach(store, 0);
        return -1;
    }
    return 0;
}

static bool healthy(struct ese_store *store, char *text, size_t size)
{
    ese_group_writer_try(store->writer);
    return ese_group_writer_healthy(store->writer, text, size);
}

const struct ese_store_face ese_http_store = {
    .options = options,
    .attach = attach,
    .detach = detach,
    .healthy = healthy,
};
