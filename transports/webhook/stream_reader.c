#include "transports/webhook/stream_reader.h"

#include <stdlib.h>
#include <string.h>

#include "ese-core/memory.h"
#include "transports/webhook/stream_name.h"

struct place {
    char name[ESE_WEBHOOK_STREAM_SIZE];
    struct ese_webhook_file *file; /* NULL: the place is free */
    int64_t used;                  /* the later the larger */
};

struct ese_webhook_reader {
    struct ese_webhook_streams *streams;
    struct place places[ESE_WEBHOOK_READER_FILES];
    int64_t reads;
};

struct ese_webhook_reader *ese_webhook_reader_new(struct ese_webhook_streams *streams)
{
    struct ese_webhook_reader *reader = ese_alloc(sizeof(*reader));

    reader->streams = streams;
    return reader;
}

void ese_webhook_reader_free(struct ese_webhook_reader **reader)
{
    if (*reader == NULL)
        return;
    for (int i = 0; i < ESE_WEBHOOK_READER_FILES; i++)
        ese_webhook_file_close(&(*reader)->places[i].file);
    free(*reader);
    *reader = NULL;
}

static struct place *find_place(struct ese_webhook_reader *reader, const char *stream)
{
    for (int i = 0; i < ESE_WEBHOOK_READER_FILES; i++) {
        if (reader->places[i].file != NULL && strcmp(reader->places[i].name, stream) == 0)
            return &reader->places[i];
    }
    return NULL;
}

/* A free one, or that which was read the longest ago. */
static struct place *make_place(struct ese_webhook_reader *reader)
{
    struct place *oldest = &reader->places[0];

    for (int i = 0; i < ESE_WEBHOOK_READER_FILES && oldest->file != NULL; i++) {
        if (reader->places[i].file == NULL || reader->places[i].used < oldest->used)
            oldest = &reader->places[i];
    }
    ese_webhook_file_close(&oldest->file);
    return oldest;
}

/* 1: *place is the stream's; 0: there is nothing to read. */
static int open_place(struct ese_webhook_reader *reader, const char *stream, struct place **place,
                      struct ese_error *error)
{
    *place = find_place(reader, stream);
    if (*place != NULL)
        return 1;
    struct ese_webhook_file *file;
    char *path = ese_webhook_streams_path(reader->streams, stream);
    int got = ese_webhook_file_open(path, ese_webhook_streams_durability(reader->streams), &file, error);
    free(path);
    if (got != 1)
        return got;
    *place = make_place(reader);
    (*place)->file = file;
    ese_fit_text((*place)->name, sizeof((*place)->name), stream);
    return 1;
}

/* Up to where it goes, as its writer tells all who ask: what was committed since then is not there yet, or whoever is
 * pushed it could hear that the stream ends before it. 1: *last is its end; 0: there is no such stream. */
static int find_end(struct ese_webhook_reader *reader, const char *stream, int64_t *last, struct ese_error *error)
{
    struct ese_error reason = {0};
    int64_t oldest;

    if (ese_webhook_streams_ends(reader->streams, stream, &oldest, last, &reason) == 0)
        return 1;
    return reason.code == ESE_E_MISSING ? 0 : ese_fail(error, reason.code, "%s", reason.text);
}

int ese_webhook_reader_page(struct ese_webhook_reader *reader, const char *stream, int64_t after, int limit,
                            size_t bytes, struct ese_webhook_page *page, struct ese_error *error)
{
    int64_t last;
    struct place *place;

    page->count = 0;
    page->newest = ese_webhook_streams_first(reader->streams) - 1;
    if (ese_webhook_stream_check(stream, error) != 0)
        return -1;
    int got = find_end(reader, stream, &last, error);
    if (got == 1)
        got = open_place(reader, stream, &place, error);
    if (got != 1)
        return got;
    place->used = ++reader->reads;
    if (ese_webhook_file_page(place->file, after, last, limit, bytes, page, error) == 0) {
        if (page->newest == 0)
            page->newest = ese_webhook_streams_first(reader->streams) - 1;
        return 0;
    }
    ese_webhook_file_close(&place->file); /* perhaps it is another file by now */
    return -1;
}
