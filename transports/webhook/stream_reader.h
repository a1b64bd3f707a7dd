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
#include "transports/webhook/stream_file.h"
#include "transports/webhook/streams.h"

#define ESE_WEBHOOK_READER_FILES 16 /* that one has open at a time */

struct ese_webhook_reader;

struct ese_webhook_reader *ese_webhook_reader_new(struct ese_webhook_streams *streams);
void ese_webhook_reader_free(struct ese_webhook_reader **reader);

/* The events behind position `after`, at most limit, and none further once their bodies hold `bytes` (one at least, if
 * there is one). A stream that is not there, or whose file was only half made, is empty; nothing is created. -1: it
 * could not be read (which is not the same as empty); ESE_E_INVALID: that is no stream's name. */
int ese_webhook_reader_page(struct ese_webhook_reader *reader, const char *stream, int64_t after, int limit,
                            size_t bytes, struct ese_webhook_page *page, struct ese_error *error);

#endif
