#include "transports/webhook/introspection.h"

#include <stdlib.h>
#include <string.h>

#include "ese-core/clock.h"
#include "ese-core/json_text.h"
#include "ese-core/log.h"
#include "ese-core/memory.h"
#include "transports/webhook/kinds.h"
#include "transports/webhook/shape.h"
#include "transports/webhook/stream_routes.h"

#define FEW 1000             /* events read a second, while nobody asks */
#define PAGE_EVENTS 500
#define PAGE_BYTES (1024 * 1024)
#define ASKED_NS (2 * ESE_NS_PER_S)
#define UNASKED_NS (ESE_NS_PER_S / 5)
#define TEXT_LIMIT (256 * 1024 * 1024)

struct ese_webhook_introspection {
    struct ese_webhook_streams *streams;
    struct ese_webhook_reader *reader;
    struct ese_webhook_kinds *kinds;
    struct ese_webhook_page page;
    struct ese_buffer hash;
    int left;            /* events that may be read now */
    int64_t deadline_ns; /* and until when */
    const char *turn;    /* the stream that was read last; NULL: none */
};

/* ---- one page -------------------------------------------------------------------------------- */

/* How far the stream was read; where it never was, what is known of it is not from here. */
static int find_position(struct ese_webhook_introspection *introspection, const char *stream, int64_t oldest,
                         int64_t *position, struct ese_error *error)
{
    int got = ese_webhook_kinds_position(introspection->kinds, stream, position, error);

    if (got != 0)
        return got < 0 ? -1 : 0;
    *position = oldest - 1;
    return ese_webhook_kinds_forget(introspection->kinds, stream, error);
}

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
            noted = ese_webhook_kinds_note(introspection->kinds, introspection->hash.text, stream, event, error);
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
            ese_webhook_kinds_count(introspection->kinds, stream, page->events[i].type, next - i, error) != 0)
            return -1;
    }
    return 0;
}

/* What a page of a stream came to. */
enum step { WHOLE, MORE, UNREADABLE, NOT_KEPT };

static int keep_page(struct ese_webhook_introspection *introspection, const char *stream, int64_t position,
                     struct ese_error *error)
{
    const struct ese_webhook_page *page = &introspection->page;
    int64_t last = page->events[page->count - 1].position;

    introspection->left -= page->count;
    if (ese_webhook_kinds_count(introspection->kinds, stream, "", last - position, error) != 0 ||
        count_types(introspection, stream, error) != 0 || note_shapes(introspection, stream, error) != 0)
        return -1;
    return ese_webhook_kinds_put_position(introspection->kinds, stream, last, error);
}

/* Within a transaction. */
static enum step read_page(struct ese_webhook_introspection *introspection, const char *stream, int64_t oldest,
                           struct ese_error *error)
{
    const struct ese_webhook_page *page = &introspection->page;
    int limit = introspection->left < PAGE_EVENTS ? introspection->left : PAGE_EVENTS;
    int64_t position = 0;

    if (find_position(introspection, stream, oldest, &position, error) != 0)
        return NOT_KEPT;
    if (ese_webhook_reader_page(introspection->reader, stream, position, limit, PAGE_BYTES, &introspection->page,
                                error) != 0)
        return UNREADABLE;
    if (page->count == 0)
        return WHOLE;
    if (keep_page(introspection, stream, position, error) != 0)
        return NOT_KEPT;
    return page->events[page->count - 1].position < page->newest ? MORE : WHOLE;
}

/* Without a transaction where nothing has come. */
static bool has_grown(struct ese_webhook_introspection *introspection, const char *stream, int64_t newest)
{
    int64_t position = 0;

    return ese_webhook_kinds_position(introspection->kinds, stream, &position, NULL) < 0 || newest > position;
}

static enum step step(struct ese_webhook_introspection *introspection, const char *stream, struct ese_error *error)
{
    int64_t oldest, newest;

    if (ese_webhook_streams_ends(introspection->streams, stream, &oldest, &newest, error) != 0)
        return error->code == ESE_E_MISSING ? WHOLE : UNREADABLE;
    if (!has_grown(introspection, stream, newest))
        return WHOLE;
    if (ese_webhook_kinds_begin(introspection->kinds, error) != 0)
        return NOT_KEPT;
    enum step step = read_page(introspection, stream, oldest, error);
    if (step == NOT_KEPT || step == UNREADABLE)
        ese_webhook_kinds_rollback(introspection->kinds);
    else if (ese_webhook_kinds_commit(introspection->kinds, error) != 0)
        step = NOT_KEPT;
    if (step == UNREADABLE)
        ese_log_debug("the stream '%s' could not be looked into: %s", stream, error->text);
    return step;
}

static bool may_go_on(const struct ese_webhook_introspection *introspection)
{
    return introspection->left > 0 && ese_clock_monotonic_ns() < introspection->deadline_ns;
}

/* 1: it is known to its end; 0: it is not; -1: what was read could not be kept. */
static int read_stream(struct ese_webhook_introspection *introspection, const char *stream, struct ese_error *error)
{
    enum step got = MORE;

    introspection->left = INT32_MAX;
    introspection->deadline_ns = ese_clock_monotonic_ns() + ASKED_NS;
    while (got == MORE && may_go_on(introspection))
        got = step(introspection, stream, error);
    return got == NOT_KEPT ? -1 : got == WHOLE;
}

/* ---- reading all, in turns ------------------------------------------------------------------- */

/* Streams that may have more; their names are the streams'. */
struct names {
    const char **of;
    int count;
    int room;
};

static void add_name(void *context, const char *stream)
{
    struct names *names = context;

    if (names->count == names->room) {
        names->room = names->room == 0 ? 16 : 2 * names->room;
        names->of = ese_realloc_array(names->of, (size_t)names->room, sizeof(*names->of));
    }
    names->of[names->count++] = stream;
}

