#include "transports/http/store_writer.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "ese-core/clock.h"
#include "ese-core/log.h"
#include "ese-core/memory.h"
#include "ese-core/news.h"
#include "ese-core/service.h"
#include "ese-core/sqlite_syncs.h"
#include "transports/http/store_table.h"

/* Rows that are too old leave a few at a time, a little faster than others come in, so that no
 * commit is long because of them; when nothing comes in, every second. */
#define EXPIRE_AT_LEAST 64
#define EXPIRE_PER_EVENT 2
#define EXPIRE_WHEN_IDLE 1000
#define IDLE_NS ESE_NS_PER_S

/* So many requests are worth a commit while the server's thread still has others in hand: with each single one the
 * writer would take a processor from it. */
#define FEW 16

/* What is not stored is counted by its reason; the results that have none are no refusals. */
static const char *const reasons[] = {
    [ESE_APPEND_FULL] = "reason=\"queue\"",        [ESE_APPEND_AT_BOUND] = "reason=\"bound\"",
    [ESE_APPEND_CONFLICT] = "reason=\"conflict\"", [ESE_APPEND_NO_ROOM] = "reason=\"disk\"",
    [ESE_APPEND_FAILED] = "reason=\"failed\"",
};

struct figures {
    struct ese_metric *queue_events;
    struct ese_metric *queue_bytes;
    struct ese_metric *stored;
    struct ese_metric *repeats;
    struct ese_metric *expired;
    struct ese_metric *commits;
    struct ese_metric *failed_commits;
    struct ese_metric *commit_seconds;
    struct ese_metric *used_bytes;
    struct ese_metric *syncs;
    struct ese_metric *refused[ESE_COUNT_OF(reasons)];
};

struct ese_store_writer {
    struct ese_store_writer_options options;
    struct ese_store_table *table; /* the thread's, as what follows */
    bool failing;                  /* not everything could be stored the last time, */
    bool broken;                   /* because the transaction failed */
    struct ese_news news;          /* what was told of it */
    struct figures figures;
    pthread_t thread;
    bool started;
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t work;
    struct ese_append *head;
    struct ese_append **tail;
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
    struct ese_append *head;
    int64_t events;
    const char *full; /* the table's words, where it had no room for some of it */
    bool asked;       /* somebody wants to know whether it succeeds */
};

/* ---- the queue ------------------------------------------------------------------------------- */

static int64_t bytes_of(const struct ese_append *append)
{
    int64_t bytes = (int64_t)sizeof(*append);

    for (size_t i = 0; i < append->list.count; i++) {
        const struct ese_event *event = &append->list.events[i];
        bytes += (int64_t)(sizeof(*event) + strlen(ese_event_data(event)));
    }
    return bytes;
}

/* Any thread. */
static void answer(struct ese_store_writer *writer, struct ese_append *append, enum ese_append_result result)
{
    if ((size_t)result < ESE_COUNT_OF(reasons) && reasons[result] != NULL)
        ese_metric_add(writer->figures.refused[result], (int64_t)append->list.count);
    ese_append_done(append, result);
}

static bool has_room(const struct ese_store_writer *writer, int64_t events, int64_t bytes)
{
    return !writer->closing && writer->events + events <= writer->options.queue_events &&
           writer->bytes + bytes <= writer->options.queue_bytes;
}

void ese_store_writer_append(struct ese_store_writer *writer, struct ese_append *append)
{
    int64_t events = (int64_t)append->list.count;
    int64_t bytes = bytes_of(append);

    append->next = NULL;
    pthread_mutex_lock(&writer->mutex);
    bool taken = has_room(writer, events, bytes);
    if (taken) {
        *writer->tail = append;
        writer->tail = &append->next;
        if (++writer->requests == FEW)
            pthread_cond_signal(&writer->work);
        writer->events += events;
        writer->bytes += bytes;
        ese_metric_set(writer->figures.queue_events, writer->events);
        ese_metric_set(writer->figures.queue_bytes, writer->bytes);
    }
    enum ese_append_result refusal = writer->lost ? ESE_APPEND_FAILED : ESE_APPEND_FULL;
    pthread_mutex_unlock(&writer->mutex);
    if (!taken)
        answer(writer, append, refusal);
}

