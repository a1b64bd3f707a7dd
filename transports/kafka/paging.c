#include "transports/kafka/paging.h"

#include "ese-core/clock.h"
#include "ese-core/event_json.h"
#include "ese-core/memory.h"

#define SLICE_MS 50      /* how long records are waited for at a time */
#define NAME_SIZE 300    /* of a partition in words */

struct ese_paging {
    struct ese_paging_options options;
    struct ese_reader *log; /* reads what the view no longer keeps; NULL until the first time */
    char *origin;           /* of cursors; NULL until it was told */
};

/* What a page takes of one partition. */
struct share {
    int32_t partition;
    int64_t next;
    int64_t end; /* of what the view keeps */
    int most;           /* events */
    size_t most_bytes;
    int taken;
    size_t bytes;
    bool is_read; /* nothing more is to be taken of it */
};

struct page {
    struct ese_paging *paging;
    struct ese_event_pages_reading *reading;
    struct share shares[ESE_VIEW_PARTITIONS]; /* in order of their codes */
    int count;
    int first; /* which one is asked first */
    bool is_gone;
};

/* ---- where it begins ----------------------------------------------------------------------- */

static bool is_known(const struct ese_kafka_cursor *cursor, int32_t partition)
{
    for (int i = 0; i < cursor->count; i++) {
        if (cursor->places[i].partition == partition)
            return true;
    }
    return false;
}

/* One that the cursor does not know begins at its first record. */
static int64_t next_of(const struct ese_kafka_cursor *cursor, int32_t partition)
{
    for (int i = 0; i < cursor->count; i++) {
        if (cursor->places[i].partition == partition)
            return cursor->places[i].next;
    }
    return 0;
}

static int find_origin(struct ese_paging *paging, struct ese_error *error)
{
    if (paging->origin == NULL)
        paging->origin = ese_reader_origin(paging->options.reader);
    if (paging->origin != NULL)
        return 0;
    return ese_fail(error, ESE_E_TIMEOUT, "Kafka does not tell the cluster's name: try again");
}

/* The ends of what is in the view. */
static void find_latest(struct ese_view *view, struct ese_kafka_cursor *cursor)
{
    struct ese_view_part parts[ESE_VIEW_PARTITIONS];
    cursor->count = ese_view_parts(view, parts);
    for (int i = 0; i < cursor->count; i++)
        cursor->places[i] = (struct ese_kafka_place){parts[i].partition, parts[i].next};
}

static int find_earliest(struct ese_paging *paging, struct ese_kafka_cursor *cursor,
                         struct ese_error *error)
{
    struct ese_kafka_cursor latest;
    find_latest(paging->options.view, &latest);
    *cursor = latest;
    if (ese_reader_ask(paging->options.reader, ese_clock_wall_ms() - paging->options.retention_ms,
                       cursor, &paging->options.patience, error) == -1)
        return -1;
    for (int i = 0; i < cursor->count; i++) {
        int64_t first = cursor->places[i].next;
        if (first < 0 || first > latest.places[i].next)
            cursor->places[i].next = latest.places[i].next;
    }
    return 0;
}

static int find_cursor(struct ese_paging *paging, const char *after,
                       struct ese_kafka_cursor *cursor, struct ese_error *error)
{
    if (strcmp(after, "earliest") == 0)
        return find_earliest(paging, cursor, error);
    if (strcmp(after, "latest") != 0)
        return ese_kafka_cursor_parse(after, paging->origin, cursor, error);
    find_latest(paging->options.view, cursor);
    return 0;
}

/* ---- whether there is such a place --------------------------------------------------------- */

static int fail_beyond(int32_t partition, struct ese_error *error)
{
    char name[NAME_SIZE];
    ese_partition_name(partition, name, sizeof name);
    return ese_fail(error, ESE_E_INVALID,
                    "the cursor is beyond the newest event of %s: it is not of these topics; say "
                    "earliest or latest", name);
}

/* Partitions that this server has not found yet; but only where there are so many. */
static int find_partitions(struct ese_paging *paging, const struct ese_kafka_cursor *cursor,
                           struct ese_kafka_cursor *latest, struct ese_error *error)
{
    for (int i = 0; i < cursor->count; i++) {
        int32_t partition = cursor->places[i].partition;
        if (is_known(latest, partition))
            continue;
        if (ese_reader_count(paging->options.reader, ese_partition_code_topic(partition)) <=
            ese_partition_code_partition(partition))
            return fail_beyond(partition, error);
        ese_view_want(paging->options.view, partition, -1);
    }
    if (ese_view_await(paging->options.view, &paging->options.patience, error) == -1)
        return -1;
    find_latest(paging->options.view, latest);
    return 0;
}

