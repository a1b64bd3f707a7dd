#include "transports/webhook/introspection.h"

#include <stdlib.h>
#include <string.h>

#include "ese-core/clock.h"
#include "ese-core/json_text.h"
#include "ese-core/log.h"
#include "ese-core/memory.h"
#include "transports/webhook/shape.h"
#include "transports/webhook/stream_routes.h"

#define MOST 1000            /* types of a stream, its total among them, and shapes */
#define FEW 1000             /* events read a second, while nobody asks */
#define PAGE_EVENTS 500
#define PAGE_BYTES (1024 * 1024)
#define ASKED_NS (5 * ESE_NS_PER_S)
#define MAX_BYTES (INT64_C(256) * 1024 * 1024)
#define TEXT_LIMIT (256 * 1024 * 1024)

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS stream_stats (stream text, event_type text, stat_value integer,"
    "  UNIQUE(stream, event_type));"
    "CREATE TABLE IF NOT EXISTS event_variants (hash text, stream text, event_type text, body text, position integer,"
    "  uuid text, created text, UNIQUE(hash));"
    "CREATE TABLE IF NOT EXISTS introspected (stream TEXT PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS event_variants_by_stream ON event_variants (stream);";

struct ese_webhook_introspection {
    struct ese_webhook_streams *streams;
    struct ese_webhook_reader *reader;
    struct ese_sqlite *sqlite;
    struct ese_webhook_page page;
    struct ese_buffer hash;
    int left;            /* events that may be read now */
    int64_t deadline_ns; /* and until when */
    struct ese_statement *find_position, *put_position, *forget_stats, *forget_variants;
    struct ese_statement *add_to_stat, *count_stats, *put_stat;
    struct ese_statement *find_variant, *count_variants, *put_variant;
    struct ese_statement *stats, *variants;
};

/* ---- the tables ------------------------------------------------------------------------------ */

static void prepare(struct ese_webhook_introspection *introspection)
{
    struct ese_sqlite *sqlite = introspection->sqlite;

    introspection->find_position = ese_statement_new(sqlite, "SELECT position FROM introspected WHERE stream = ?1");
    introspection->put_position = ese_statement_new(sqlite, "INSERT OR REPLACE INTO introspected VALUES (?1, ?2)");
    introspection->forget_stats = ese_statement_new(sqlite, "DELETE FROM stream_stats WHERE stream = ?1");
    introspection->forget_variants = ese_statement_new(sqlite, "DELETE FROM event_variants WHERE stream = ?1");
    introspection->add_to_stat = ese_statement_new(
        sqlite, "UPDATE stream_stats SET stat_value = stat_value + ?3 WHERE stream = ?1 AND event_type = ?2");
    introspection->count_stats = ese_statement_new(sqlite, "SELECT count(*) FROM stream_stats WHERE stream = ?1");
    introspection->put_stat = ese_statement_new(sqlite, "INSERT INTO stream_stats VALUES (?1, ?2, ?3)");
    introspection->find_variant = ese_statement_new(sqlite, "SELECT 1 FROM event_variants WHERE hash = ?1");
    introspection->count_variants = ese_statement_new(sqlite, "SELECT count(*) FROM event_variants WHERE stream = ?1");
    introspection->put_variant = ese_statement_new(
        sqlite, "INSERT OR REPLACE INTO event_variants (hash, stream, event_type, body, position, uuid, created)"
                " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)");
    introspection->stats = ese_statement_new(
        sqlite, "SELECT stream, event_type, stat_value FROM stream_stats ORDER BY stream, event_type");
    introspection->variants = ese_statement_new(
        sqlite, "SELECT event_type, position, uuid, created, body FROM event_variants WHERE stream = ?1"
                " ORDER BY event_type, position");
}

/* Whether there are fewer than there may be. 1 or 0. */
static int has_place(struct ese_statement *count, const char *stream, struct ese_error *error)
{
    ese_statement_text(count, 1, stream);
    int got = ese_statement_step(count, error);
    int64_t number = got == 1 ? ese_statement_column_number(count, 0) : 0;
    ese_statement_reset(count);
    return got < 0 ? -1 : number < MOST;
}

static int add_to_stat(struct ese_webhook_introspection *introspection, const char *stream, const char *type,
                       int64_t count, struct ese_error *error)
{
    struct ese_statement *add = introspection->add_to_stat, *put = introspection->put_stat;

    ese_statement_text(add, 1, stream);
    ese_statement_text(add, 2, type);
    ese_statement_number(add, 3, count);
    if (ese_statement_run(add, error) != 0)
        return -1;
    if (ese_sqlite_changes(introspection->sqlite) > 0)
        return 0;
    int place = has_place(introspection->count_stats, stream, error);
    if (place != 1)
        return place;
    ese_statement_text(put, 1, stream);
    ese_statement_text(put, 2, type);
    ese_statement_number(put, 3, count);
    return ese_statement_run(put, error);
}

/* The example of its shape is the newest page's first. */
static int note_variant(struct ese_webhook_introspection *introspection, const char *stream,
                        const struct ese_webhook_event *event, struct ese_error *error)
{
    struct ese_statement *find = introspection->find_variant, *put = introspection->put_variant;
    const char *hash = introspection->hash.text;

    ese_statement_text(find, 1, hash);
    int found = ese_statement_step(find, error);
    ese_statement_reset(find);
    int place = found == 0 ? has_place(introspection->count_variants, stream, error) : found;
    if (place != 1)
        return place;
    ese_statement_text(put, 1, hash);
    ese_statement_text(put, 2, stream);
    ese_statement_text(put, 3, event->type);
    ese_statement_bytes(put, 4, event->body, event->length);
    ese_statement_number(put, 5, event->position);
    ese_statement_text(put, 6, event->uuid);
    ese_statement_text(put, 7, event->created);
    return ese_statement_run(put, error);
}

/* How far the stream was read; where it never was, what is known of it is not from here. */
static int find_position(struct ese_webhook_introspection *introspection, const char *stream, int64_t oldest,
                         int64_t *position, struct ese_error *error)
{
    struct ese_statement *find = introspection->find_position;

    ese_statement_text(find, 1, stream);
    int got = ese_statement_step(find, error);
    if (got == 1)
        *position = ese_statement_column_number(find, 0);
    ese_statement_reset(find);
    if (got != 0)
        return got < 0 ? -1 : 0;
    *position = oldest - 1;
    ese_statement_text(introspection->forget_stats, 1, stream);
    ese_statement_text(introspection->forget_variants, 1, stream);
    if (ese_statement_run(introspection->forget_stats, error) != 0)
        return -1;
    return ese_statement_run(introspection->forget_variants, error);
}

/* ---- reading on ------------------------------------------------------------------------------ */

/* Of each shape one example a page is enough; so many are kept in mind. */
#define SEEN 16
struct seen {
    char *hashes[SEEN];
    int count;
};

static bool was_seen(struct seen *seen, const char *hash)
{
    for (int i = 0; i < SEEN && seen->hashes[i] != NULL; i++) {
        if (strcmp(seen->hashes[i], hash) == 0)
            return true;
    }
    char **place = &seen->hashes[seen->count++ % SEEN];
    free(*place);
    *place = ese_copy_text(hash);
    return false;
}

static int note_shapes(struct ese_webhook_introspection *introspection, const char *stream, struct ese_error *error)
{
    const struct ese_webhook_page *page = &introspection->page;
    struct seen seen = {.count = 0};
    int noted = 0;

    for (int i = 0; i < page->count && noted == 0; i++) {
        const struct ese_webhook_event *event = &page->events[i];
        ese_buffer_clear(&introspection->hash);
        if (ese_webhook_shape_hash(event->body, event->length, stream, event->type, &introspection->hash) &&
            !introspection->hash.overflowed && !was_seen(&seen, introspection->hash.text))
            noted = note_variant(introspection, stream, event, error);
    }
    for (int i = 0; i < SEEN; i++)
        free(seen.hashes[i]);
    return noted;
}

static int count_types(struct ese_webhook_introspection *introspection, const char *stream, struct ese_error *error)
{
    const struct ese_webhook_page *page = &introspection->page;

    for (int i = 0, next; i < page->count; i = next) {
        for (next = i + 1; next < page->count && strcmp(page->events[next].type, page->events[i].type) == 0; next++)
            ;
        if (page->events[i].type[0] != '\0' &&
            add_to_stat(introspection, stream, page->events[i].type, next - i, error) != 0)
            return -1;
    }
    return 0;
}

static int put_position(struct ese_webhook_introspection *introspection, const char *stream, int64_t position,
                        struct ese_error *error)
{
    ese_statement_text(introspection->put_position, 1, stream);
    ese_statement_number(introspection->put_position, 2, position);
    return ese_statement_run(introspection->put_position, error);
}

/* Within a transaction. 1: there may be more. */
static int read_page(struct ese_webhook_introspection *introspection, const char *stream, int64_t oldest,
                     struct ese_error *error)
{
    const struct ese_webhook_page *page = &introspection->page;
    int limit = introspection->left < PAGE_EVENTS ? introspection->left : PAGE_EVENTS;
    int64_t position = 0;

    if (find_position(introspection, stream, oldest, &position, error) != 0 ||
        ese_webhook_reader_page(introspection->reader, stream, position, limit, PAGE_BYTES, &introspection->page,
                                error) != 0)
        return -1;
    if (page->count == 0)
        return 0;
    int64_t last = page->events[page->count - 1].position;
    introspection->left -= page->count;
    if (add_to_stat(introspection, stream, "", last - position, error) != 0 ||
        count_types(introspection, stream, error) != 0 || note_shapes(introspection, stream, error) != 0 ||
        put_position(introspection, stream, last, error) != 0)
        return -1;
    return last < page->newest;
}

static int read_stream(struct ese_webhook_introspection *introspection, const char *stream, int64_t oldest,
                       struct ese_error *error)
{
    int more = 1;

    while (more == 1 && introspection->left > 0 && ese_clock_monotonic_ns() < introspection->deadline_ns) {
        if (ese_sqlite_begin(introspection->sqlite, error) != 0)
            return -1;
        more = read_page(introspection, stream, oldest, error);
        if (more < 0)
            ese_sqlite_rollback(introspection->sqlite);
        else if (ese_sqlite_commit(introspection->sqlite, error) != 0)
            more = -1;
    }
    return more < 0 ? -1 : 0;
}

/* Without a transaction where nothing has come. */
static bool has_grown(struct ese_webhook_introspection *introspection, const char *stream, int64_t newest)
{
    struct ese_statement *find = introspection->find_position;

    ese_statement_text(find, 1, stream);
    int got = ese_statement_step(find, NULL);
    int64_t position = got == 1 ? ese_statement_column_number(find, 0) : 0;
    ese_statement_reset(find);
    return newest > position;
}

static void visit(void *context, const char *stream)
{
    struct ese_webhook_introspection *introspection = context;
    struct ese_error error;
    int64_t oldest, newest;

    if (introspection->left <= 0 || ese_clock_monotonic_ns() >= introspection->deadline_ns)
        return;
    if (ese_webhook_streams_ends(introspection->streams, stream, &oldest, &newest, &error) != 0 ||
        (has_grown(introspection, stream, newest) && read_stream(introspection, stream, oldest, &error) != 0))
        ese_log_debug("the stream '%s' could not be looked into: %s", stream, error.text);
}

static void read_on(struct ese_webhook_introspection *introspection, int events)
{
    introspection->left = events;
    introspection->deadline_ns = ese_clock_monotonic_ns() + ASKED_NS;
    ese_webhook_streams_each(introspection->streams, visit, introspection);
}

void ese_webhook_introspection_go_on(struct ese_webhook_introspection *introspection)
{
    read_on(introspection, FEW);
}

/* ---- answering ------------------------------------------------------------------------------- */

static void answer(struct ese_http_request *request, struct ese_buffer *text, int got, const struct ese_error *error)
{
    if (got == 0 && !text->overflowed) {
        ese_http_reply_buffer(request, 200, ESE_WEBHOOK_JSON, text);
        return;
    }
    ese_buffer_free(text);
    ese_webhook_reply_text(request, 500, "", got == 0 ? "There is more than an answer can hold" : error->text);
}

/* A stream's total is its first row. */
static void write_stat(struct ese_buffer *text, struct ese_statement *stats, bool is_first, bool *has_types)
{
    const char *type = ese_statement_column_text(stats, 1);
    int64_t value = ese_statement_column_number(stats, 2);

    if (type[0] == '\0') {
        ese_buffer_text(text, is_first ? "{\"name\":" : *has_types ? "]},{\"name\":" : "null},{\"name\":");
        ese_json_write_string(text, ese_statement_column_text(stats, 0));
        ese_buffer_printf(text, ",\"total\":%lld,\"event_types\":", (long long)value);
        *has_types = false;
        return;
    }
    ese_buffer_text(text, *has_types ? ",{\"name\":" : "[{\"name\":");
    ese_json_write_string(text, type);
    ese_buffer_printf(text, ",\"total\":%lld}", (long long)value);
    *has_types = true;
}

void ese_webhook_introspection_answer_all(struct ese_webhook_introspection *introspection,
                                          struct ese_http_request *request)
{
    struct ese_buffer text = ESE_BUFFER_INIT(TEXT_LIMIT);
    bool has_types = false, is_first = true;
    struct ese_error error;
    int got;

    read_on(introspection, INT32_MAX);
    ese_buffer_text(&text, "[");
    while ((got = ese_statement_step(introspection->stats, &error)) == 1) {
        write_stat(&text, introspection->stats, is_first, &has_types);
        is_first = false;
    }
    ese_buffer_text(&text, is_first ? "]" : has_types ? "]}]" : "null}]");
    answer(request, &text, got, &error);
}

static void write_variant(struct ese_buffer *text, struct ese_statement *variants, struct ese_buffer *type)
{
    const char *own = ese_statement_column_text(variants, 0);
    bool is_first = type->text == NULL;

    if (is_first || strcmp(type->text, own) != 0) {
        ese_buffer_text(text, is_first ? "" : "],");
        ese_json_write_string(text, own);
        ese_buffer_text(text, ":[");
        ese_buffer_clear(type);
        ese_buffer_text(type, own);
    } else {
        ese_buffer_text(text, ",");
    }
    ese_buffer_printf(text, "{\"position\":%lld,\"uuid\":", (long long)ese_statement_column_number(variants, 1));
    ese_json_write_string(text, ese_statement_column_text(variants, 2));
    ese_buffer_text(text, ",\"created\":");
    ese_json_write_string(text, ese_statement_column_text(variants, 3));
    ese_buffer_text(text, ",\"body\":");
    ese_json_write_string(text, ese_statement_column_text(variants, 4));
    ese_buffer_text(text, "}");
}

void ese_webhook_introspection_answer_stream(struct ese_webhook_introspection *introspection,
                                             struct ese_http_request *request)
{
    const char *stream = ese_http_request_parameter(request, "stream");
    struct ese_buffer text = ESE_BUFFER_INIT(TEXT_LIMIT), type = ESE_BUFFER_INIT(SIZE_MAX);
    struct ese_error error;
    int got;

    read_on(introspection, INT32_MAX);
    ese_buffer_text(&text, "{\"name\":");
    ese_json_write_string(&text, stream);
    ese_buffer_text(&text, ",\"event_variants\":{");
    ese_statement_text(introspection->variants, 1, stream);
    while ((got = ese_statement_step(introspection->variants, &error)) == 1)
        write_variant(&text, introspection->variants, &type);
    ese_buffer_text(&text, type.text == NULL ? "}}" : "]}}");
    ese_buffer_free(&type);
    answer(request, &text, got, &error);
}

/* ---- life ------------------------------------------------------------------------------------ */

int ese_webhook_introspection_open(struct ese_webhook_streams *streams, struct ese_webhook_reader *reader,
                                   struct ese_webhook_introspection **introspection, struct ese_error *error)
{
    char *path = ese_webhook_streams_path(streams, "_itrospect");
    bool in_memory = ese_webhook_streams_durability(streams) == ESE_DURABILITY_MEMORY;
    const struct ese_sqlite_options options = {
        .path = path,
        .durability = in_memory ? ESE_DURABILITY_MEMORY : ESE_DURABILITY_OS, /* what is lost is counted again */
        .schema = schema,
        .own_table = "stream_stats",
        .max_bytes = MAX_BYTES,
    };
    struct ese_webhook_introspection *opened = *introspection = ese_alloc(sizeof(*opened));

    opened->streams = streams;
    opened->reader = reader;
    opened->hash = (struct ese_buffer)ESE_BUFFER_INIT(64 * 1024);
    int got = ese_sqlite_open(&options, &opened->sqlite, error);
    free(path);
    if (got == 0)
        prepare(opened);
    else
        ese_webhook_introspection_close(introspection);
    return got;
}

void ese_webhook_introspection_close(struct ese_webhook_introspection **introspection)
{
    if (*introspection == NULL)
        return;
    ese_sqlite_close(&(*introspection)->sqlite);
    ese_webhook_page_clear(&(*introspection)->page);
    ese_buffer_free(&(*introspection)->hash);
    free(*introspection);
    *introspection = NULL;
}
