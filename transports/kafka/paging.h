/*
 * paging.h - pages of the topics, behind a cursor of one offset a partition (ese-core/event_pages.h).
 *
 * A page has of each partition its share of the limit, and a place for one event at least: so it holds of
 * each the same events whenever it is read again, or, where there were fewer, more. The limit is
 * therefore never less than the number of partitions; and those that the cursor does not know have one
 * place each beyond it. Events are taken from the view, and what it no longer keeps from the topics,
 * by a reader of its own.
 */
#ifndef ESE_KAFKA_PAGING_H
#define ESE_KAFKA_PAGING_H

#include "ese-core/event_pages.h"
#include "transports/kafka/reader.h"

struct ese_paging;

struct ese_paging_options {
    struct ese_view *view;     /* this and the reader outlive it */
    struct ese_reader *reader; /* to ask with */
    int64_t retention_ms;      /* "earliest" is so long ago */
    struct ese_view_patience patience;
};

struct ese_paging *ese_paging_new(const struct ese_paging_options *options);
/* NULL behind the pointer is allowed; nulls it. */
void ese_paging_free(struct ese_paging **paging);

/* For the pages' source: `context` is the paging. One thread. */
int ese_paging_read(void *context, struct ese_event_pages_reading *reading,
                    struct ese_error *error);

#endif
