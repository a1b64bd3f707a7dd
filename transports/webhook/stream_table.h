/*
 * stream_table.h - one stream's file, as its writer (ese-core/group_writer.h) sees it.
 *
 * The table `events` is the original's, column for column: its rowid is the position, the body a BLOB, an empty one
 * NULL, `created` a text (created.h). An event that comes with an Idempotency-Key has a uuid that is made of it, by
 * which it is found (event_keys.h): the same key with the same type and body is answered with the first position and
 * uuid, with another it is a conflict. A key is kept as long as its event, and ten minutes at least, across restarts
 * too.
 *
 * Rows leave from the front only, so that positions stay dense, and the newest stays, so that they go on behind it: no
 * position comes twice. (What memory held is gone with its process: streams.h.) A row whose time cannot be read is
 * nobody's to delete, nor is what stands behind it.
 *
 * A file that a crash left without its table is made whole; one that was the original's is opened as it is. The file
 * grows up to max_bytes; beyond, an event is AT_BOUND until others have left.
 *
 * One thread, but for the ends.
 */
#ifndef ESE_WEBHOOK_STREAM_TABLE_H
#define ESE_WEBHOOK_STREAM_TABLE_H

#include <stdatomic.h>

#include "ese-core/group_writer.h"
#include "ese-core/id.h"
#include "ese-core/row_age.h"
#include "ese-core/sqlite.h"

/* The longest type, and the longest Idempotency-Key. */
#define ESE_WEBHOOK_TYPE_MOST 255
#define ESE_WEBHOOK_KEY_MOST 127

/* One event to store. */
struct ese_webhook_row {
    struct ese_group_item item; /* the first member */
    const char *type; /* these are its owner's, and stay until it is answered */
    const char *body;
    size_t length;
    const char *key;             /* NULL: none */
    int64_t position;            /* filled, as what follows: where it is */
    char uuid[ESE_ID_TEXT_SIZE];
    char *why;                   /* the store's words for what it was refused for; NULL: none. Its owner frees */
    void (*done)(struct ese_webhook_row *row, enum ese_append_result result); /* its owner's; see group_writer.h */
};

/* Of what is committed. Any thread reads; -1, -1: not known yet. */
struct ese_webhook_ends {
    _Atomic int64_t oldest; /* newest + 1: there is none */
    _Atomic int64_t newest; /* options.first - 1: there has been none */
    _Atomic int64_t found;  /* the newest as it was before this life, once a table was opened in it; or -1 */
};

struct ese_webhook_table_options {
    const char *path;
    const char *stream; /* its name */
    enum ese_durability durability;
    int64_t first;        /* the position of the first event of a stream that has had none, 1 at least */
    int64_t retention_ms; /* 0: for ever */
    int64_t max_bytes;
    struct ese_row_age *age; /* of all tables together */
    struct ese_webhook_ends *ends;
};

struct ese_webhook_table;

/* Makes what is missing, and sets the ends. */
int ese_webhook_table_open(const struct ese_webhook_table_options *options, struct ese_webhook_table **table,
                           struct ese_error *error);

/* What a group writer calls: its table is a struct ese_webhook_table, its items are rows. */
extern const struct ese_group_table ese_webhook_table_functions;

#endif
