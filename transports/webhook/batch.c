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

static void add(struct ese_webhook_batch *batch, const struct ese_webhook_event *event, int32_t partition)
{
    struct ese_error error;
    struct ese_record *record = &batch->records[batch->batch.count];
    if (ese_webhook_record_read(event, partition, record, &error) == 0) {
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
        if (event->position <= progress->handed)
            continue;
        note_gap(event, progress, listener);
        add(batch, event, progress->partition);
        progress->handed = event->position;
        progress->next = event->position + 1;
    }
}

int64_t ese_webhook_progress_begin(struct ese_webhook_progress *progress, int32_t partition,
                                   const struct ese_consume_listener *listener)
{
    int64_t position = listener->given(listener->context, partition);
    *progress = (struct ese_webhook_progress){.partition = partition, .next = position >= 0 ? position : -1};
    if (position == ESE_OFFSET_LATEST)
        progress->handed = -1;
    else
        progress->handed = position > FIRST_POSITION ? position - 1 : 0;
    return progress->handed;
}
