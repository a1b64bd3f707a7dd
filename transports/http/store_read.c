#include "transports/http/store_read.h"

#include <stdlib.h>
#include <string.h>

#include "ese-core/clock.h"
#include "ese-core/event_json.h"
#include "ese-core/memory.h"

#define EVENT_COLUMNS "offset, id, type, sub_type, ip, client_ts, server_ts, data, traceparent"

struct ese_store_reader {
    struct ese_sqlite *sqlite;
    struct ese_statement *start;
    struct ese_statement *page;
    struct ese_statement *sorted; /* once they are */
};

int ese_store_reader_open(const struct ese_store_log *log, struct ese_store_reader **reader,
                          struct ese_error *error)
{
    const struct ese_sqlite_options options = {
        .path = log->path, .durability = log->durability, .read_only = true, .schema = NULL};
    struct ese_sqlite *sqlite;

    *reader = NULL;
    if (ese_sqlite_open(&options, &sqlite, error) != 0)
        return -1;
    *reader = ese_alloc(sizeof(**reader));
    (*reader)->sqlite = sqlite;
    (*reader)->start = ese_statement_new(
        sqlite, "SELECT offset FROM events WHERE offset >= ?1 AND server_ts >= ?2"
                " ORDER BY offset LIMIT 1");
    (*reader)->page = ese_statement_new(
        sqlite, "SELECT " EVENT_COLUMNS " FROM events WHERE offset >= ?1 AND offset < ?2"
                " ORDER BY offset LIMIT ?3");
    return 0;
}

void ese_store_reader_close(struct ese_store_reader **reader)
{
    if (*reader == NULL)
        return;
    ese_sqlite_close(&(*reader)->sqlite);
    free(*reader);
    *reader = NULL;
}

/* ---- the two ends ---------------------------------------------------------------------------- */

/* Several readers may raise it at once; it never goes back. */
static void raise_start(struct ese_store_log *log, int64_t start)
{
    int64_t seen = atomic_load(&log->start);

    while (seen < start && !atomic_compare_exchange_weak(&log->start, &seen, start))
        ;
}

int ese_store_reader_start(struct ese_store_reader *reader, struct ese_store_log *log,
                           int64_t *start, struct ese_error *error)
{
    int64_t next = atomic_load(&log->next);
    int got;

    *start = next;
    ese_statement_number(reader->start, 1, atomic_load(&log->start));
    ese_statement_number(reader->start, 2, 
                         ese_store_log_present_ms(log, ese_clock_wall_ms()) - log->retention_ms);
    got = ese_statement_step(reader->start, error);
    if (got < 0)
        return -1;
    if (got == 1 && ese_statement_column_number(reader->start, 0) < next)
        *start = ese_statement_column_number(reader->start, 0);
    ese_statement_reset(reader->start);
    raise_start(log, *start);
    return 0;
}

/* ---- reading --------------------------------------------------------------------------------- */

/* What is told of an event, from its row. Its data is the row's own text: not to be kept, not to
 * be cleared. */
static void read_row(struct ese_statement *row, struct ese_event *event)
{
    size_t length;
    const void *id = ese_statement_column_bytes(row, 1, &length);

    memset(event, 0, sizeof(*event));
    if (length == sizeof(event->id.bytes))
        memcpy(event->id.bytes, id, length);
    ese_fit_text(event->type, sizeof(event->type), ese_statement_column_text(row, 2));
    ese_fit_text(event->sub_type, sizeof(event->sub_type), ese_statement_column_text(row, 3));
    ese_fit_text(event->ip, sizeof(event->ip), ese_statement_column_text(row, 4));
    event->client_ts = ese_statement_column_number(row, 5);
    event->server_ts = ese_statement_column_number(row, 6);
    event->data = (char *)ese_statement_column_text(row, 7);
    ese_fit_text(event->traceparent, sizeof(event->traceparent), ese_statement_column_text(row, 8));
}

/* Whether the first row of a page is where the page was to begin, and still readable. */
static int check_first(struct ese_store_log *log, int64_t position, int64_t offset,
                       int64_t server_ts, struct ese_error *error)
{
    int64_t kept_ms = log->retention_ms + log->grace_ms;

    if (offset == position && server_ts >= ese_store_log_present_ms(log, ese_clock_wall_ms()) - kept_ms)
        return 0;
    return ese_fail(error, ESE_E_GONE,
                    "the event at this cursor is no longer kept: go on from \"oldest\"");
}

int ese_store_reader_page(struct ese_store_reader *reader, struct ese_store_log *log,
                          struct ese_store_page *page, struct ese_buffer *buffer,
                          struct ese_error *error)
{
    struct ese_statement *rows = reader->page;
    int64_t end = atomic_load(&log->next);
    struct ese_event event;
    int got = 0;

    page->count = 0;
    page->next = page->position;
    if (page->position > end)
        return ese_fail(error, ESE_E_INVALID,
                        "the cursor is beyond the newest event: it is not of this store");
    ese_statement_number(rows, 1, page->position);
    ese_statement_number(rows, 2, end);
    ese_statement_number(rows, 3, page->limit);
    while (buffer->length < page->bytes && (got = ese_statement_step(rows, error)) == 1) {
        int64_t offset = ese_statement_column_number(rows, 0);
        read_row(rows, &event);
        if (page->count == 0 && check_first(log, page->position, offset, event.server_ts,
                                            error) != 0) {
            got = -1;
            break;
        }
        if (page->count > 0)
            ese_buffer_text(buffer, ",");
        ese_event_json_write_paged(buffer, &event, NULL, offset);
        page->count++;
        page->next = offset + 1;
    }
    ese_statement_reset(rows);
    if (got == 0 && page->count == 0 && page->position < end)
        return ese_fail(error, ESE_E_GONE,
                        "the events from this cursor on are no longer kept: go on from "
                                           "\"oldest\"");
    return got < 0 ? -1 : 0;
}

/* ---- sorted ---------------------------------------------------------------------------------- */

int ese_store_reader_sort_by_ip(struct ese_store_reader *reader, int64_t from, int64_t before,
                                struct ese_error *error)
{
    struct ese_statement *sort = ese_statement_new(
        reader->sqlite, "CREATE TEMP TABLE by_ip AS SELECT offset FROM events"
                        " WHERE offset >= ?1 AND offset < ?2 ORDER BY ip, offset");

    ese_statement_number(sort, 1, from);
    ese_statement_number(sort, 2, before);
    if (ese_statement_run(sort, error) != 0)
        return -1;
    reader->sorted = ese_statement_new(
        reader->sqlite, "SELECT " EVENT_COLUMNS ", by_ip.rowid FROM temp.by_ip"
                        " JOIN events USING (offset) WHERE by_ip.rowid > ?1 ORDER BY by_ip.rowid");
    return 0;
}

int ese_store_reader_visit_sorted(struct ese_store_reader *reader, int64_t after,
                                  ese_store_visit *visit, void *context, struct ese_error *error)
{
    struct ese_event event;
    bool more = true;
    int got = 0;

    ese_statement_number(reader->sorted, 1, after);
    while (more && (got = ese_statement_step(reader->sorted, error)) == 1) {
        read_row(reader->sorted, &event);
        more = visit(context, &event, ese_statement_column_number(reader->sorted, 9));
    }
    ese_statement_reset(reader->sorted);
    return got;
}