/* The view is to come as far; but only where there is such a place. */
static int want_places(struct ese_paging *paging, const struct ese_kafka_cursor *cursor,
                       const struct ese_kafka_cursor *latest, struct ese_error *error)
{
    struct ese_kafka_cursor ends = *latest;
    if (ese_reader_ask(paging->options.reader, RD_KAFKA_OFFSET_END, &ends,
                       &paging->options.patience, error) == -1)
        return -1;
    for (int i = 0; i < cursor->count; i++) {
        const struct ese_kafka_place *place = &cursor->places[i];
        if (place->next > next_of(&ends, place->partition))
            return fail_beyond(place->partition, error);
        ese_view_want(paging->options.view, place->partition, place->next - 1);
    }
    return ese_view_await(paging->options.view, &paging->options.patience, error);
}

/* Another server may have been further than this one's view when it made the cursor. */
static int reach(struct ese_paging *paging, const struct ese_kafka_cursor *cursor,
                 struct ese_error *error)
{
    struct ese_kafka_cursor latest;
    bool has_all = true, is_there = true;
    find_latest(paging->options.view, &latest);
    for (int i = 0; i < cursor->count; i++)
        has_all = has_all && is_known(&latest, cursor->places[i].partition);
    if (!has_all && find_partitions(paging, cursor, &latest, error) == -1)
        return -1;
    for (int i = 0; i < cursor->count; i++)
        is_there = is_there &&
                   cursor->places[i].next <= next_of(&latest, cursor->places[i].partition);
    return is_there ? 0 : want_places(paging, cursor, &latest, error);
}

/* ---- shares -------------------------------------------------------------------------------- */

/* In which order they are asked: by turns, so that where the events are so large that a page has no room
 * for one of each, none is passed over for ever; and each time from one cursor in the same one. */
static int first_of(const struct page *page)
{
    uint64_t sum = 0;
    for (int i = 0; i < page->count; i++)
        sum += (uint64_t)page->shares[i].next;
    return page->count > 0 ? (int)(sum % (uint64_t)page->count) : 0;
}

/* By the cursor alone: what there is in other partitions, or how many there are by now, changes no share. */
static void share_out(struct page *page, const struct ese_kafka_cursor *cursor)
{
    struct ese_view_part parts[ESE_VIEW_PARTITIONS];
    int known = cursor->count > 0 ? cursor->count : 1;
    int most = page->reading->limit > known ? page->reading->limit / known : 1;
    page->count = ese_view_parts(page->paging->options.view, parts);
    for (int i = 0; i < page->count; i++) {
        struct share *share = &page->shares[i];
        *share = (struct share){.partition = parts[i].partition,
                                .next = next_of(cursor, parts[i].partition),
                                .end = parts[i].next,
                                .most = is_known(cursor, parts[i].partition) ? most : 1,
                                .is_read = true,
                                .most_bytes = ESE_EVENT_PAGE_BYTES / (size_t)known};
    }
    page->first = first_of(page);
}

static bool has_room(const struct page *page)
{
    return page->reading->body->length < ESE_EVENT_PAGE_MOST;
}

/* Takes one event; whether the share wants a further one. */
static bool take(struct page *page, struct share *share, const struct ese_event *event,
                 int64_t offset)
{
    struct ese_buffer *body = page->reading->body;
    size_t before = body->length;
    char name[NAME_SIZE];
    ese_partition_name(share->partition, name, sizeof name);
    if (page->reading->count > 0)
        ese_buffer_text(body, ",");
    ese_event_json_write_paged(body, event, name, offset);
    page->reading->count++;
    share->taken++;
    share->bytes += body->length - before;
    return share->taken < share->most && share->bytes < share->most_bytes && has_room(page);
}

/* ---- from the view ------------------------------------------------------------------------- */

struct visit {
    struct page *page;
    struct share *share;
};

static bool visit(void *context, const struct ese_event *event, int64_t offset)
{
    struct visit *visit = context;
    return take(visit->page, visit->share, event, offset);
}

/* False: it is no longer there. */
static bool read_view(struct page *page, struct share *share)
{
    struct visit context = {page, share};
    int64_t next = ese_view_read(page->paging->options.view, share->partition, share->next, visit,
                                 &context);
    if (next >= 0)
        share->next = next;
    return next >= 0;
}

/* ---- from the topics ----------------------------------------------------------------------- */

static struct share *find_share(struct page *page, int32_t partition)
{
    for (int i = 0; i < page->count; i++) {
        if (page->shares[i].partition == partition)
            return &page->shares[i];
    }
    return NULL;
}

static void meet(struct page *page, enum ese_reader_news news,
                 const struct ese_reader_record *record)
{
    struct share *share = find_share(page, record->partition);
    if (share == NULL || share->is_read || record->offset < share->next)
        return;
    if (news == ESE_READER_RECORD) {
        bool wants_more =
            !record->is_event || take(page, share, record->event, record->offset);
        share->next = record->offset + 1;
        share->is_read = !wants_more || share->next >= share->end;
    } else {
        share->next = record->offset;
        share->is_read = true;
    }
}

static int left_to_read(const struct page *page)
{
    int left = 0;
    for (int i = 0; i < page->count; i++)
        left += !page->shares[i].is_read;
    return left;
}