/* Where to begin: behind that which was read last. */
static int find_turn(const struct ese_webhook_introspection *introspection, const struct names *names)
{
    int i = 0;

    if (introspection->turn == NULL)
        return 0;
    while (i < names->count && strcmp(names->of[i], introspection->turn) <= 0)
        i++;
    return i;
}

/* A page of each; those that have more stay. -1, or whether all were read that could be. */
static int read_round(struct ese_webhook_introspection *introspection, struct names *names, int first, bool *all,
                      struct ese_error *error)
{
    struct names more = {0};
    int i, result = 0;

    for (i = 0; i < names->count && result == 0 && may_go_on(introspection); i++) {
        const char *stream = names->of[(first + i) % names->count];
        enum step got = step(introspection, stream, error);
        introspection->turn = stream;
        *all = *all && got != UNREADABLE;
        if (got == MORE)
            add_name(&more, stream);
        result = got == NOT_KEPT ? -1 : 0;
    }
    *all = *all && i == names->count;
    free(names->of);
    *names = more;
    return result;
}

/* As read_stream. */
static int read_all(struct ese_webhook_introspection *introspection, int events, int64_t time_ns,
                    struct ese_error *error)
{
    struct names names = {0};
    bool all = true;

    introspection->left = events;
    introspection->deadline_ns = ese_clock_monotonic_ns() + time_ns;
    ese_webhook_streams_each(introspection->streams, add_name, &names);
    int result = read_round(introspection, &names, find_turn(introspection, &names), &all, error);
    while (result == 0 && names.count > 0 && may_go_on(introspection))
        result = read_round(introspection, &names, 0, &all, error);
    bool is_whole = all && names.count == 0;
    free(names.of);
    return result != 0 ? -1 : is_whole;
}

void ese_webhook_introspection_go_on(struct ese_webhook_introspection *introspection)
{
    struct ese_error error;

    if (read_all(introspection, FEW, UNASKED_NS, &error) < 0)
        ese_log_debug("which events there are could not be kept: %s", error.text);
}

/* ---- answering ------------------------------------------------------------------------------- */

static void answer(struct ese_http_request *request, struct ese_buffer *text, int got, bool is_whole,
                   const struct ese_error *error)
{
    if (got == 0 && !text->overflowed) {
        ese_http_request_add_header(request, "X-Introspect-Complete", is_whole ? "yes" : "no");
        ese_http_reply_buffer(request, 200, ESE_WEBHOOK_JSON, text);
        return;
    }
    ese_buffer_free(text);
    ese_webhook_reply_text(request, 500, "", got == 0 ? "There is more than an answer can hold" : error->text);
}

static void refuse(struct ese_http_request *request, const struct ese_error *error)
{
    struct ese_buffer text = ESE_BUFFER_INIT(SIZE_MAX);

    ese_buffer_printf(&text, "What there is could not be kept: %s", error->text);
    ese_http_request_add_header(request, "Retry-After", "1");
    ese_webhook_reply_text(request, 503, "", text.text);
    ese_buffer_free(&text);
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
    int got, whole = read_all(introspection, INT32_MAX, ASKED_NS, &error);

    if (whole < 0) {
        refuse(request, &error);
        return;
    }
    struct ese_statement *stats = ese_webhook_kinds_stats(introspection->kinds);
    ese_buffer_text(&text, "[");
    while ((got = ese_statement_step(stats, &error)) == 1) {
        write_stat(&text, stats, is_first, &has_types);
        is_first = false;
    }
    ese_buffer_text(&text, is_first ? "]" : has_types ? "]}]" : "null}]");
    answer(request, &text, got, whole == 1, &error);
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
    int got, whole = read_stream(introspection, stream, &error);

    if (whole < 0) {
        refuse(request, &error);
        return;
    }
    ese_buffer_text(&text, "{\"name\":");
    ese_json_write_string(&text, stream);
    ese_buffer_text(&text, ",\"event_variants\":{");
    struct ese_statement *variants = ese_webhook_kinds_variants(introspection->kinds, stream);
    while ((got = ese_statement_step(variants, &error)) == 1)
        write_variant(&text, variants, &type);
    ese_buffer_text(&text, type.text == NULL ? "}}" : "]}}");
    ese_buffer_free(&type);
    answer(request, &text, got, whole == 1, &error);
}

/* ---- life ------------------------------------------------------------------------------------ */

int ese_webhook_introspection_open(struct ese_webhook_streams *streams, struct ese_webhook_reader *reader,
                                   struct ese_webhook_introspection **introspection, struct ese_error *error)
{
    char *path = ese_webhook_streams_path(streams, "_itrospect");
    bool in_memory = ese_webhook_streams_durability(streams) == ESE_DURABILITY_MEMORY;
    enum ese_durability durability = in_memory ? ESE_DURABILITY_MEMORY : ESE_DURABILITY_OS; /* lost: counted again */
    struct ese_webhook_introspection *opened = *introspection = ese_alloc(sizeof(*opened));

    opened->streams = streams;
    opened->reader = reader;
    opened->hash = (struct ese_buffer)ESE_BUFFER_INIT(64 * 1024);
    int got = ese_webhook_kinds_open(path, durability, &opened->kinds, error);
    free(path);
    if (got != 0)
        ese_webhook_introspection_close(introspection);
    return got;
}

void ese_webhook_introspection_close(struct ese_webhook_introspection **introspection)
{
    if (*introspection == NULL)
        return;
    ese_webhook_kinds_close(&(*introspection)->kinds);
    ese_webhook_page_clear(&(*introspection)->page);
    ese_buffer_free(&(*introspection)->hash);
    free(*introspection);
    *introspection = NULL;
}