/* The server's thread waits for further requests. */
static void complete_group(void *context)
{
    struct ese_store_writer *writer = context;

    pthread_mutex_lock(&writer->mutex);
    if (writer->head != NULL && !writer->complete) {
        writer->complete = true;
        pthread_cond_signal(&writer->work);
    }
    pthread_mutex_unlock(&writer->mutex);
}

static void wait_for_work(struct ese_store_writer *writer)
{
    int64_t until_ns = ese_clock_monotonic_ns() + IDLE_NS;
    const struct timespec until = {.tv_sec = until_ns / ESE_NS_PER_S, .tv_nsec = until_ns % ESE_NS_PER_S};

    while (writer->requests < FEW && !writer->complete && !writer->closing) {
        if (pthread_cond_timedwait(&writer->work, &writer->mutex, &until) != 0)
            return;
    }
}

/* Leaves in the queue what is beyond the first `options.group` requests of it. */
static void give_back(struct ese_store_writer *writer, struct group *group)
{
    struct ese_append **end = &group->head;

    for (int64_t i = 0; i < writer->options.group && *end != NULL; i++)
        end = &(*end)->next;
    writer->head = *end;
    *end = NULL;
    for (struct ese_append *append = writer->head; append != NULL; append = append->next) {
        writer->tail = &append->next;
        writer->requests++;
        writer->events += (int64_t)append->list.count;
        writer->bytes += bytes_of(append);
    }
    group->events -= writer->events;
}

/* False when the writer is closing and nothing is left. An empty group: nothing came in for a
 * while. */
static bool take_group(struct ese_store_writer *writer, struct group *group, bool *too_late)
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
    ese_metric_set(writer->figures.queue_events, writer->events);
    ese_metric_set(writer->figures.queue_bytes, writer->bytes);
    bool more = group->head != NULL || !writer->closing;
    pthread_mutex_unlock(&writer->mutex);
    return more;
}

/* From the opening on, and after every transaction, failed ones too: what was synced was synced. */
static void count_syncs(struct ese_store_writer *writer)
{
    ese_metric_add(writer->figures.syncs, ese_sqlite_syncs() - ese_metric_value(writer->figures.syncs));
}

/* ---- one transaction ------------------------------------------------------------------------- */

static void set_outcome(struct ese_append *append, enum ese_append_result result)
{
    append->store_private = (void *)(intptr_t)result;
}

static void answer_each(struct ese_store_writer *writer, struct ese_append *head)
{
    ese_http_server_hold(writer->options.server);
    while (head != NULL) {
        struct ese_append *append = head;
        head = append->next;
        answer(writer, append, (enum ese_append_result)(intptr_t)append->store_private);
    }
    ese_http_server_release(writer->options.server);
}

static void answer_all(struct ese_store_writer *writer, struct ese_append *head, enum ese_append_result result)
{
    for (struct ese_append *append = head; append != NULL; append = append->next)
        set_outcome(append, result);
    answer_each(writer, head);
}

/* What is too old leaves first, so that what comes may have its room. */
static int store_group(struct ese_store_writer *writer, struct group *group, int64_t *expired, struct ese_error *error)
{
    int64_t now_ms = ese_clock_wall_ms();
    bool idle = group->head == NULL;
    int64_t most = idle ? EXPIRE_WHEN_IDLE : EXPIRE_AT_LEAST + EXPIRE_PER_EVENT * group->events;

    if (ese_store_table_expire(writer->table, now_ms, most, expired, error) != 0)
        return -1;
    /* Who is told that we cannot store may send nothing more: find out by ourselves when we can.
     * And who asks how we are wants to know it of now, not of the last event. */
    if (idle && (writer->failing || group->asked) &&
        ese_store_table_probe(writer->table, now_ms, &group->full, error) != 0)
        return -1;
    for (struct ese_append *append = group->head; append != NULL; append = append->next) {
        enum ese_append_result result;
        if (ese_store_table_append(writer->table, append, now_ms, &result, error) != 0)
            return -1;
        if (result == ESE_APPEND_AT_BOUND)
            group->full = ese_store_table_full(writer->table);
        set_outcome(append, result);
    }
    return 0;
}

