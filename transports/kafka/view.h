/*
 * view.h - what the topics hold of late, in memory: of each partition all events from one offset
 * to another, without gaps.
 *
 * Events lie in blocks, each of one partition, which are filled one behind the other and never
 * changed. There are only so many: where there is none left, the one with the oldest events makes
 * room. So memory is bounded and stays as it is; what a block held of an earlier life can be told
 * from that of the present one, and nobody who reads holds up who fills.
 *
 * One thread fills; any thread reads, wants and waits. No librdkafka here, so that this can be
 * tested without.
 */
#ifndef ESE_KAFKA_VIEW_H
#define ESE_KAFKA_VIEW_H

#include <stdbool.h>

#include "ese-core/error.h"
#include "ese-core/event.h"

#define ESE_VIEW_PARTITIONS 256 /* of all topics */
#define ESE_VIEW_BLOCK_BYTES (128 * 1024) /* the largest event fits */
#define ESE_VIEW_LEAST_BYTES (32 * ESE_VIEW_BLOCK_BYTES)
#define ESE_VIEW_LISTS 2 /* at once, each of them in a quarter of the bytes */

struct ese_view;

/* Half of the bytes is for events, a quarter for each list. */
struct ese_view *ese_view_new(int64_t bytes);
/* Lists that are not freed yet keep it. NULL behind the pointer is allowed; nulls it. */
void ese_view_free(struct ese_view **view);

/* ---- filling ------------------------------------------------------------------------------- */

/* What is kept of a partition: from first up to, not with, next. */
struct ese_view_part {
    int32_t partition;
    int64_t first, next;
};

/* These are about to be begun, and their logs' ends are asked for next: what was wanted of them so far is in
 * front of those, or of a log that is gone. Said before each begin; it may be that none follows. */
void ese_view_prepare(struct ese_view *view, const int32_t *partitions, int count);

/* These partitions are kept from first on, all at once, and are to come as far as next before anybody
 * is answered, and as far as was wanted since they were prepared; what was kept of them is dropped.
 * False: there are too many of them. */
bool ese_view_begin(struct ese_view *view, const struct ese_view_part *parts, int count);

/* The event at the offset; what is before the end of what is kept is had already. */
void ese_view_add(struct ese_view *view, int32_t partition, int64_t offset,
                  const struct ese_event *event);

/* There is nothing (more) in front of the offset: a record that is no event, or none at all. */
void ese_view_pass(struct ese_view *view, int32_t partition, int64_t offset);

/* Drops blocks whose events all have an older server_ts. */
void ese_view_expire(struct ese_view *view, int64_t since_ms);

/* ---- goals --------------------------------------------------------------------------------- */

/* It is to come as far as behind this offset before anybody who asks from now on is answered; also
 * of a partition that was not begun yet. */
void ese_view_want(struct ese_view *view, int32_t partition, int64_t offset);

/* A partition is wanted that was not begun yet. */
bool ese_view_lacks_partitions(struct ese_view *view);

/* Waits until partitions were begun, and then for all that is wanted by then. The error
 * is ESE_E_TIMEOUT, or, as soon as goes_on says no, ESE_E_CLOSED with its text. */
struct ese_view_patience {
    int timeout_ms;
    bool (*goes_on)(void *context, char *text, size_t size);
    void *context;
};
int ese_view_await(struct ese_view *view, const struct ese_view_patience *patience,
                   struct ese_error *error);

/* ---- reading ------------------------------------------------------------------------------- */

/* Those that were begun, in order of their codes; returns how many. */
int ese_view_parts(struct ese_view *view, struct ese_view_part parts[ESE_VIEW_PARTITIONS]);

/* Hands the events of the partition from the offset on, until visit wants no more. The event is
 * visit's to read during the call only; it must not call the view. Returns the offset to go on
 * from, or -1 where what is there is no longer kept, or not yet. */
typedef bool ese_view_visit(void *context, const struct ese_event *event, int64_t offset);
int64_t ese_view_read(struct ese_view *view, int32_t partition, int64_t offset,
                      ese_view_visit *visit, void *context);

struct ese_view_figures {
    int64_t events;
    int64_t bytes;   /* of the blocks that are in use */
    int64_t evicted; /* events dropped because there was no room */
};
void ese_view_tell(struct ese_view *view, struct ese_view_figures *figures);

/* ---- the list of everything ---------------------------------------------------------------- */

struct ese_view_list;

/* All events not older than that: by ip; those of one ip by server_ts, as far as that does not turn
 * round two of one partition, whatever its broker's clock did. ESE_E_FULL: some of them had to make
 * room, or the list would take more than its share of the bytes. Any thread. */
int ese_view_list_take(struct ese_view *view, int64_t since_ms, struct ese_view_list **list,
                       struct ese_error *error);

size_t ese_view_list_count(const struct ese_view_list *list);

/* Hands the events behind those handed before, until visit wants no more: then 1. 0: that was all.
 * -1: what is still to come was dropped meanwhile. One thread at a time; the event is visit's to
 * read during the call only. */
int ese_view_list_hand(struct ese_view_list *list,
                       bool (*visit)(void *context, const struct ese_event *event), void *context,
                       struct ese_error *error);

/* NULL behind the pointer is allowed; nulls it. */
void ese_view_list_free(struct ese_view_list **list);

#endif
