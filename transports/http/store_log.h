/*
 * store_log.h - what the parts of the store know of the log in common.
 *
 * Offsets are dense: every event gets the one behind the newest, and none is ever given twice. The
 * readable log is [start, next). Rows in front of start may still be there, for repeats to be
 * recognised; rows from next on belong to a transaction that is not committed.
 *
 * What a reader is told to be the oldest may expire before its next question comes, and at a
 * thousand events a second every time. So a cursor is good for a while longer than what it stands
 * at is listed.
 *
 * Three parts, each with its own connection to the database:
 *   store_writer.h  a thread that stores what has come in, many requests to one commit (ese-core/group_writer.h)
 *   store_pages.h   a thread that answers GET /events?after= (ese-core/event_pages.h)
 *   store_list.h    a thread that sorts for the original's whole list; sent piece by piece
 */
#ifndef ESE_TRANSPORT_HTTP_STORE_LOG_H
#define ESE_TRANSPORT_HTTP_STORE_LOG_H

#include <stdatomic.h>
#include <stdint.h>

#include "ese-core/row_age.h"
#include "ese-core/sqlite.h"
#include "transports/http/store_lanes.h"

struct ese_store_log {
    char *path;
    enum ese_durability durability;
    int64_t max_bytes;       /* of the database; see ese-core/sqlite.h */
    int64_t retention_ms;    /* readable for so long */
    int64_t grace_ms;        /* and by cursor so much longer */
    struct ese_store_bounds bounds; /* of what is kept in memory to know repeats by */
    struct ese_row_age age;
    _Atomic int64_t next;    /* one behind the newest committed event; the writer's to set */
    _Atomic int64_t start;   /* the oldest readable; only grows; see ese_store_reader_start */
};

/* Rows are kept for so long, and retries known: ten minutes at least. */
#define ESE_STORE_RETRY_WINDOW_MS INT64_C(600000)
static inline int64_t ese_store_log_keep_ms(const struct ese_store_log *log)
{
    int64_t window_ms = log->retention_ms + log->grace_ms;
    return window_ms > ESE_STORE_RETRY_WINDOW_MS ? window_ms : ESE_STORE_RETRY_WINDOW_MS;
}

/* The present time to which server_ts are compared. */
static inline int64_t ese_store_log_present_ms(struct ese_store_log *log, int64_t wall_ms)
{
    return wall_ms - ese_row_age_set_ms(&log->age, ese_store_log_keep_ms(log));
}

#endif