/* text: why not everything could be stored; "" when it was. */
static void note_problem(struct ese_store_writer *writer, const char *text)
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

static void count_commit(struct ese_store_writer *writer, int64_t events, int64_t repeats,
                         int64_t expired, int64_t started_ns)
{
    ese_metric_add(writer->figures.commits, 1);
    ese_metric_add(writer->figures.stored, events);
    ese_metric_add(writer->figures.repeats, repeats);
    ese_metric_add(writer->figures.expired, expired);
    ese_metric_observe_us(writer->figures.commit_seconds,
                          (ese_clock_monotonic_ns() - started_ns) / 1000);
}

/* Within a transaction that fails nothing leaves: where that is for want of room, it would go on
 * so. */
static int expire_alone(struct ese_store_writer *writer, struct ese_error *error)
{
    int64_t expired = 0;

    if (ese_store_table_begin(writer->table, error) != 0)
        return -1;
    if (ese_store_table_expire(writer->table, ese_clock_wall_ms(), EXPIRE_WHEN_IDLE, &expired, error) != 0) {
        ese_store_table_rollback(writer->table);
        return -1;
    }
    if (ese_store_table_commit(writer->table, error) != 0)
        return -1;
    ese_metric_add(writer->figures.expired, expired);
    return 0;
}

static int commit_group(struct ese_store_writer *writer, struct group *group, bool *committing, struct ese_error *error)
{
    int64_t started_ns = ese_clock_monotonic_ns();
    int64_t next = atomic_load(&writer->options.log->next);
    int64_t repeats = ese_store_table_repeats(writer->table);
    int64_t expired = 0;

    *committing = false;
    if (writer->broken && expire_alone(writer, error) != 0)
        return -1;
    if (ese_store_table_begin(writer->table, error) != 0)
        return -1;
    if (store_group(writer, group, &expired, error) != 0) {
        ese_store_table_rollback(writer->table);
        return -1;
    }
    *committing = true;
    if (ese_store_table_commit(writer->table, error) != 0)
        return -1;
    int64_t stored = atomic_load(&writer->options.log->next) - next;
    count_commit(writer, stored, ese_store_table_repeats(writer->table) - repeats, expired, started_ns);
    if (stored > 0)
        writer->options.committed(writer->options.context);
    return 0;
}

static void keep_group(struct ese_store_writer *writer, struct group *group)
{
    struct ese_error error = {0};
    bool committing;

    writer->broken = commit_group(writer, group, &committing, &error) != 0;
    count_syncs(writer);
    if (!writer->broken) {
        ese_metric_set(writer->figures.used_bytes, ese_store_table_used_bytes(writer->table));
        note_problem(writer, group->full == NULL ? "" : group->full);
        answer_each(writer, group->head);
    } else {
        ese_metric_add(writer->figures.failed_commits, 1);
        note_problem(writer, error.text);
        answer_all(writer, group->head, result_of_failure(&error, committing));
    }
}

/* After a failed sync nobody may believe another one. Who waits is told so, and the process ends. */
static void give_up(struct ese_store_writer *writer)
{
    struct ese_error error = {0};

    ese_sqlite_syncs_check(&error);
    note_problem(writer, error.text);
    pthread_mutex_lock(&writer->mutex);
    struct ese_append *head = writer->head;
    writer->head = NULL;
    writer->tail = &writer->head;
    writer->closing = true;
    writer->lost = true;
    pthread_mutex_unlock(&writer->mutex);
    answer_all(writer, head, ESE_APPEND_FAILED);
    ese_service_stop();
}

