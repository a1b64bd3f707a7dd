#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ese-core/clock.h"
#include "ese-core/log.h"
#include "ese-core/memory.h"
#include "transports/webhook/streams_internal.h"

#define TICK_NS ESE_NS_PER_S
#define REST_NS (60 * ESE_NS_PER_S) /* a writer that was not posted to for so long is closed */
#define SWEEP_NS (ESE_NS_PER_S / 4) /* so long of each second old rows of resting streams leave */
#define BUSY_SWEEP_NS (ESE_NS_PER_S / 20) /* and so long where one is */
#define SWEEP_ROWS 2000             /* in a transaction */
#define TELL_NS (10 * ESE_NS_PER_S) /* what may be so a thousand times a second is told now and then */
#define CLOSE_MS 60000 /* for what it has in hand: a disk that does not answer */

/* ---- wishes ---------------------------------------------------------------------------------- */

void ese_webhook_stream_want(struct webhook_stream *stream)
{
    struct ese_webhook_streams *streams = stream->streams;

    if (stream->state != WEBHOOK_RESTING)
        return; /* what is being closed is wanted again by who closes it */
    stream->state = WEBHOOK_WANTED;
    stream->next_wanted = NULL;
    *streams->wanted_tail = stream;
    streams->wanted_tail = &stream->next_wanted;
    pthread_cond_signal(&streams->work);
}

static struct webhook_stream *take_wanted(struct ese_webhook_streams *streams)
{
    struct webhook_stream *stream = streams->wanted;

    if (stream == NULL)
        return NULL;
    streams->wanted = stream->next_wanted;
    if (streams->wanted == NULL)
        streams->wanted_tail = &streams->wanted;
    return stream;
}

/* With the mutex: those that wait for the writer are the caller's. */
static struct ese_group_item *take_waiting(struct webhook_stream *stream)
{
    struct ese_group_item *head = stream->waiting;

    for (struct ese_group_item *item = head; item != NULL; item = item->next) {
        stream->streams->waiting_events -= item->events;
        stream->streams->waiting_bytes -= item->bytes;
    }
    stream->waiting = NULL;
    stream->waiting_tail = &stream->waiting;
    return head;
}

static void refuse_all(struct ese_group_item *head, enum ese_append_result result, const char *why)
{
    while (head != NULL) {
        struct ese_webhook_row *row = (struct ese_webhook_row *)head;
        head = head->next;
        free(row->why);
        row->why = ese_copy_text(why);
        row->done(row, result);
    }
}

/* ---- closing --------------------------------------------------------------------------------- */

/* With the mutex. Who has come meanwhile waits on. */
static void rest(struct webhook_stream *stream)
{
    stream->state = WEBHOOK_RESTING;
    if (stream->waiting != NULL)
        ese_webhook_stream_want(stream);
}

/* With the mutex, which is let go of meanwhile. What it has queued is stored; what comes waits until it is open
 * again. */
static void close_writer(struct webhook_stream *stream, int timeout_ms)
{
    struct ese_webhook_streams *streams = stream->streams;

    stream->state = WEBHOOK_CLOSING;
    pthread_mutex_unlock(&streams->mutex);
    ese_group_writer_stop(stream->writer, timeout_ms);
    ese_group_writer_close(&stream->writer);
    ese_metric_add(streams->open_streams, -1);
    pthread_mutex_lock(&streams->mutex);
    streams->open--;
    stream->rests_ns = ese_clock_monotonic_ns();
    rest(stream);
}

/* The open one whose last post is the longest ago, and before then (0: whenever that was). */
static struct webhook_stream *find_resting(struct ese_webhook_streams *streams, int64_t before_ns)
{
    struct webhook_stream *found = NULL;

    for (int i = 0; i < ESE_WEBHOOK_BUCKETS; i++) {
        for (struct webhook_stream *stream = streams->buckets[i]; stream != NULL; stream = stream->next_in_bucket) {
            if (stream->state == WEBHOOK_OPEN && (before_ns == 0 || stream->used_ns < before_ns) &&
                (found == NULL || stream->used_ns < found->used_ns))
                found = stream;
        }
    }
    return found;
}

