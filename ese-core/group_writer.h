/*
 * group_writer.h - a thread that stores: many requests to one commit (group commit).
 *
 * Requests queue up while a commit is under way; the next transaction takes all of them (or as many as `group` lets
 * it). It waits for nobody but who hands requests over, while he has others in hand and has handed over only a few:
 * he says by ese_group_writer_complete when he has not. Each is answered only after the commit that holds it. The
 * queue is bounded in events and in bytes; what does not fit is ESE_APPEND_FULL at once.
 *
 * What it stores, and where, it does not know: a request is an item, and whoever owns it has it as the first member of
 * his own; the tables are a handful of functions. Several writers may be there side by side, each with a table of its
 * own: their figures (ese_store_...) add up.
 *
 * Where a sync has failed (ese-core/sqlite_syncs.h) those whose commit it was are ESE_APPEND_UNSYNCED, those who wait
 * ESE_APPEND_FAILED, nothing more is taken, and the process is asked to stop.
 */
#ifndef ESE_GROUP_WRITER_H
#define ESE_GROUP_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ese-core/append_result.h"
#include "ese-core/error.h"
#include "ese-core/http_server.h"
#include "ese-core/metrics.h"

/* One request on its way. */
struct ese_group_item {
    int64_t events; /* that it holds, and the bytes of memory that it is: before it is handed over, and as they are */
    int64_t bytes;
    struct ese_group_item *next;   /* the writer's, as what follows */
    enum ese_append_result result;
};

/* What is written to, by one thread: the writer's; `close` by whoever closes it. Each but begin, commit, rollback and
 * what only asks belongs between begin and commit or rollback. */
struct ese_group_table {
    int (*begin)(void *table, struct ese_error *error);
    int (*commit)(void *table, struct ese_error *error); /* one that fails has rolled back */
    void (*rollback)(void *table);
    /* Stores an item as a whole or not at all. *result is any but UNKNOWN, UNSYNCED and FULL. */
    int (*append)(void *table, struct ese_group_item *item, int64_t now_ms, enum ese_append_result *result,
                  struct ese_error *error);
    /* Deletes what is too old, at most `most` rows of each kind; *deleted says how many events it were. */
    int (*expire)(void *table, int64_t now_ms, int64_t most, int64_t *deleted, struct ese_error *error);
    /* Writes something large, where no reader sees it: fails when that could not be stored. *why becomes NULL, or,
     * where only a bound keeps it from that, the table's words. */
    int (*probe)(void *table, int64_t now_ms, const char **why, struct ese_error *error);
    const char *(*full)(const void *table);     /* why something was AT_BOUND, the last time */
    int64_t (*used_bytes)(const void *table);   /* that hold something, as of the last commit */
    int64_t (*max_bytes)(const void *table);    /* it may have */
    int64_t (*end)(const void *table);          /* a number that each committed event makes larger by one */
    int64_t (*repeats)(const void *table);      /* events found stored before, since it was opened */
    void (*close)(void *table);
};

struct ese_group_writer;

struct ese_group_writer_options {
    const struct ese_group_table *functions; /* kept, not copied */
    void *table; /* open; the writer's from then on, and closed by it, where opening the writer fails, too */
    int64_t queue_events;
    int64_t queue_bytes;
    int64_t group;                  /* requests a transaction takes at most */
    struct ese_http_server *server; /* whose answers are held back while there are many in hand */
    struct ese_metrics *metrics;
    void (*done)(struct ese_group_item *item, enum ese_append_result result); /* answers. Any thread, once each */
    void (*committed)(void *context); /* after a commit with events, on the writer's thread, before they are answered */
    void *context;
};

int ese_group_writer_open(const struct ese_group_writer_options *options, struct ese_group_writer **writer,
                          struct ese_error *error);

/* Takes the item, which is answered by options->done, at once or later. Any thread. */
void ese_group_writer_append(struct ese_group_writer *writer, struct ese_group_item *item);

/* Whoever handed items over has no others in hand (a struct ese_group_writer, for ese_http_server_after_turns). Any
 * thread; without it few items wait for others to come for a second. */
void ese_group_writer_complete(void *writer);

/* False and why, when the last commit failed. Where nothing comes in, one that failed is tried again each second, so
 * that it is known when it would succeed. Costs nothing. Any thread. */
bool ese_group_writer_healthy(struct ese_group_writer *writer, char *text, size_t size);

/* Whether one would still succeed: where nothing comes in, the writer probes its table within a second, which is a
 * commit of its own, and ese_group_writer_healthy tells what became of it. Any thread. */
void ese_group_writer_try(struct ese_group_writer *writer);

/* Stores what is queued; what it has not begun within timeout_ms is answered ESE_APPEND_FULL.
 * Ends the thread: nothing more is taken. */
void ese_group_writer_stop(struct ese_group_writer *writer, int timeout_ms);

/* Stops it where that was not done, and closes its table. */
void ese_group_writer_close(struct ese_group_writer **writer);

#endif