static int read_records(struct page *page, struct ese_error *error)
{
    const struct ese_view_patience *patience = &page->paging->options.patience;
    int64_t limit_ns = ese_clock_monotonic_ns() + patience->timeout_ms * ESE_NS_PER_MS;
    char text[256];
    while (left_to_read(page) > 0 && has_room(page)) {
        struct ese_reader_record record;
        enum ese_reader_news news = ese_reader_next(page->paging->log, SLICE_MS, &record);
        if (!patience->goes_on(patience->context, text, sizeof text))
            return ese_fail(error, ESE_E_CLOSED, "%s", text);
        if (ese_clock_monotonic_ns() >= limit_ns)
            return ese_fail(error, ESE_E_TIMEOUT,
                            "the topics could not be read within %d ms: try again",
                            patience->timeout_ms);
        if (news == ESE_READER_LOST) {
            page->is_gone = true;
            return ese_fail(error, ESE_E_GONE,
                            "events behind this cursor are no longer kept by the topics: go on "
                            "from \"oldest\"");
        }
        if (news != ESE_READER_NOTHING)
            meet(page, news, &record);
    }
    return 0;
}

/* Those whose next event the view no longer keeps. */
static int read_log(struct page *page, struct ese_error *error)
{
    static const struct ese_kafka_cursor nothing = {.count = 0};
    struct ese_paging *paging = page->paging;
    struct ese_kafka_cursor places = {.count = 0};
    for (int i = 0; i < page->count; i++) {
        const struct share *share = &page->shares[i];
        if (!share->is_read)
            places.places[places.count++] =
                (struct ese_kafka_place){share->partition, share->next};
    }
    if (places.count == 0)
        return 0;
    if (paging->log == NULL &&
        ese_reader_open_another(paging->options.reader, &paging->log, error) == -1)
        return -1;
    if (ese_reader_take_up(paging->log, &places, error) == -1)
        return -1;
    int result = read_records(page, error);
    ese_reader_take_up(paging->log, &nothing, NULL);
    return result;
}

/* ---- a page -------------------------------------------------------------------------------- */

/* From the view, then from the topics. */
static int read_shares(struct page *page, struct ese_error *error)
{
    for (int i = 0; i < page->count; i++) {
        struct share *share = &page->shares[(page->first + i) % page->count];
        share->is_read = !has_room(page) || read_view(page, share);
    }
    return read_log(page, error);
}

static void tell(const struct page *page, struct ese_buffer *next)
{
    struct ese_kafka_cursor cursor = {.count = page->count};
    for (int i = 0; i < page->count; i++)
        cursor.places[i] = (struct ese_kafka_place){page->shares[i].partition,
                                                    page->shares[i].next};
    ese_buffer_clear(next);
    ese_kafka_cursor_text(&cursor, page->paging->origin, next);
}

/* Where the topics begin, for those partitions that no longer have what the cursor says. */
static void tell_oldest(struct page *page, const struct ese_kafka_cursor *cursor,
                        struct ese_error *error)
{
    struct ese_kafka_cursor starts = {.count = page->count};
    struct ese_error failure;
    for (int i = 0; i < page->count; i++)
        starts.places[i].partition = page->shares[i].partition;
    if (ese_reader_ask(page->paging->options.reader, RD_KAFKA_OFFSET_BEGINNING, &starts,
                       &page->paging->options.patience, &failure) == -1) {
        *error = failure;
        return;
    }
    for (int i = 0; i < page->count; i++) {
        int64_t next = next_of(cursor, starts.places[i].partition);
        page->shares[i].next = next > starts.places[i].next ? next : starts.places[i].next;
    }
    tell(page, page->reading->next);
}

static int read_page(struct page *page, const struct ese_kafka_cursor *cursor,
                     struct ese_error *error)
{
    share_out(page, cursor);
    if (read_shares(page, error) == 0) {
        tell(page, page->reading->next);
        return 0;
    }
    if (page->is_gone)
        tell_oldest(page, cursor, error);
    return -1;
}

int ese_paging_read(void *context, struct ese_event_pages_reading *reading,
                    struct ese_error *error)
{
    struct ese_paging *paging = context;
    struct page page = {.paging = paging, .reading = reading};
    struct ese_kafka_cursor cursor;
    if (!reading->again &&
        ese_view_await(paging->options.view, &paging->options.patience, error) == -1)
        return -1;
    if (find_origin(paging, error) == -1 ||
        find_cursor(paging, reading->after, &cursor, error) == -1 ||
        reach(paging, &cursor, error) == -1)
        return -1;
    return read_page(&page, &cursor, error);
}

/* ---- life ---------------------------------------------------------------------------------- */

struct ese_paging *ese_paging_new(const struct ese_paging_options *options)
{
    struct ese_paging *paging = ese_alloc(sizeof *paging);
    paging->options = *options;
    return paging;
}

void ese_paging_free(struct ese_paging **paging)
{
    if (*paging == NULL)
        return;
    ese_reader_close(&(*paging)->log);
    free((*paging)->origin);
    free(*paging);
    *paging = NULL;
}