/* ---- opening --------------------------------------------------------------------------------- */

static void committed(void *context)
{
    struct webhook_stream *stream = context;
    const struct ese_webhook_streams_options *options = &stream->streams->options;

    if (options->grown != NULL)
        options->grown(options->context, stream->name);
}

static void done(struct ese_group_item *item, enum ese_append_result result)
{
    struct ese_webhook_row *row = (struct ese_webhook_row *)item;

    row->done(row, result);
}

static int open_table(struct webhook_stream *stream, struct ese_webhook_table **table, struct ese_error *error)
{
    struct ese_webhook_streams *streams = stream->streams;
    char *path = ese_webhook_streams_path(streams, stream->name);
    const struct ese_webhook_table_options options = {
        .path = path,
        .stream = stream->name,
        .durability = streams->options.durability,
        .first = streams->first,
        .retention_ms = streams->options.retention_ms,
        .max_bytes = streams->options.max_bytes,
        .age = &streams->age,
        .ends = &stream->ends,
    };
    int opened = ese_webhook_table_open(&options, table, error);

    free(path);
    return opened;
}

static int open_writer(struct webhook_stream *stream, struct ese_group_writer **writer, struct ese_error *error)
{
    struct ese_webhook_streams *streams = stream->streams;
    struct ese_webhook_table *table;
    struct ese_group_writer_options options = {
        .functions = &ese_webhook_table_functions,
        .queue_events = streams->options.queue_events,
        .queue_bytes = ESE_WEBHOOK_QUEUE_BYTES,
        .group = streams->options.group,
        .server = streams->options.server,
        .metrics = streams->options.metrics,
        .done = done,
        .committed = committed,
        .context = stream,
    };

    if (open_table(stream, &table, error) != 0)
        return -1;
    options.table = table;
    return ese_group_writer_open(&options, writer, error);
}

/* With the mutex. Those that waited are the first in its queue, which holds as many. */
static void begin_writing(struct webhook_stream *stream, struct ese_group_writer *writer)
{
    struct ese_webhook_streams *streams = stream->streams;
    struct ese_group_item *item = take_waiting(stream);

    stream->writer = writer;
    stream->state = WEBHOOK_OPEN;
    stream->exists = true;
    streams->open++;
    streams->failed = NULL;
    while (item != NULL) {
        struct ese_group_item *next = item->next;
        ese_group_writer_append(writer, item);
        item = next;
    }
    ese_group_writer_complete(writer);
}

/* That somebody's file is no stream, or that there are too many, is nothing that the server could recover from: it is
 * told to who posts to it. */
static void note_failure(struct webhook_stream *stream, const struct ese_error *error)
{
    struct ese_webhook_streams *streams = stream->streams;
    int64_t now_ns = ese_clock_monotonic_ns();

    if (streams->failed == stream)
        streams->failed = NULL;
    if (error->code == ESE_E_FULL || error->code == ESE_E_IO) {
        streams->failed = stream;
        snprintf(streams->problem, sizeof(streams->problem), "%s", error->text);
    }
    if (now_ns < streams->told_ns)
        return;
    streams->told_ns = now_ns + TELL_NS;
    ese_log_error("the stream '%s' cannot be opened: %s", stream->name, error->text);
}

static enum ese_append_result result_of(const struct ese_error *error)
{
    if (error->code == ESE_E_FULL)
        return ESE_APPEND_NO_ROOM;
    return error->code == ESE_E_CLOSED ? ESE_APPEND_AT_BOUND : ESE_APPEND_FAILED;
}

/* With the mutex, which is let go of meanwhile. */
static void fail(struct webhook_stream *stream, const struct ese_error *error)
{
    struct ese_webhook_streams *streams = stream->streams;
    struct ese_group_item *head = take_waiting(stream);

    stream->state = WEBHOOK_RESTING;
    stream->rests_ns = ese_clock_monotonic_ns();
    note_failure(stream, error);
    pthread_mutex_unlock(&streams->mutex);
    refuse_all(head, result_of(error), error->text);
    pthread_mutex_lock(&streams->mutex);
}

