/*
 * stream_reader.h - pages of streams, by position, through connections of its own.
 *
 * Holds the files it read last open, a few of them, so that a subscriber who keeps up costs one query a page, and a
 * thousand streams do not cost a thousand files. No read transaction stays open between calls. One thread.
 */
#ifndef ESE_WEBHOOK_STREAM_READER_H
#define ESE_WEBHOOK_STREAM_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ese-core/error.h"
#include "transports/webhook/streams.h"

#define ESE_WEBHOOK_UUID_SIZE 64     /* text of up to 63 bytes: an original's are 36 */
#define ESE_WEBHOOK_TYPE_SIZE 256
#define ESE_WEBHOOK_CREATED_SIZE 96

struct ese_webhook_event {
    int64_t position;
    char uuid[ESE_WEBHOOK_UUID_SIZE];
    char type[ESE_WEBHOOK_TYPE_SIZE];
    char created[ESE_WEBHOOK_CREATED_SIZE]; /* as Go's time.String() writes it: "2026-11-21 10:11:12.123456789 +0000 UTC" */
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
    int64_t newest; /* the position of the stream's newest event when it was read; 0: none */
};
void ese_webhook_page_clear(struct ese_webhook_page *page);

struct ese_webhook_reader;

struct ese_webhook_reader *ese_webhook_reader_new(struct ese_webhook_streams *streams);
void ese_webhook_reader_free(struct ese_webhook_reader **reader);

/* The events behind position `after`, at most limit, and none further once their bodies hold `bytes` (one at least, if
 * there is one). A stream that is not there, or whose file was only half made, is empty; nothing is created. -1: it could
 * not be read (which is not the same as empty). */
int ese_webhook_reader_page(struct ese_webhook_reader *reader, const char *stream, int64_t after, int limit,
                            size_t bytes, struct ese_webhook_page *page, struct ese_error *error);

#endif
