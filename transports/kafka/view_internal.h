/*
 * view_internal.h - how a view keeps its events; for view.c and view_list.c alone.
 */
#ifndef ESE_KAFKA_VIEW_INTERNAL_H
#define ESE_KAFKA_VIEW_INTERNAL_H

#include <pthread.h>

#include "transports/kafka/view.h"

struct ese_view_entry {
    struct ese_id id;
    int64_t client_ts, server_ts;
    int64_t reached_ms; /* the latest server_ts of its partition up to here, none later than when it came */
    int64_t offset;
    size_t size;  /* to the next one */
    char texts[]; /* ip, type, sub_type, traceparent and data, each with its NUL */
};

struct ese_view_block {
    struct ese_view_block *newer; /* of its partition; of a free one: to be used later */
    bool is_used;
    int32_t partition;
    uint64_t life; /* one more each time that it is begun */
    size_t filled;
    int64_t count;
    int64_t last_offset, reached_ms; /* of its last event */
    char entries[];
};
#define ESE_VIEW_ROOM (ESE_VIEW_BLOCK_BYTES - sizeof(struct ese_view_block))

struct ese_view_partition {
    int32_t code;
    bool begun;
    int lives; /* how often it was */
    int64_t first, next;
    int64_t goal; /* next is to come as far */
    int64_t goal_since; /* what was wanted of that since it was prepared */
    int64_t reached_ms;
    struct ese_view_block *oldest, *newest;
};

struct ese_view {
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t progress;
    int holders; /* its owner, and lists */
    struct ese_view_partition partitions[ESE_VIEW_PARTITIONS];
    int count;
    struct ese_view_block **blocks; /* all that were ever made */
    int made, most;
    struct ese_view_block *first_free, *last_free; /* used again as late as can be */
    struct ese_view_figures figures;
    int64_t lost_ms; /* the latest server_ts that had to make room; INT64_MIN: none */
    size_t list_bytes;
};

/* The first of a block, and the one behind another; NULL behind the last. */
const struct ese_view_entry *ese_view_entry_first(const struct ese_view_block *block);
const struct ese_view_entry *ese_view_entry_next(const struct ese_view_block *block,
                                                 const struct ese_view_entry *entry);

/* Its data points into the entry: not to be kept, not to be cleared. */
void ese_view_entry_read(const struct ese_view_entry *entry, struct ese_event *event);

/* Lets go of it; the last one frees it. */
void ese_view_release(struct ese_view *view);

#endif
