#include "ese-core/group_writer.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "ese-core/clock.h"
#include "ese-core/group_figures.h"
#include "ese-core/log.h"
#include "ese-core/memory.h"
#include "ese-core/news.h"
#include "ese-core/service.h"
#include "ese-core/sqlite_syncs.h"

/* Rows that are too old leave a few at a time, a little faster than others come in, so that no
 * commit is long because of them; when nothing comes in, every second. */
#define EXPIRE_AT_LEAST 64
#define EXPIRE_PER_EVENT 2
#define EXPIRE_WHEN_IDLE 1000
#define IDLE_NS ESE_NS_PER_S

/* So many requests are worth a commit while the server's thread still has others in hand: with each single one the
 * writer would take a processor from it. */
#define FEW 16

struct ese_group_writer {
    struct ese_group_writer_options options;
    bool failing;         /* the thread's, as what follows: not everything could be stored the last time, */
    bool broken;          /* because the transaction failed */
    struct ese_news news; /* what was told of it */
    struct ese_group_figures figures;
    pthread_t thread;
    bool started;
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t work;
    struct ese_group_item *head;
    struct ese_group_item **tail;
    int64_t requests;
    int64_t events;
    int64_t bytes;
    bool complete;       /* the server's thread has no others in hand */
    bool asked;          /* whether commits succeed, since the last one */
    bool closing;
    bool lost;           /* a sync has failed: nothing is stored any more */
    int64_t deadline_ns; /* when closing */
    char problem[560];   /* "" while everything is stored */
};

/* What one transaction takes. */
struct group {
    struct ese_group_item *head;
    int64_t events;
    const char *full; /* the table's words, where it had no room for some of it */
    bool asked;       /* somebody wants to know whether it succeeds */
};

/* ---- the queue ------------------------------------------------------------------------------- */

/* Any thread. */
static void answer(struct ese_group_writer *writer, struct ese_group_item *item, enum ese_append_result result)
{
    ese_group_figures_result(&writer->figures, result, item->events);
    writer->options.done(item, result);
}

static bool has_room(const struct ese_group_writer *writer, int64_t events, int64_t bytes)
{
    return !writer->closing && writer->events + events <= writer->options.queue_events &&
           writer->bytes + bytes <= writer->options.queue_bytes;
}

void ese_group_writer_append(struct ese_group_writer *writer, struct ese_group_item *item)
{
    item->next = NULL;
    pthread_mutex_lock(&writer->mutex);
    bool taken = has_room(writer, item->events, item->bytes);
    if (taken) {
        *writer->tail = item;
        writer->tail = &item->next;
        if (++writer->requests == FEW)
            pthread_cond_signal(&writer->work);
        writer->events += item->events;
        writer->bytes += item->bytes;
        ese_group_figures_queue(&writer->figures, writer->events, writer->bytes);
    }
    enum ese_append_result refusal = writer->lost ? ESE_APPEND_FAILED : ESE_APPEND_FULL;
    pthread_mutex_unlock(&writer->mutex);
    if (!taken)
        answer(writer, item, refusal);
}

void ese_group_writer_complete(void *writer)
{
    struct ese_group_writer *told = writer;

    pthread_mutex_lock(&told->mutex);
    if (told->head != NULL && !told->complete) {
        told->complete = true;
        pthread_cond_signal(&told->work);
    }
    pthread_mutex_unlock(&told->mutex);
}

static void wait_for_work(struct ese_group_writer *writer)
{
    int64_t until_ns = ese_clock_monotonic_ns() + IDLE_NS;
    const struct timespec until = {.tv_sec = until_ns / ESE_NS_PER_S, .tv_nsec = until_ns % ESE_NS_PER_S};

    while (writer->requests < FEW && !writer->complete && !writer->closing) {
        if (pthread_cond_timedwait(&writer->work, &writer->mutex, &until) != 0)
            return;
    }
}

/* Leaves in the queue what is beyond the first `options.group` requests of it. */
static void give_back(struct ese_group_writer *writer, struct group *group)
{
    struct ese_group_item **end = &group->head;

    for (int64_t i = 0; i < writer->options.group && *end != NULL; i++)
        end = &(*end)->next;
    writer->head = *end;
    *end = NULL;
    for (struct ese_group_item *item = writer->head; item != NULL; item = item->next) {
        writer->tail = &item->next;
        writer->requests++;
        writer->events += item->events;
        writer->bytes += item->bytes;
    }
    group->events -= writer->events;
}

/* False when the writer is closing and nothing is left. An empty group: nothing came in for a
 * while. */
