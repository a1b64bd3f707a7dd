#include "transports/http/store_pages.h"

#include <stdlib.h>
#include <string.h>

#include "ese-core/memory.h"
#include "transports/http/cursor.h"
#include "transports/http/store_read.h"

struct ese_store_pages {
    struct ese_store_log *log;
    struct ese_store_reader *reader; /* the pages' thread's */
    struct ese_event_pages *pages;
};

static void tell(int64_t offset, struct ese_buffer *next)
{
    char cursor[ESE_HTTP_CURSOR_SIZE];

    ese_http_cursor_text(offset, cursor);
    ese_buffer_clear(next);
    ese_buffer_text(next, cursor);
}

static int find_position(struct ese_store_pages *pages, const char *after, int64_t *position,
                         struct ese_error *error)
{
    if (strcmp(after, "earliest") == 0)
        return ese_store_reader_start(pages->reader, pages->log, position, error);
    if (strcmp(after, "latest") != 0)
        return ese_http_cursor_parse(after, position, error);
    *position = atomic_load(&pages->log->next);
    return 0;
}

/* Where it is gone, next is told to be the oldest; where that cannot be found either, this is what
 * failed. */
static void tell_oldest(struct ese_store_pages *pages, struct ese_buffer *next,
                        struct ese_error *error)
{
    struct ese_error failure;
    int64_t start;

    if (ese_store_reader_start(pages->reader, pages->log, &start, &failure) == 0)
        tell(start, next);
    else
        *error = failure;
}

static int read_page(void *context, struct ese_event_pages_reading *reading,
                     struct ese_error *error)
{
    struct ese_store_pages *pages = context;
    struct ese_store_page page = {.limit = reading->limit, .bytes = ESE_EVENT_PAGE_BYTES};

    if (find_position(pages, reading->after, &page.position, error) != 0)
        return -1;
    if (ese_store_reader_page(pages->reader, pages->log, &page, reading->body, error) != 0) {
        if (error->code == ESE_E_GONE)
            tell_oldest(pages, reading->next, error);
        return -1;
    }
    reading->count = page.count;
    tell(page.next, reading->next);
    return 0;
}

int ese_store_pages_open(struct ese_store_log *log, struct ese_metrics *metrics,
                         struct ese_store_pages **pages, struct ese_error *error)
{
    struct ese_store_pages *opened = *pages = ese_alloc(sizeof(*opened));
    const struct ese_event_pages_source source = {.read = read_page, .context = opened};

    opened->log = log;
    if (ese_store_reader_open(log, &opened->reader, error) == 0 &&
        ese_event_pages_open(&source, metrics, &opened->pages, error) == 0)
        return 0;
    ese_store_pages_close(pages);
    return -1;
}

struct ese_event_pages *ese_store_pages_of(const struct ese_store_pages *pages)
{
    return pages->pages;
}

void ese_store_pages_close(struct ese_store_pages **pages)
{
    struct ese_store_pages *closed = *pages;

    if (closed == NULL)
        return;
    *pages = NULL;
    ese_event_pages_close(&closed->pages);
    ese_store_reader_close(&closed->reader);
    free(closed);
}
