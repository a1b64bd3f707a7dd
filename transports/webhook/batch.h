/*
 * batch.h - pages of events as the batch a consumer is handed: records of those that are events, notes of those that
 * are none.
 *
 * An event in front of what was handed before is passed over: a push is repeated when its answer was lost. Where
 * positions are missing, retention has taken the events: the listener's `skipped` is told.
 */
#ifndef ESE_WEBHOOK_BATCH_H
#define ESE_WEBHOOK_BATCH_H

#include "transports/transport.h"
#include "transports/webhook/stream_reader.h"

/* How far one partition was handed. */
struct ese_webhook_progress {
    int32_t partition;
    int64_t handed; /* the position of the last event that was; 0: none. -1: where it begins is not known yet */
    int64_t next;   /* the position asked for, or the one behind `handed`: what is missing from there on is told. -1: no
                       position was asked for, and nothing handed */
    bool as_it_comes; /* a lesson's (habits.h): handed is the highest one, nothing is passed over, and nothing missed */
};

struct ese_webhook_batch {
    struct ese_record *records; /* room for `most`; events are freed with the batch */
    int most;
    struct ese_unreadable unreadables[ESE_UNREADABLE_MOST];
    struct ese_batch batch;
};

void ese_webhook_batch_open(struct ese_webhook_batch *batch, int most);
void ese_webhook_batch_close(struct ese_webhook_batch *batch);
void ese_webhook_batch_begin(struct ese_webhook_batch *batch);

/* The page's events from *index on, as many as there is room for; *index is behind them. The page has to stay until the
 * batch begins anew: the unreadable are not copied. */
void ese_webhook_batch_add(struct ese_webhook_batch *batch, const struct ese_webhook_page *page, int *index,
                           struct ese_webhook_progress *progress, const struct ese_consume_listener *listener);

/* Where a listener wants to begin, as progress, whose as_it_comes stays; returns the position behind which to register
 * or read: -1 for the latest. */
int64_t ese_webhook_progress_begin(struct ese_webhook_progress *progress, int32_t partition,
                                   const struct ese_consume_listener *listener);

#endif