static bool take_group(struct ese_group_writer *writer, struct group *group, bool *too_late)
{
    pthread_mutex_lock(&writer->mutex);
    wait_for_work(writer);
    *group = (struct group){.head = writer->head, .events = writer->events, .asked = writer->asked};
    *too_late = writer->closing && ese_clock_monotonic_ns() > writer->deadline_ns;
    bool too_many = writer->requests > writer->options.group;
    writer->head = NULL;
    writer->tail = &writer->head;
    writer->requests = 0;
    writer->events = 0;
    writer->bytes = 0;
    writer->asked = false;
    if (too_many)
        give_back(writer, group);
    writer->complete = writer->complete && writer->head != NULL;
    ese_group_figures_queue(&writer->figures, writer->events, writer->bytes);
    bool more = group->head != NULL || !writer->closing;
    pthread_mutex_unlock(&writer->mutex);
    return more;
}

/* ---- one transaction ------------------------------------------------------------------------- */

static void answer_each(struct ese_group_writer *writer, struct ese_group_item *head)
{
    ese_http_server_hold(writer->options.server);
    while (head != NULL) {
        struct ese_group_item *item = head;
        head = item->next;
        answer(writer, item, item->result);
    }
    ese_http_server_release(writer->options.server);
}

static void answer_all(struct ese_group_writer *writer, struct ese_group_item *head, enum ese_append_result result)
{
    for (struct ese_group_item *item = head; item != NULL; item = item->next)
        item->result = result;
    answer_each(writer, head);
}

/* What is too old leaves first, so that what comes may have its room. */
static int store_group(struct ese_group_writer *writer, struct group *group, int64_t *expired, struct ese_error *error)
{
    const struct ese_group_table *functions = writer->options.functions;
    void *table = writer->options.table;
    int64_t now_ms = ese_clock_wall_ms();
    bool idle = group->head == NULL;
    int64_t most = idle ? EXPIRE_WHEN_IDLE : EXPIRE_AT_LEAST + EXPIRE_PER_EVENT * group->events;

    if (functions->expire(table, now_ms, most, expired, error) != 0)
        return -1;
    /* Who is told that we cannot store may send nothing more: find out by ourselves when we can.
     * And who asks how we are wants to know it of now, not of the last event. */
    if (idle && (writer->failing || group->asked) &&
        functions->probe(table, now_ms, &group->full, error) != 0)
        return -1;
    for (struct ese_group_item *item = group->head; item != NULL; item = item->next) {
        if (functions->append(table, item, now_ms, &item->result, error) != 0)
            return -1;
        if (item->result == ESE_APPEND_AT_BOUND)
            group->full = functions->full(table);
    }
    return 0;
}

/* text: why not everything could be stored; "" when it was. */
static void note_problem(struct ese_group_writer *writer, const char *text)
{
    writer->failing = text[0] != '\0';
    if (ese_news_due(&writer->news, writer->failing)) {
        if (writer->failing)
            ese_log_error("events are refused: %s", text);
        else
            ese_log_info("events are taken again");
    }
    pthread_mutex_lock(&writer->mutex);
    snprintf(writer->problem, sizeof(writer->problem), "%s", text);
    pthread_mutex_unlock(&writer->mutex);
}

/* A transaction that broke off before its commit left nothing behind. Of a commit that failed
 * this cannot be known until the file is read again: its last page may have reached the disk. */
static enum ese_append_result result_of_failure(const struct ese_error *error, bool committing)
{
    if (error->code == ESE_E_FULL)
        return ESE_APPEND_NO_ROOM;
    if (committing && ese_sqlite_syncs_failed())
        return ESE_APPEND_UNSYNCED;
    return committing ? ESE_APPEND_UNKNOWN : ESE_APPEND_FAILED;
}

/* Within a transaction that fails nothing leaves: where that is for want of room, it would go on
 * so. */
static int expire_alone(struct ese_group_writer *writer, struct ese_error *error)
{
    const struct ese_group_table *functions = writer->options.functions;
    void *table = writer->options.table;
    int64_t expired = 0;

    if (functions->begin(table, error) != 0)
        return -1;
    if (functions->expire(table, ese_clock_wall_ms(), EXPIRE_WHEN_IDLE, &expired, error) != 0) {
        functions->rollback(table);
        return -1;
    }
    if (functions->commit(table, error) != 0)
        return -1;
    ese_metric_add(writer->figures.expired, expired);
    return 0;
}

static int commit_group(struct ese_group_writer *writer, struct group *group, bool *committing, struct ese_error *error)
{
    const struct ese_group_table *functions = writer->options.functions;
    void *table = writer->options.table;
    int64_t started_ns = ese_clock_monotonic_ns();
    int64_t end = functions->end(table);
    int64_t repeats = functions->repeats(table);
    int64_t expired = 0;

    *committing = false;
    if (writer->broken && expire_alone(writer, error) != 0)
        return -1;
    if (functions->begin(table, error) != 0)
        return -1;
    if (store_group(writer, group, &expired, error) != 0) {
        functions->rollback(table);
        return -1;
    }
    *committing = true;
    if (functions->commit(table, error) != 0)
        return -1;
    int64_t stored = functions->end(table) - end;
    ese_group_figures_commit(&writer->figures, stored, functions->repeats(table) - repeats, expired);
    ese_metric_observe_us(writer->figures.commit_seconds, (ese_clock_monotonic_ns() - started_ns) / 1000);
    if (stored > 0)
        writer->options.committed(writer->options.context);
    return 0;
}

