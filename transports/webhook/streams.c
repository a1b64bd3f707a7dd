#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/file_lock.h"
#include "ese-core/hash.h"
#include "ese-core/memory.h"
#include "ese-core/sqlite_syncs.h"
#include "transports/webhook/stream_file.h"
#include "transports/webhook/stream_name.h"
#include "transports/webhook/stream_routes.h"
#include "transports/webhook/streams_internal.h"

#define SUFFIX ".db"
#define TRY_NS ESE_NS_PER_S

/* ---- which there are: with the mutex --------------------------------------------------------- */

static struct webhook_stream **bucket_of(struct ese_webhook_streams *streams, const char *name)
{
    return &streams->buckets[ese_hash32(name) % ESE_WEBHOOK_BUCKETS];
}

static struct webhook_stream *find(struct ese_webhook_streams *streams, const char *name)
{
    struct webhook_stream *stream = *bucket_of(streams, name);

    while (stream != NULL && strcmp(stream->name, name) != 0)
        stream = stream->next_in_bucket;
    return stream;
}

static struct webhook_stream *add(struct ese_webhook_streams *streams, const char *name)
{
    struct webhook_stream **bucket = bucket_of(streams, name);
    struct webhook_stream *stream = ese_alloc(sizeof(*stream) + strlen(name) + 1);

    memcpy(stream->name, name, strlen(name) + 1);
    stream->streams = streams;
    stream->waiting_tail = &stream->waiting;
    atomic_store(&stream->ends.oldest, -1);
    atomic_store(&stream->ends.newest, -1);
    atomic_store(&stream->ends.found, -1);
    stream->next_in_bucket = *bucket;
    *bucket = stream;
    ese_metric_add(streams->known_streams, 1);
    streams->known++;
    return stream;
}

/* ---- posts ----------------------------------------------------------------------------------- */

static void refuse(struct ese_webhook_row *row, enum ese_append_result result, const char *why)
{
    free(row->why);
    row->why = ese_copy_text(why);
    row->done(row, result);
}

/* Until there is a writer. False: as many wait as may. */
static bool wait_for_writer(struct webhook_stream *stream, struct ese_group_item *item)
{
    struct ese_webhook_streams *streams = stream->streams;

    if (streams->waiting_events + item->events > streams->options.queue_events ||
        streams->waiting_bytes + item->bytes > ESE_WEBHOOK_QUEUE_BYTES)
        return false;
    streams->waiting_events += item->events;
    streams->waiting_bytes += item->bytes;
    item->next = NULL;
    *stream->waiting_tail = item;
    stream->waiting_tail = &item->next;
    ese_webhook_stream_want(stream);
    return true;
}

static void touch(struct webhook_stream *stream)
{
    if (stream->is_touched)
        return;
    stream->is_touched = true;
    stream->next_touched = stream->streams->touched;
    stream->streams->touched = stream;
}

/* With the mutex. What is refused is answered without it: *why becomes the reason. */
static bool take(struct ese_webhook_streams *streams, const char *name, struct ese_webhook_row *row, const char **why,
                 enum ese_append_result *refusal)
{
    struct webhook_stream *stream = find(streams, name);

    *refusal = ESE_APPEND_FULL;
    *why = "the server is stopping";
    if (streams->stopping)
        return false;
    *why = "there are as many streams as there may be";
    *refusal = ESE_APPEND_AT_BOUND;
    if (stream == NULL && streams->known >= ESE_WEBHOOK_STREAMS_MOST)
        return false;
    if (stream == NULL)
        stream = add(streams, name);
    stream->used_ns = ese_clock_monotonic_ns();
    if (stream->state == WEBHOOK_OPEN) {
        ese_group_writer_append(stream->writer, &row->item);
        touch(stream);
        return true;
    }
    *why = NULL;
    *refusal = ESE_APPEND_FULL;
    return wait_for_writer(stream, &row->item);
}

int ese_webhook_streams_post(struct ese_webhook_streams *streams, const char *name, struct ese_webhook_row *row,
                             struct ese_error *error)
{
    enum ese_append_result refusal;
    const char *why;

