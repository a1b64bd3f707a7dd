/*
 * stream_file.h - one stream's file, for reading, through a connection of its own.
 *
 * No read transaction stays open between calls, so that a slow reader never keeps SQLite from recycling its log.
 * Nothing is made. One thread at a time; it may outlive the streams it is of.
 */
#ifndef ESE_WEBHOOK_STREAM_FILE_H
#define ESE_WEBHOOK_STREAM_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "ese-core/error.h"
#include "ese-core/sqlite.h"

#define ESE_WEBHOOK_UUID_SIZE 64 /* text of up to 63 bytes: an original's are 36 */
#define ESE_WEBHOOK_TYPE_SIZE 256
#define ESE_WEBHOOK_CREATED_SIZE 96

struct ese_webhook_event {
    int64_t position;
    char uuid[ESE_WEBHOOK_UUID_SIZE];
    char type[ESE_WEBHOOK_TYPE_SIZE];
    char created[ESE_WEBHOOK_CREATED_SIZE]; /* see created.h; where the file has something else, that */
    const char *body; /* the page's; a NUL behind it; "" for none */
    size_t length;
};

/* Zero-initialised before its first use, cleared after the last. */
struct ese_webhook_page {
    struct ese_webhook_event *events;
    int count;
    int room;       /* of events */
    char *bytes;    /* bodies */
    size_t size;
    int64_t newest; /* the position of the stream's newest event when it was read; 0: none (memory: streams.h) */
};
void ese_webhook_page_clear(struct ese_webhook_page *page);

/* The first and the last rowid; no row where there is none. Asked for both at once, SQLite would go through all there
 * are (https://www.sqlite.org/optoverview.html#minmax). */
#define ESE_WEBHOOK_ENDS_SQL                                                                                           \
    "SELECT first, last FROM (SELECT (SELECT min(rowid) FROM events) AS first,"                                        \
    " (SELECT max(rowid) FROM events) AS last) WHERE last IS NOT NULL"

struct ese_webhook_file;

/* 1: it is open; 0: there is no such stream, its file was only half made, or, at memory, nobody has it open. -1. */
int ese_webhook_file_open(const char *path, enum ese_durability durability, struct ese_webhook_file **file,
                          struct ese_error *error);
void ese_webhook_file_close(struct ese_webhook_file **file);

/* The position of the oldest event and of the newest; 1 and 0 where there is none. */
int ese_webhook_file_ends(struct ese_webhook_file *file, int64_t *oldest, int64_t *newest, struct ese_error *error);

/* The events behind position `after` up to position `last`, at most limit, and none further once their bodies hold
 * `bytes`. (At memory rows can be read before they are committed: there `last` is what is. Else: INT64_MAX.) */
int ese_webhook_file_page(struct ese_webhook_file *file, int64_t after, int64_t last, int limit, size_t bytes,
                          struct ese_webhook_page *page, struct ese_error *error);

#endif
