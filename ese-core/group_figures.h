/*
 * group_figures.h - what group writers tell of themselves (ese_store_..., ese_sqlite_syncs_total).
 *
 * Several of a process have the same metrics, each of which is the sum: what one of them shows of its queue and its
 * bytes it adds, less what it showed before, and takes back at its end.
 */
#ifndef ESE_GROUP_FIGURES_H
#define ESE_GROUP_FIGURES_H

#include <stdint.h>

#include "ese-core/append_result.h"
#include "ese-core/metrics.h"

struct ese_group_figures {
    struct ese_metric *queue_events;
    struct ese_metric *queue_bytes;
    struct ese_metric *stored;
    struct ese_metric *repeats;
    struct ese_metric *expired;
    struct ese_metric *commits;
    struct ese_metric *failed_commits;
    struct ese_metric *commit_seconds;
    struct ese_metric *max_bytes;
    struct ese_metric *used_bytes;
    struct ese_metric *syncs;
    struct ese_metric *refused[ESE_APPEND_FAILED + 1]; /* by the result; NULL: that is no refusal */
    int64_t shown_events, shown_bytes; /* of the queue */
    int64_t shown_used, shown_most;
};

void ese_group_figures_make(struct ese_group_figures *figures, struct ese_metrics *metrics);

/* What waits. One thread at a time. */
void ese_group_figures_queue(struct ese_group_figures *figures, int64_t events, int64_t bytes);
/* What the database has, and may have. One thread at a time. */
void ese_group_figures_bytes(struct ese_group_figures *figures, int64_t used, int64_t most);
/* Any thread. */
void ese_group_figures_result(struct ese_group_figures *figures, enum ese_append_result result, int64_t events);
void ese_group_figures_commit(struct ese_group_figures *figures, int64_t events, int64_t repeats, int64_t expired);
/* From the opening on, and after every transaction, failed ones too: what was synced was synced. Any thread. */
void ese_group_figures_syncs(struct ese_group_figures *figures);

#endif