    if (ese_webhook_stream_check(name, error) != 0)
        return -1;
    row->item.events = 1;
    row->item.bytes = (int64_t)(sizeof(*row) + row->length);
    pthread_mutex_lock(&streams->mutex);
    bool taken = take(streams, name, row, &why, &refusal);
    pthread_mutex_unlock(&streams->mutex);
    if (!taken)
        refuse(row, refusal, why);
    return 0;
}

void ese_webhook_streams_complete(void *context)
{
    struct ese_webhook_streams *streams = context;

    pthread_mutex_lock(&streams->mutex);
    while (streams->touched != NULL) {
        struct webhook_stream *stream = streams->touched;
        streams->touched = stream->next_touched;
        stream->is_touched = false;
        if (stream->state == WEBHOOK_OPEN)
            ese_group_writer_complete(stream->writer);
    }
    pthread_mutex_unlock(&streams->mutex);
}

/* ---- questions ------------------------------------------------------------------------------- */

char *ese_webhook_streams_path(const struct ese_webhook_streams *streams, const char *name)
{
    struct ese_buffer path = ESE_BUFFER_INIT(SIZE_MAX);

    ese_buffer_printf(&path, "%s/%s" SUFFIX, streams->options.directory, name);
    return ese_buffer_detach(&path);
}

const char *ese_webhook_streams_directory(const struct ese_webhook_streams *streams)
{
    return streams->options.directory;
}

enum ese_durability ese_webhook_streams_durability(const struct ese_webhook_streams *streams)
{
    return streams->options.durability;
}

int64_t ese_webhook_streams_first(const struct ese_webhook_streams *streams)
{
    return streams->first;
}

/* Of a stream that was not opened in this life. */
static int read_ends(struct ese_webhook_streams *streams, const char *name, int64_t *oldest, int64_t *newest,
                     struct ese_error *error)
{
    char *path = ese_webhook_streams_path(streams, name);
    struct ese_webhook_file *file = NULL;
    int got = ese_webhook_file_open(path, streams->options.durability, &file, error);

    *oldest = 1;
    *newest = 0;
    if (got == 1)
        got = ese_webhook_file_ends(file, oldest, newest, error);
    if (*newest == 0) {
        *oldest = streams->first;
        *newest = streams->first - 1;
    }
    ese_webhook_file_close(&file);
    free(path);
    return got < 0 ? -1 : 0;
}

/* A writer that was opened meanwhile knows better. */
static void note_ends(struct webhook_stream *stream, int64_t *oldest, int64_t *newest)
{
    pthread_mutex_lock(&stream->streams->mutex);
    if (stream->state == WEBHOOK_RESTING && atomic_load(&stream->ends.newest) < 0) {
        atomic_store(&stream->ends.newest, *newest);
        atomic_store(&stream->ends.oldest, *oldest);
    } else if (atomic_load(&stream->ends.newest) >= 0) {
        *newest = atomic_load(&stream->ends.newest);
        *oldest = atomic_load(&stream->ends.oldest);
    }
    pthread_mutex_unlock(&stream->streams->mutex);
}

int ese_webhook_streams_ends(struct ese_webhook_streams *streams, const char *name, int64_t *oldest, int64_t *newest,
                             struct ese_error *error)
{
    pthread_mutex_lock(&streams->mutex);
    struct webhook_stream *stream = find(streams, name);
    bool exists = stream != NULL && stream->exists;
    pthread_mutex_unlock(&streams->mutex);
    if (!exists)
        return ese_fail(error, ESE_E_MISSING, "there is no stream '%.200s'", name);
    *newest = atomic_load(&stream->ends.newest);
    *oldest = atomic_load(&stream->ends.oldest);
    if (*newest >= 0 && *oldest >= 0)
        return 0;
    if (read_ends(streams, name, oldest, newest, error) != 0)
        return -1;
    note_ends(stream, oldest, newest);
    return 0;
}

