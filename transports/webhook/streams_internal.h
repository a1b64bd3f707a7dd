/*
 * streams_internal.h - the streams of a directory, for their own parts: streams.c knows which there are and takes
 * posts, stream_opener.c opens and closes their writers.
 */
#ifndef ESE_WEBHOOK_STREAMS_INTERNAL_H
#define ESE_WEBHOOK_STREAMS_INTERNAL_H

#include <pthread.h>

#include "ese-core/group_writer.h"
#include "ese-core/row_age.h"
#include "transports/webhook/stream_table.h"
#include "transports/webhook/streams.h"

#define ESE_WEBHOOK_BUCKETS 4096
#define ESE_WEBHOOK_STREAMS_MOST 100000 /* that are known at a time */
#define ESE_WEBHOOK_QUEUE_BYTES (INT64_C(64) * 1024 * 1024)

enum webhook_stream_state {
    WEBHOOK_RESTING, /* has no writer */
    WEBHOOK_WANTED,  /* and shall have one */
    WEBHOOK_OPEN,
    WEBHOOK_CLOSING
};

/* With the mutex of the streams, but for the ends; never freed before their end. */
struct webhook_stream {
    struct ese_webhook_streams *streams;
    struct webhook_stream *next_in_bucket;
    struct webhook_stream *next_wanted;
    struct webhook_stream *next_touched;
    bool is_touched; /* posted to since the server's thread was last done */
    bool exists;     /* it has a file, or, at memory, a table */
    enum webhook_stream_state state;
    struct ese_group_writer *writer; /* while it is open or being closed */
    struct ese_group_item *waiting;  /* for the writer */
    struct ese_group_item **waiting_tail;
    int64_t used_ns;  /* when it was posted to last */
    int64_t rests_ns; /* since when it has no writer; 0: it has had none */
    struct ese_webhook_ends ends;
    char name[];
};

struct ese_webhook_streams {
    struct ese_webhook_streams_options options; /* its directory owned */
    int64_t first; /* the position of the first event of a stream that has had none */
    int lock_fd;   /* -1: in memory only */
    struct ese_webhook_routes *routes;
    struct ese_row_age age;
    pthread_t opener;
    bool started;
    struct ese_metric *known_streams, *open_streams, *openings, *expired;
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t work;
    struct webhook_stream *buckets[ESE_WEBHOOK_BUCKETS];
    int known;
    int open;
    int swept; /* the bucket that was looked at last */
    int64_t next_sweep_ns; /* the opener's */
    struct webhook_stream *touched;
    struct webhook_stream *wanted; /* the oldest wish first */
    struct webhook_stream **wanted_tail;
    int64_t waiting_events;
    int64_t waiting_bytes;
    bool stopping;
    int64_t deadline_ns;           /* then */
    struct webhook_stream *failed; /* whose writer could not be opened, the last time; NULL: none */
    char problem[560];             /* and why */
    struct webhook_stream *tried;  /* the last one whose writer was to see whether it can still store; NULL: none was */
    int64_t next_try_ns;           /* no other one before */
    int64_t told_ns;               /* nothing more is logged of that before; the opener's */
};

/* With the mutex: has the opener open it, where it rests. */
void ese_webhook_stream_want(struct webhook_stream *stream);

int ese_webhook_opener_start(struct ese_webhook_streams *streams, struct ese_error *error);
/* Ends the thread, and then every writer, until streams->deadline_ns. */
void ese_webhook_opener_stop(struct ese_webhook_streams *streams);
/* Frees what is left of the writers. */
void ese_webhook_opener_close(struct ese_webhook_streams *streams);

#endif
