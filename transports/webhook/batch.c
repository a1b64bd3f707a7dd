#include "transports/webhook/batch.h"

#include <stdlib.h>

#include "ese-core/memory.h"
#include "transports/unreadable.h"
#include "transports/webhook/record.h"
#include "transports/webhook/stream_name.h"

#define FIRST_POSITION 1 /* of a stream's first event */

void ese_webhook_batch_open(struct ese_webhook_batch *batch, int most)
{
    *batch = (struct ese_webhook_batch){.most = most};
    batch->records = ese_alloc_array((size_t)most, sizeof batch->records[0]);
    ese_webhook_batch_begin(batch);
}

void ese_webhook_batch_close(struct ese_webhook_batch *batch)
{
    for (int i = 0; batch->records != NULL && i < batch->most; i++)
        ese_event_clear(&batch->records[i].event);
    free(batch->records);
    *batch = (struct ese_webhook_batch){.records = NULL};
}

void ese_webhook_batch_begin(struct ese_webhook_batch *batch)
{
    batch->batch = (struct ese_batch){.records = batch->records};
}

static void note_gap(const struct ese_webhook_event *event, const struct ese_webhook_progress *progress,
                     const struct ese_consume_listener *listener)
{
    int64_t expected = progress->next > 0 ? progress->next : FIRST_POSITION;
    if (progress->next >= 0 && event->position > expected)
        listener->skipped(listener->context, progress->partition, progress->next, event->position);
}

static bool has_room(const struct ese_webhook_batch *batch)
{
    return batch->batch.count < batch->most && ese_unreadable_fits(&batch->batch);
}

static void add(struct ese_webhook_batch *batch, const struct ese_webhook_event *event, int32_t partition, int64_t next)
{
    struct ese_error error;
    struct ese_record *record = &batch->records[batch->batch.count];
    bool is_event = ese_webhook_record_read(event, partition, record, &error) == 0;
    record->next = next;
    if (is_event) {
        batch->batch.count++;
        return;
    }
    struct ese_unreadable *stray = ese_unreadable_add(&batch->batch, batch->unreadables, record, event->body,
                                                      (int64_t)event->length, error.text);
    stray->type = ese_webhook_stream_event_type(partition);
}

void ese_webhook_batch_add(struct ese_webhook_batch *batch, const struct ese_webhook_page *page, int *index,
                           struct ese_webhook_progress *progress, const struct ese_consume_listener *listener)
{
    for (; *index < page->count && has_room(batch); (*index)++) {
        const struct ese_webhook_event *event = &page->events[*index];
        bool is_newest = event->position > progress->handed;
        if (!is_newest && !progress->as_it_comes)
            continue;
        if (!progress->as_it_comes)
            note_gap(event, progress, listener);
        progress->handed = is_newest ? event->position : progress->handed;
        progress->next = progress->handed + 1;
        add(batch, event, progress->partition, progress->next);
    }
}

int64_t ese_webhook_progress_begin(struct ese_webhook_progress *progress, int32_t partition,
                                   const struct ese_consume_listener *listener)
{
    int64_t position = listener->given(listener->context, partition);
    *progress = (struct ese_webhook_progress){
        .partition = partition, .next = position >= 0 ? position : -1, .as_it_comes = progress->as_it_comes};
    if (position == ESE_OFFSET_LATEST)
        progress->handed = -1;
    else
        progress->handed = position > FIRST_POSITION ? position - 1 : 0;
    return progress->handed;
}