static void show_bytes(struct ese_group_writer *writer)
{
    const struct ese_group_table *functions = writer->options.functions;
    const void *table = writer->options.table;

    ese_group_figures_bytes(&writer->figures, functions->used_bytes(table), functions->max_bytes(table));
}

static void keep_group(struct ese_group_writer *writer, struct group *group)
{
    struct ese_error error = {0};
    bool committing;

    writer->broken = commit_group(writer, group, &committing, &error) != 0;
    ese_group_figures_syncs(&writer->figures);
    if (!writer->broken) {
        show_bytes(writer);
        note_problem(writer, group->full == NULL ? "" : group->full);
        answer_each(writer, group->head);
    } else {
        ese_metric_add(writer->figures.failed_commits, 1);
        note_problem(writer, error.text);
        answer_all(writer, group->head, result_of_failure(&error, committing));
    }
}

/* After a failed sync nobody may believe another one. Who waits is told so, and the process ends. */
static void give_up(struct ese_group_writer *writer)
{
    struct ese_error error = {0};

    ese_sqlite_syncs_check(&error);
    note_problem(writer, error.text);
    pthread_mutex_lock(&writer->mutex);
    struct ese_group_item *head = writer->head;
    writer->head = NULL;
    writer->tail = &writer->head;
    writer->events = writer->bytes = 0;
    ese_group_figures_queue(&writer->figures, 0, 0);
    writer->closing = true;
    writer->lost = true;
    pthread_mutex_unlock(&writer->mutex);
    answer_all(writer, head, ESE_APPEND_FAILED);
    ese_service_stop();
}

static void *run(void *context)
{
    struct ese_group_writer *writer = context;
    struct group group;
    bool too_late;

    while (!ese_sqlite_syncs_failed() && take_group(writer, &group, &too_late)) {
        if (too_late)
            answer_all(writer, group.head, ESE_APPEND_FULL);
        else
            keep_group(writer, &group);
    }
    if (ese_sqlite_syncs_failed())
        give_up(writer);
    return NULL;
}

/* ---- life ------------------------------------------------------------------------------------ */

static void init_waiting(struct ese_group_writer *writer)
{
    pthread_condattr_t monotonic;

    pthread_mutex_init(&writer->mutex, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&writer->work, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

int ese_group_writer_open(const struct ese_group_writer_options *options,
                          struct ese_group_writer **writer, struct ese_error *error)
{
    struct ese_group_writer *opened = ese_alloc(sizeof(*opened));

    *writer = opened;
    opened->options = *options;
    opened->tail = &opened->head;
    init_waiting(opened);
    ese_group_figures_make(&opened->figures, options->metrics);
    show_bytes(opened);
    ese_group_figures_syncs(&opened->figures);
    int failed = pthread_create(&opened->thread, NULL, run, opened);
    opened->started = failed == 0;
    if (!opened->started) {
        ese_group_writer_close(writer);
        return ese_fail(error, ESE_E_IO, "no thread for the store: %s", strerror(failed));
    }
    return 0;
}

bool ese_group_writer_healthy(struct ese_group_writer *writer, char *text, size_t size)
{
    pthread_mutex_lock(&writer->mutex);
    bool healthy = writer->problem[0] == '\0';
    snprintf(text, size, "%s", writer->problem);
    pthread_mutex_unlock(&writer->mutex);
    return healthy;
}

void ese_group_writer_try(struct ese_group_writer *writer)
{
    pthread_mutex_lock(&writer->mutex);
    writer->asked = true;
    pthread_mutex_unlock(&writer->mutex);
}

void ese_group_writer_stop(struct ese_group_writer *writer, int timeout_ms)
{
    pthread_mutex_lock(&writer->mutex);
    writer->closing = true;
    writer->deadline_ns = ese_clock_monotonic_ns() + timeout_ms * ESE_NS_PER_MS;
    pthread_cond_signal(&writer->work);
    pthread_mutex_unlock(&writer->mutex);
    if (writer->started)
        pthread_join(writer->thread, NULL);
    writer->started = false;
}

void ese_group_writer_close(struct ese_group_writer **writer)
{
    struct ese_group_writer *closed = *writer;

    if (closed == NULL)
        return;
    *writer = NULL;
    ese_group_writer_stop(closed, 0);
    ese_group_figures_bytes(&closed->figures, 0, 0);
    closed->options.functions->close(closed->options.table);
    pthread_cond_destroy(&closed->work);
    pthread_mutex_destroy(&closed->mutex);
    free(closed);
}
