#include "ese-core/group_figures.h"

#include <pthread.h>

#include "ese-core/memory.h"
#include "ese-core/sqlite_syncs.h"

/* What is not stored is counted by its reason; the results that have none are no refusals. */
static const char *const reasons[] = {
    [ESE_APPEND_FULL] = "reason=\"queue\"",        [ESE_APPEND_AT_BOUND] = "reason=\"bound\"",
    [ESE_APPEND_CONFLICT] = "reason=\"conflict\"", [ESE_APPEND_NO_ROOM] = "reason=\"disk\"",
    [ESE_APPEND_FAILED] = "reason=\"failed\"",
};

void ese_group_figures_make(struct ese_group_figures *figures, struct ese_metrics *metrics)
{
    *figures = (struct ese_group_figures){
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
        .max_bytes = ese_metrics_gauge(metrics, "ese_store_max_bytes", NULL, "Bytes the database may have."),
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

/* A gauge that is a sum. */
static void show(struct ese_metric *gauge, int64_t *shown, int64_t value)
{
    ese_metric_add(gauge, value - *shown);
    *shown = value;
}

void ese_group_figures_queue(struct ese_group_figures *figures, int64_t events, int64_t bytes)
{
    show(figures->queue_events, &figures->shown_events, events);
    show(figures->queue_bytes, &figures->shown_bytes, bytes);
}

void ese_group_figures_bytes(struct ese_group_figures *figures, int64_t used, int64_t most)
{
    show(figures->used_bytes, &figures->shown_used, used);
    show(figures->max_bytes, &figures->shown_most, most);
}

void ese_group_figures_result(struct ese_group_figures *figures, enum ese_append_result result, int64_t events)
{
    if (figures->refused[result] != NULL)
        ese_metric_add(figures->refused[result], events);
}

void ese_group_figures_commit(struct ese_group_figures *figures, int64_t events, int64_t repeats, int64_t expired)
{
    ese_metric_add(figures->commits, 1);
    ese_metric_add(figures->stored, events);
    ese_metric_add(figures->repeats, repeats);
    ese_metric_add(figures->expired, expired);
}

/* It is the process's figure, which one writer at a time brings up to date. */
void ese_group_figures_syncs(struct ese_group_figures *figures)
{
    static pthread_mutex_t counting = PTHREAD_MUTEX_INITIALIZER;

    pthread_mutex_lock(&counting);
    ese_metric_add(figures->syncs, ese_sqlite_syncs() - ese_metric_value(figures->syncs));
    pthread_mutex_unlock(&counting);
}