/* With the mutex, which is let go of meanwhile. ESE_E_CLOSED: there is none. */
static int make_place(struct ese_webhook_streams *streams, struct ese_error *error)
{
    if (streams->open < streams->options.most_open)
        return 0;
    if (streams->options.durability == ESE_DURABILITY_MEMORY)
        return ese_fail(error, ESE_E_CLOSED, "there are %d streams in memory, and no more are kept there",
                        streams->open);
    close_writer(find_resting(streams, 0), CLOSE_MS);
    return 0;
}

/* With the mutex, which is let go of meanwhile. */
static void open_stream(struct webhook_stream *stream)
{
    struct ese_webhook_streams *streams = stream->streams;
    struct ese_group_writer *writer = NULL;
    struct ese_error error = {0};
    int opened = make_place(streams, &error);

    if (opened == 0) {
        pthread_mutex_unlock(&streams->mutex);
        opened = open_writer(stream, &writer, &error);
        pthread_mutex_lock(&streams->mutex);
    }
    if (opened != 0) {
        fail(stream, &error);
        return;
    }
    ese_metric_add(streams->openings, 1);
    ese_metric_add(streams->open_streams, 1);
    begin_writing(stream, writer);
}

/* ---- old rows of those that rest --------------------------------------------------------------- */

/* One that has rested for its retention has rows to leave, if it has more than the one that stays. */
static bool is_due(const struct webhook_stream *stream, int64_t now_ns)
{
    int64_t retention_ns = stream->streams->options.retention_ms * ESE_NS_PER_MS;
    int64_t newest = atomic_load(&stream->ends.newest);

    if (stream->state != WEBHOOK_RESTING || !stream->exists || retention_ns == 0)
        return false;
    if (stream->rests_ns != 0 && now_ns - stream->rests_ns < retention_ns)
        return false;
    return newest < 0 || atomic_load(&stream->ends.oldest) < newest;
}

static int expire_some(struct webhook_stream *stream, int64_t *deleted, struct ese_error *error)
{
    const struct ese_group_table *functions = &ese_webhook_table_functions;
    struct ese_webhook_table *table;
    int result = 0;

    if (open_table(stream, &table, error) != 0)
        return -1;
    if (functions->begin(table, error) != 0)
        result = -1;
    else if (functions->expire(table, ese_clock_wall_ms(), SWEEP_ROWS, deleted, error) == 0)
        result = functions->commit(table, error);
    else {
        functions->rollback(table);
        result = -1;
    }
    functions->close(table);
    return result;
}

/* With the mutex, which is let go of meanwhile. Without a writer, so that none in use has to make place; who posts
 * waits as while one is closed. */
static void sweep_stream(struct webhook_stream *stream)
{
    struct ese_webhook_streams *streams = stream->streams;
    struct ese_error error = {0};
    int64_t deleted = 0;

    stream->state = WEBHOOK_CLOSING;
    pthread_mutex_unlock(&streams->mutex);
    int swept = expire_some(stream, &deleted, &error);
    ese_metric_add(streams->expired, deleted);
    pthread_mutex_lock(&streams->mutex);
    if (swept != 0) {
        fail(stream, &error);
        return;
    }
    if (deleted < SWEEP_ROWS)
        stream->rests_ns = ese_clock_monotonic_ns(); /* else it is due again, once the others have had their turn */
    rest(stream);
}

/* With the mutex. The next one; NULL: none is due. */
static struct webhook_stream *find_due(struct ese_webhook_streams *streams, int64_t now_ns)
{
    for (int i = 0; i < ESE_WEBHOOK_BUCKETS; i++) {
        streams->swept = (streams->swept + 1) % ESE_WEBHOOK_BUCKETS;
        for (struct webhook_stream *stream = streams->buckets[streams->swept]; stream != NULL;
             stream = stream->next_in_bucket) {
            if (is_due(stream, now_ns))
                return stream;
        }
    }
    return NULL;
}

