#include "transports/webhook/stream_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ese-core/memory.h"

struct ese_webhook_file {
    struct ese_sqlite *sqlite;
    struct ese_statement *rows;
    struct ese_statement *ends;
};

void ese_webhook_page_clear(struct ese_webhook_page *page)
{
    free(page->events);
    free(page->bytes);
    memset(page, 0, sizeof(*page));
}

/* ---- opening --------------------------------------------------------------------------------- */

/* 1: it has its table. */
static int has_table(struct ese_sqlite *sqlite, struct ese_error *error)
{
    struct ese_statement *find = ese_statement_new(
        sqlite, "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'events'");
    int got = ese_statement_step(find, error);

    ese_statement_reset(find);
    return got;
}

/* A file whose maker was killed while he made it has to be written to before it can be read: what he had begun is taken
 * back by whoever opens it next and may. */
static int open_read_only(const struct ese_sqlite_options *options, struct ese_sqlite **sqlite,
                          struct ese_error *error)
{
    struct ese_sqlite_options writing = *options;

    writing.read_only = false;
    if (ese_sqlite_open(options, sqlite, error) == 0)
        return 0;
    if (options->durability == ESE_DURABILITY_MEMORY || ese_sqlite_open(&writing, sqlite, NULL) != 0)
        return -1;
    ese_sqlite_close(sqlite);
    return ese_sqlite_open(options, sqlite, error);
}

int ese_webhook_file_open(const char *path, enum ese_durability durability, struct ese_webhook_file **file,
                          struct ese_error *error)
{
    const struct ese_sqlite_options options = {.path = path, .durability = durability, .read_only = true};
    struct ese_sqlite *sqlite;

    *file = NULL;
    if (durability != ESE_DURABILITY_MEMORY && access(path, F_OK) != 0 && errno == ENOENT)
        return 0;
    if (open_read_only(&options, &sqlite, error) != 0)
        return -1;
    int got = has_table(sqlite, error);
    if (got != 1) {
        ese_sqlite_close(&sqlite);
        return got;
    }
    *file = ese_alloc(sizeof(**file));
    (*file)->sqlite = sqlite;
    (*file)->rows = ese_statement_new(
        sqlite, "SELECT rowid, uuid, type, created, body FROM events WHERE rowid > ?1 AND rowid <= ?2"
                " ORDER BY rowid LIMIT ?3");
    (*file)->ends = ese_statement_new(
        sqlite, ESE_WEBHOOK_ENDS_SQL);
    return 1;
}

void ese_webhook_file_close(struct ese_webhook_file **file)
{
    if (*file == NULL)
        return;
    ese_sqlite_close(&(*file)->sqlite);
    free(*file);
    *file = NULL;
}

/* ---- reading --------------------------------------------------------------------------------- */

int ese_webhook_file_ends(struct ese_webhook_file *file, int64_t *oldest, int64_t *newest, struct ese_error *error)
{
    int got = ese_statement_step(file->ends, error);

    *oldest = got == 1 ? ese_statement_column_number(file->ends, 0) : 1;
    *newest = got == 1 ? ese_statement_column_number(file->ends, 1) : 0;
    ese_statement_reset(file->ends);
    return got < 0 ? -1 : 0;
}

static struct ese_webhook_event *add_event(struct ese_webhook_page *page)
{
    if (page->count == page->room) {
        page->room = page->room == 0 ? 16 : 2 * page->room;
        page->events = ese_realloc_array(page->events, (size_t)page->room, sizeof(*page->events));
    }
    return &page->events[page->count++];
}

static char *add_body(struct ese_webhook_page *page, size_t used, size_t length)
{
    if (page->size - used < length + 1) {
        page->size = 2 * page->size > used + length + 1 ? 2 * page->size : used + length + 1;
        page->bytes = ese_realloc_array(page->bytes, page->size, 1);
    }
    return page->bytes + used;
}

/* What does not fit is cut: the original bounds nothing of it. */
static void take_text(char *target, size_t size, struct ese_statement *rows, int column)
{
    const char *text = ese_statement_column_text(rows, column);
    size_t length = strnlen(text, size - 1);

    memcpy(target, text, length);
    target[length] = '\0';
}

static size_t take_row(struct ese_statement *rows, struct ese_webhook_page *page, size_t used)
{
    struct ese_webhook_event *event = add_event(page);
    size_t length;
    const void *body;

    event->position = ese_statement_column_number(rows, 0);
    take_text(event->uuid, sizeof(event->uuid), rows, 1);
    take_text(event->type, sizeof(event->type), rows, 2);
    take_text(event->created, sizeof(event->created), rows, 3);
    body = ese_statement_column_bytes(rows, 4, &length);
    event->length = length;
    char *kept = add_body(page, used, length);
    if (length > 0)
        memcpy(kept, body, length);
    kept[length] = '\0';
    return used + length + 1;
}

/* The memory of the bodies may have moved while they came. */
static void point_to_bodies(struct ese_webhook_page *page)
{
    const char *body = page->bytes;

    for (int i = 0; i < page->count; i++) {
        page->events[i].body = body;
        body += page->events[i].length + 1;
    }
}

/* One that is not full ends with the newest, as far as it could see. */
static int find_newest(struct ese_webhook_file *file, int64_t last, bool is_whole, struct ese_webhook_page *page,
                       struct ese_error *error)
{
    int64_t oldest;

    if (is_whole && page->count > 0) {
        page->newest = page->events[page->count - 1].position;
        return 0;
    }
    if (ese_webhook_file_ends(file, &oldest, &page->newest, error) != 0)
        return -1;
    if (page->newest > last)
        page->newest = last;
    return 0;
}

int ese_webhook_file_page(struct ese_webhook_file *file, int64_t after, int64_t last, int limit, size_t bytes,
                          struct ese_webhook_page *page, struct ese_error *error)
{
    struct ese_statement *rows = file->rows;
    size_t used = 0;
    int got = 1;

    page->count = 0;
    page->newest = 0;
    ese_statement_number(rows, 1, after);
    ese_statement_number(rows, 2, last);
    ese_statement_number(rows, 3, limit);
    while ((page->count == 0 || used < bytes) && (got = ese_statement_step(rows, error)) == 1)
        used = take_row(rows, page, used);
    ese_statement_reset(rows);
    if (got < 0) {
        page->count = 0; /* their bodies are nowhere yet */
        return -1;
    }
    point_to_bodies(page);
    return find_newest(file, last, got == 0 && page->count < limit, page, error);
}