int64_t ese_webhook_streams_found(struct ese_webhook_streams *streams, const char *name)
{
    int64_t oldest, newest;

    if (ese_webhook_streams_ends(streams, name, &oldest, &newest, NULL) != 0)
        return -1;
    pthread_mutex_lock(&streams->mutex);
    int64_t found = atomic_load(&find(streams, name)->ends.found);
    pthread_mutex_unlock(&streams->mutex);
    return found >= 0 ? found : newest; /* no writer has opened it yet, so what was read is what was found */
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void ese_webhook_streams_each(struct ese_webhook_streams *streams, void (*visit)(void *context, const char *stream),
                              void *context)
{
    int count = 0;

    pthread_mutex_lock(&streams->mutex);
    const char **names = ese_alloc_array((size_t)streams->known + 1, sizeof(*names));
    for (int i = 0; i < ESE_WEBHOOK_BUCKETS; i++) {
        for (struct webhook_stream *stream = streams->buckets[i]; stream != NULL; stream = stream->next_in_bucket) {
            if (stream->exists)
                names[count++] = stream->name; /* which stays as long as we do */
        }
    }
    pthread_mutex_unlock(&streams->mutex);
    qsort(names, (size_t)count, sizeof(*names), compare_names);
    for (int i = 0; i < count; i++)
        visit(context, names[i]);
    free(names);
}

/* Who asks wants to know it of now: where a writer could not be opened, that is tried again. */
static bool hear_problem(struct ese_webhook_streams *streams, char *text, size_t size)
{
    if (streams->failed != NULL) {
        snprintf(text, size, "%s", streams->problem);
        ese_webhook_stream_want(streams->failed);
        return true;
    }
    return false;
}

/* The one to try: of those that are open and well the first behind the last one that was tried, else the first of all.
 * *healthy becomes false where one is not well, and text the reason. */
static struct webhook_stream *hear_writers(struct ese_webhook_streams *streams, bool *healthy, char *text, size_t size)
{
    struct webhook_stream *first = NULL, *next = NULL;
    bool is_behind = false;
    char own[560];

    for (int i = 0; i < ESE_WEBHOOK_BUCKETS; i++) {
        for (struct webhook_stream *stream = streams->buckets[i]; stream != NULL; stream = stream->next_in_bucket) {
            if (stream->state == WEBHOOK_OPEN && !ese_group_writer_healthy(stream->writer, own, sizeof(own))) {
                snprintf(text, size, "%s", own);
                *healthy = false;
            } else if (stream->state == WEBHOOK_OPEN) {
                first = first == NULL ? stream : first;
                next = next == NULL && is_behind ? stream : next;
            }
            is_behind = is_behind || stream == streams->tried;
        }
    }
    return next != NULL ? next : first;
}

/* A commit that is synced, so that neither many streams nor many who ask may make it many. */
static void try_writer(struct ese_webhook_streams *streams, struct webhook_stream *stream)
{
    int64_t now_ns = ese_clock_monotonic_ns();

    if (stream == NULL || now_ns < streams->next_try_ns)
        return;
    streams->next_try_ns = now_ns + TRY_NS;
    streams->tried = stream;
    ese_group_writer_try(stream->writer);
}

bool ese_webhook_streams_healthy(struct ese_webhook_streams *streams, char *text, size_t size)
{
    char own[560];
    bool healthy = true;

    snprintf(text, size, "%s", "");
    pthread_mutex_lock(&streams->mutex);
    try_writer(streams, hear_writers(streams, &healthy, text, size));
    if (hear_problem(streams, own, sizeof(own))) {
        snprintf(text, size, "%s", own);
        healthy = false;
    }
    pthread_mutex_unlock(&streams->mutex);
    return healthy;
}

void ese_webhook_streams_add_routes(struct ese_webhook_streams *streams)
{
    ese_webhook_routes_add(streams->routes, streams->options.server);
}

/* ---- life ------------------------------------------------------------------------------------ */

static void find_files(struct ese_webhook_streams *streams, DIR *directory)
{
    const struct dirent *entry;
    char name[ESE_WEBHOOK_STREAM_SIZE];

    while ((entry = readdir(directory)) != NULL) {
        size_t length = strlen(entry->d_name);
        size_t suffix = sizeof(SUFFIX) - 1;
        if (length <= suffix || length - suffix >= sizeof(name) || strcmp(entry->d_name + length - suffix, SUFFIX) != 0)
            continue;
        memcpy(name, entry->d_name, length - suffix);
        name[length - suffix] = '\0';
        if (ese_webhook_stream_check(name, NULL) == 0 && find(streams, name) == NULL)
            add(streams, name)->exists = true;
    }
}

/* One process only: a writer knows the next position, two of them would give it twice. */
static int lock(struct ese_webhook_streams *streams, struct ese_error *error)
{
    char *path = ese_webhook_streams_path(streams, "_meta");
    int locked = ese_file_lock(path, "--data", &streams->lock_fd, error);

    free(path);
    return locked;
}

static int open_directory(struct ese_webhook_streams *streams, struct ese_error *error)
{
    const char *path = streams->options.directory;

    if (streams->options.durability == ESE_DURABILITY_MEMORY)
        return 0;
    if (mkdir(path, 0777) != 0 && errno != EEXIST)
        return ese_fail_path(error, "--data", path, "a directory that can be made");
    if (streams->options.durability == ESE_DURABILITY_DISK && ese_sqlite_sync_directory(path, error) != 0)
        return -1; /* its name, whoever has made it */
    if (lock(streams, error) != 0)
        return -1;
    DIR *directory = opendir(path);
    if (directory == NULL)
        return ese_fail_path(error, "--data", path, "a directory that can be read");
    find_files(streams, directory);
    closedir(directory);
    return 0;
}

static void init(struct ese_webhook_streams *streams, const struct ese_webhook_streams_options *options)
{
    pthread_condattr_t monotonic;

    streams->options = *options;
    streams->options.directory = ese_copy_text(options->directory);
    streams->first = options->durability == ESE_DURABILITY_MEMORY ? ese_clock_wall_us() : 1;
    streams->lock_fd = -1;
    streams->wanted_tail = &streams->wanted;
    pthread_mutex_init(&streams->mutex, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&streams->work, &monotonic);
    pthread_condattr_destroy(&monotonic);
    streams->known_streams = ese_metrics_gauge(options->metrics, "ese_webhook_streams", NULL, "Streams there are.");
    streams->open_streams =
        ese_metrics_gauge(options->metrics, "ese_webhook_open_streams", NULL, "Streams that have a writer.");
    streams->expired = ese_metrics_counter(options->metrics, "ese_store_expired_events_total", NULL,
                                           "Events deleted because they were too old.");
    streams->openings = ese_metrics_counter(options->metrics, "ese_webhook_stream_openings_total", NULL,
                                            "Writers opened: far more than streams means that too few may be open.");
}

int ese_webhook_streams_open(const struct ese_webhook_streams_options *options, struct ese_webhook_streams **streams,
                             struct ese_error *error)
{
    *streams = ese_alloc(sizeof(**streams));
    init(*streams, options);
    if (open_directory(*streams, error) != 0 || ese_webhook_opener_start(*streams, error) != 0 ||
        ese_webhook_routes_open(*streams, &(*streams)->routes, error) != 0) {
        ese_webhook_streams_close(streams);
        return -1;
    }
    ese_http_server_after_turns(options->server, ese_webhook_streams_complete, *streams);
    return 0;
}

void ese_webhook_streams_stop(struct ese_webhook_streams *streams, int timeout_ms)
{
    pthread_mutex_lock(&streams->mutex);
    streams->stopping = true;
    streams->deadline_ns = ese_clock_monotonic_ns() + timeout_ms * ESE_NS_PER_MS;
    pthread_cond_signal(&streams->work);
    pthread_mutex_unlock(&streams->mutex);
    ese_webhook_opener_stop(streams);
}

void ese_webhook_streams_close(struct ese_webhook_streams **streams)
{
    struct ese_webhook_streams *closed = *streams;

    if (closed == NULL)
        return;
    *streams = NULL;
    ese_webhook_streams_stop(closed, 0);
    ese_webhook_routes_close(&closed->routes);
    ese_webhook_opener_close(closed);
    for (int i = 0; i < ESE_WEBHOOK_BUCKETS; i++) {
        while (closed->buckets[i] != NULL) {
            struct webhook_stream *stream = closed->buckets[i];
            closed->buckets[i] = stream->next_in_bucket;
            free(stream);
        }
    }
    if (closed->lock_fd >= 0)
        close(closed->lock_fd);
    pthread_cond_destroy(&closed->work);
    pthread_mutex_destroy(&closed->mutex);
    free((char *)closed->options.directory);
    free(closed);
}