static void *run(void *context)
{
    struct ese_store_writer *writer = context;
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

static void make_figures(struct figures *figures, struct ese_metrics *metrics)
{
    *figures = (struct figures){
        .queue_events = ese_metrics_gauge(metrics, "ese_store_queue_events", NULL,
                                          "Events that wait for the next commit."),
        .queue_bytes = ese_metrics_gauge(metrics, "ese_store_queue_bytes", NULL,
                                         "Memory held by events that wait for the next commit."),
        .stored = ese_metrics_counter(metrics, "ese_store_events_total", NULL, "Events stored."),
        .repeats = ese_metrics_counter(metrics, "ese_store_repeats_total", NULL,
                                       "Events that were stored before and answered again."),
        .expired = ese_metrics_counter(metrics, "ese_store_expired_events_total", NULL,
                                       "Events deleted because they were too old."),
        .commits = ese_metrics_counter(metrics, "ese_store_commits_total", NULL,
                                       "Transactions committed."),
        .failed_commits = ese_metrics_counter(metrics, "ese_store_failed_commits_total", NULL,
                                              "Transactions that failed."),
        .commit_seconds = ese_metrics_seconds(metrics, "ese_store_commit_seconds", NULL,
                                              "Length of a transaction, its commit included."),
        .used_bytes = ese_metrics_gauge(metrics, "ese_store_used_bytes", NULL,
                                        "Bytes of the database that hold something."),
        .syncs = ese_metrics_counter(metrics, "ese_sqlite_syncs_total", NULL,
                                     "Successful syncs of the database, its log and their directory."),
    };
    for (size_t i = 0; i < ESE_COUNT_OF(reasons); i++) {
        if (reasons[i] != NULL)
            figures->refused[i] = ese_metrics_counter(metrics, "ese_store_refused_events_total",
                                                      reasons[i], "Events not stored, by why.");
    }
}

static void show_bound(struct ese_store_writer *writer)
{
    ese_metric_set(ese_metrics_gauge(writer->options.metrics, "ese_store_max_bytes", NULL,
                                     "Bytes the database may have."),
                   writer->options.log->max_bytes);
    ese_metric_set(writer->figures.used_bytes, ese_store_table_used_bytes(writer->table));
    count_syncs(writer);
}

static void init_waiting(struct ese_store_writer *writer)
{
    pthread_condattr_t monotonic;

    pthread_mutex_init(&writer->mutex, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&writer->work, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

int ese_store_writer_open(const struct ese_store_writer_options *options,
                          struct ese_store_writer **writer, struct ese_error *error)
{
    struct ese_store_writer *opened = ese_alloc(sizeof(*opened));

    *writer = opened;
    opened->options = *options;
    opened->tail = &opened->head;
    init_waiting(opened);
    make_figures(&opened->figures, options->metrics);
    if (ese_store_table_open(options->log, &opened->table, error) != 0) {
        ese_store_writer_close(writer);
        return -1;
    }
    show_bound(opened);
    ese_http_server_after_turns(options->server, complete_group, opened);
    int failed = pthread_create(&opened->thread, NULL, run, opened);
    opened->started = failed == 0;
    if (!opened->started) {
        ese_store_writer_close(writer);
        return ese_fail(error, ESE_E_IO, "no thread for the store: %s", strerror(failed));
    }
    return 0;
}

bool ese_store_writer_healthy(struct ese_store_writer *writer, char *text, size_t size)
{
    pthread_mutex_lock(&writer->mutex);
    bool healthy = writer->problem[0] == '\0';
    snprintf(text, size, "%s", writer->problem);
    writer->asked = true;
    pthread_mutex_unlock(&writer->mutex);
    return healthy;
}

void ese_store_writer_stop(struct ese_store_writer *writer, int timeout_ms)
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

void ese_store_writer_close(struct ese_store_writer **writer)
{
    struct ese_store_writer *closed = *writer;

    if (closed == NULL)
        return;
    *writer = NULL;
    ese_store_writer_stop(closed, 0);
    ese_store_table_close(&closed->table);
    pthread_cond_destroy(&closed->work);
    pthread_mutex_destroy(&closed->mutex);
    free(closed);
}