/* With the mutex, which is let go of meanwhile. One at least, however slow it is. */
static void sweep(struct ese_webhook_streams *streams)
{
    int64_t now_ns = ese_clock_monotonic_ns(), began_ns = now_ns;
    struct webhook_stream *stream;

    if (streams->options.retention_ms == 0)
        return;
    streams->next_sweep_ns = now_ns + TICK_NS;
    while (!streams->stopping && (stream = find_due(streams, now_ns)) != NULL) {
        sweep_stream(stream);
        now_ns = ese_clock_monotonic_ns();
        if (now_ns - began_ns >= (streams->wanted != NULL ? BUSY_SWEEP_NS : SWEEP_NS))
            return;
    }
}

/* ---- the thread ------------------------------------------------------------------------------ */

/* What rests is closed; not while somebody waits. */
static void tidy(struct ese_webhook_streams *streams)
{
    int64_t now_ns = ese_clock_monotonic_ns();
    struct webhook_stream *stream;

    while (!streams->stopping && streams->wanted == NULL &&
           (stream = find_resting(streams, now_ns - REST_NS)) != NULL)
        close_writer(stream, CLOSE_MS);
    if (now_ns >= streams->next_sweep_ns)
        sweep(streams);
}

static void wait_for_wish(struct ese_webhook_streams *streams)
{
    int64_t until_ns = ese_clock_monotonic_ns() + TICK_NS;
    const struct timespec until = {.tv_sec = until_ns / ESE_NS_PER_S, .tv_nsec = until_ns % ESE_NS_PER_S};

    if (streams->wanted == NULL && !streams->stopping)
        pthread_cond_timedwait(&streams->work, &streams->mutex, &until);
}

static bool goes_on(const struct ese_webhook_streams *streams)
{
    return !streams->stopping || (streams->wanted != NULL && ese_clock_monotonic_ns() < streams->deadline_ns);
}

static void *run(void *context)
{
    struct ese_webhook_streams *streams = context;
    struct webhook_stream *stream;

    pthread_mutex_lock(&streams->mutex);
    while (goes_on(streams)) {
        wait_for_wish(streams);
        if (goes_on(streams) && (stream = take_wanted(streams)) != NULL)
            open_stream(stream);
        if (!streams->stopping && streams->options.durability != ESE_DURABILITY_MEMORY)
            tidy(streams);
    }
    while ((stream = take_wanted(streams)) != NULL) {
        stream->state = WEBHOOK_RESTING;
        struct ese_group_item *head = take_waiting(stream);
        pthread_mutex_unlock(&streams->mutex);
        refuse_all(head, ESE_APPEND_FULL, "the server is stopping");
        pthread_mutex_lock(&streams->mutex);
    }
    pthread_mutex_unlock(&streams->mutex);
    return NULL;
}

int ese_webhook_opener_start(struct ese_webhook_streams *streams, struct ese_error *error)
{
    int failed = pthread_create(&streams->opener, NULL, run, streams);

    streams->started = failed == 0;
    return failed == 0 ? 0 : ese_fail(error, ESE_E_IO, "no thread for the streams: %s", strerror(failed));
}

static int left_ms(const struct ese_webhook_streams *streams)
{
    int64_t left_ns = streams->deadline_ns - ese_clock_monotonic_ns();

    return left_ns > 0 ? (int)(left_ns / ESE_NS_PER_MS) : 0;
}

/* Each writer; at their end, when nobody else is there. */
static void for_each_writer(struct ese_webhook_streams *streams, void (*call)(struct webhook_stream *stream))
{
    for (int i = 0; i < ESE_WEBHOOK_BUCKETS; i++) {
        for (struct webhook_stream *stream = streams->buckets[i]; stream != NULL; stream = stream->next_in_bucket) {
            if (stream->writer != NULL)
                call(stream);
        }
    }
}

static void stop_writer(struct webhook_stream *stream)
{
    ese_group_writer_stop(stream->writer, left_ms(stream->streams));
}

static void end_writer(struct webhook_stream *stream)
{
    ese_group_writer_close(&stream->writer);
    ese_metric_add(stream->streams->open_streams, -1);
}

void ese_webhook_opener_stop(struct ese_webhook_streams *streams)
{
    if (streams->started)
        pthread_join(streams->opener, NULL);
    streams->started = false;
    for_each_writer(streams, stop_writer);
}

void ese_webhook_opener_close(struct ese_webhook_streams *streams)
{
    for_each_writer(streams, end_writer);
}
