/*
 * store_writer.h - the thread that stores: many requests to one commit (group commit).
 *
 * Requests queue up while a commit is under way; the next transaction takes all of them (or as many
 * as `group` lets it). It waits for nobody but the server's thread, while that has further requests in hand and has
 * handed over only a few. Each is answered only after the commit
 * that holds it. The queue is bounded in events and in bytes; what does not fit is ESE_APPEND_FULL at
 * once.
 *
 * Where a sync has failed (ese-core/sqlite_syncs.h) those whose commit it was are ESE_APPEND_UNSYNCED, those who wait
 * ESE_APPEND_FAILED, nothing more is taken, and the process is asked to stop.
 */
#ifndef ESE_TRANSPORT_HTTP_STORE_WRITER_H
#define ESE_TRANSPORT_HTTP_STORE_WRITER_H

#include "ese-core/event_intake.h"
#include "ese-core/http_server.h"
#include "ese-core/metrics.h"
#include "transports/http/store_log.h"

struct ese_store_writer;

struct ese_store_writer_options {
    struct ese_store_log *log;
    int64_t queue_events;
    int64_t queue_bytes;
    int64_t group; /* requests a transaction takes at most */
    struct ese_http_server *server; /* of the requests */
    struct ese_metrics *metrics;
    void (*committed)(void *context); /* after a commit with events, on the writer's thread */
    void *context;
};

/* Opens the tables, too: after this log->next is known. */
int ese_store_writer_open(const struct ese_store_writer_options *options,
                          struct ese_store_writer **writer, struct ese_error *error);

/* Takes the request; see ese_append_function. */
void ese_store_writer_append(struct ese_store_writer *writer, struct ese_append *append);

/* False and why, when the last commit failed. When nothing is stored meanwhile, being asked has the
 * writer try a commit within a second, so that it can be told the next time. Any thread. */
bool ese_store_writer_healthy(struct ese_store_writer *writer, char *text, size_t size);

/* Stores what is queued; what it has not begun within timeout_ms is answered ESE_APPEND_FULL.
 * Ends the thread: nothing more is taken. */
void ese_store_writer_stop(struct ese_store_writer *writer, int timeout_ms);

/* Stops it where that was not done, and closes the database: the last to do so takes in its log. */
void ese_store_writer_close(struct ese_store_writer **writer);

#endif
