/*
 * streams.h - the streams of a data directory: which there are, and who writes each of them.
 *
 * A stream is a file, DIR/NAME.db, made by the first event that is posted to it; its rows' rowid is an event's
 * position, from 1, without gaps but for what retention has taken from the front. (At memory durability they begin at
 * the microsecond at which the streams were opened, so that all of an earlier life's positions are in front of them,
 * and whoever has read in that life is told of what is new, and of nothing twice.)
 *
 * A stream in use has a writer of its own (ese-core/group_writer.h: many posts to one commit), so that one stream's
 * sync does not wait for another's. A writer at rest is closed, and of many streams so many are open as options say:
 * beyond, the one whose last post is the longest ago is closed for the one that is posted to. (At memory durability
 * all stay open, as a closed one would be forgotten; beyond, there is no room for another.) Posts to a stream whose
 * writer is being opened wait, bounded as a queue is.
 *
 * Rows that are older than the retention leave while the writer is open; those of a stream at rest once it has rested
 * for that time, so that a row is gone when it is twice as old, and its turn has come: for a quarter of the time (a
 * twentieth, while writers are to be opened) old rows of one stream after the other leave, some dozens of streams a
 * second where each has a few.
 *
 * Threads: post and the questions from any; the routes from the HTTP server's. Opening and closing happen on a thread
 * of its own.
 */
#ifndef ESE_WEBHOOK_STREAMS_H
#define ESE_WEBHOOK_STREAMS_H

#include <stdbool.h>
#include <stdint.h>

#include "ese-core/error.h"
#include "ese-core/http_server.h"
#include "ese-core/metrics.h"
#include "ese-core/sqlite.h"

struct ese_webhook_streams;

struct ese_webhook_streams_options {
    const char *directory;  /* made when missing */
    enum ese_durability durability;
    int64_t retention_ms;   /* 0: events are kept for ever */
    int64_t max_bytes;      /* of each stream's file */
    int64_t queue_events;   /* that may wait for a commit, of each stream */
    int64_t group;          /* posts a commit takes at most */
    int most_open;          /* streams with a writer at a time, 1 at least */
    struct ese_http_server *server;
    struct ese_metrics *metrics;
    /* Events behind the earlier end of that stream are committed and readable. Any thread; must not block. */
    void (*grown)(void *context, const char *stream);
    void *context;
};

int ese_webhook_streams_open(const struct ese_webhook_streams_options *options, struct ese_webhook_streams **streams,
                             struct ese_error *error);

/* Takes the row, which is answered by its `done`, at once or later, on any thread; that must not call us. ESE_E_INVALID
 * and not taken: it is no stream's name. */
struct ese_webhook_row;
int ese_webhook_streams_post(struct ese_webhook_streams *streams, const char *stream, struct ese_webhook_row *row,
                             struct ese_error *error);
/* Whoever posted has no others in hand (a struct ese_webhook_streams): without it few posts wait for others to come for
 * a second. The routes' need it not. Any thread. */
void ese_webhook_streams_complete(void *streams);

/* Stores what is queued; what it has not begun within timeout_ms is answered 503. Nothing more is taken. */
void ese_webhook_streams_stop(struct ese_webhook_streams *streams, int timeout_ms);
void ese_webhook_streams_close(struct ese_webhook_streams **streams);

/* Why not everything could be stored the last time, and false; any thread. Being asked has one writer of those that
 * are well see whether it can still store, where nothing is posted to it: the next in turn, one a second at most, as it
 * is a commit. It speaks for the disk, which is one for all; what is wrong with a single file is found at its turn.
 * Those that are not well see by themselves, each second, whether they are again. */
bool ese_webhook_streams_healthy(struct ese_webhook_streams *streams, char *text, size_t size);

/* The position that the first event of any stream has: 1, or, at memory durability, where this life began. */
int64_t ese_webhook_streams_first(const struct ese_webhook_streams *streams);

/* The position of the newest committed event, first - 1 where there is none; the oldest that is kept (newest + 1 where
 * there is none). Known as soon as the stream was opened once by anybody; -1 with ESE_E_MISSING: there is no such
 * stream. May read the file: not on the HTTP server's thread. */
int ese_webhook_streams_ends(struct ese_webhook_streams *streams, const char *stream, int64_t *oldest, int64_t *newest,
                             struct ese_error *error);

/* The position of the newest event there was before this server's life; -1: there is no such stream, or it cannot be
 * read. May read, as above. */
int64_t ese_webhook_streams_found(struct ese_webhook_streams *streams, const char *stream);

/* The names of all streams, sorted, for introspection: calls visit with each. They live as long as the streams. Any
 * thread. */
void ese_webhook_streams_each(struct ese_webhook_streams *streams, void (*visit)(void *context, const char *stream),
                              void *context);

/* Where and how files are opened, for stream_reader.h. The path is the caller's to free. */
char *ese_webhook_streams_path(const struct ese_webhook_streams *streams, const char *stream);
const char *ese_webhook_streams_directory(const struct ese_webhook_streams *streams);
enum ese_durability ese_webhook_streams_durability(const struct ese_webhook_streams *streams);

/* POST /streams/:stream and GET /streams/:stream/:offset/:limit (stream_routes.c), GET /introspect and
 * GET /introspect/:stream (introspection.c). Before the server starts. */
void ese_webhook_streams_add_routes(struct ese_webhook_streams *streams);

#endif
