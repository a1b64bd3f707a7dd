#include "transports/webhook/slice.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ese-core/log.h"
#include "ese-core/memory.h"
#include "transports/webhook/event_json.h"
#include "transports/webhook/stream_name.h"
#include "transports/webhook/stream_routes.h"

#define PAGE_EVENTS 1000
#define PAGE_BYTES (256 * 1024) /* of bodies, and behind that the one that was begun */
#define PIECE_EVENTS 100        /* of a long answer, read by the thread that sends it */
#define PIECE_BYTES (32 * 1024)
#define TEXT_LIMIT (256 * 1024 * 1024) /* beyond what a server takes: the original bounds no body */
#define LONG_MOST 16

/* A long answer on its way. It may outlive the streams. */
struct slice {
    struct ese_webhook_file *file;
    struct ese_webhook_page page;
    struct ese_buffer piece;
    size_t sent;    /* of the piece */
    int64_t after;  /* the position of the last event that was written */
    int64_t last;   /* and of the one that is the last of all */
    int64_t limit;  /* events to come at most */
    bool has_ended;
    char stream[ESE_WEBHOOK_STREAM_SIZE];
};

static atomic_int long_slices; /* of the process */

int64_t ese_webhook_slice_number(const char *text)
{
    size_t sign = text[0] == '-' || text[0] == '+' ? 1 : 0;

    if (text[sign] == '\0' || text[sign + strspn(text + sign, "0123456789")] != '\0')
        return 0;
    errno = 0;
    long long number = strtoll(text, NULL, 10);
    return errno == 0 ? number : 0;
}

/* ---- the text -------------------------------------------------------------------------------- */

static void write_page(struct ese_buffer *text, const char *stream, const struct ese_webhook_page *page, bool is_first)
{
    for (int i = 0; i < page->count; i++) {
        if (i > 0 || !is_first)
            ese_buffer_text(text, ",");
        ese_webhook_event_write_json(text, stream, &page->events[i]);
    }
}

static int check_text(const struct ese_buffer *text, struct ese_error *error)
{
    return text->overflowed ? ese_fail(error, ESE_E_IO, "an event is too large to be written as JSON") : 0;
}

/* ---- a long one: the HTTP server's thread ---------------------------------------------------- */

static int make_piece(struct slice *slice, struct ese_error *error)
{
    int limit = slice->limit < PIECE_EVENTS ? (int)slice->limit : PIECE_EVENTS;

    ese_buffer_clear(&slice->piece);
    slice->sent = 0;
    if (slice->after < slice->last && limit > 0) {
        if (ese_webhook_file_page(slice->file, slice->after, slice->last, limit, PIECE_BYTES, &slice->page, error) != 0)
            return -1;
        write_page(&slice->piece, slice->stream, &slice->page, false);
        slice->limit -= slice->page.count;
    }
    slice->has_ended = slice->after >= slice->last || slice->limit == 0 || slice->page.count == 0;
    if (slice->page.count > 0)
        slice->after = slice->page.events[slice->page.count - 1].position;
    if (slice->has_ended)
        ese_buffer_text(&slice->piece, "]");
    return check_text(&slice->piece, error);
}

static int64_t more(void *context, char *bytes, size_t size)
{
    struct slice *slice = context;
    struct ese_error error;

    if (slice->sent == slice->piece.length) {
        if (slice->has_ended)
            return 0;
        if (make_piece(slice, &error) != 0) {
            ese_log_error("a slice of a stream was broken off: %s", error.text);
            return -1;
        }
    }
    size_t left = slice->piece.length - slice->sent;
    size_t length = left < size ? left : size;
    memcpy(bytes, slice->piece.text + slice->sent, length);
    slice->sent += length;
    return (int64_t)length;
}

static void end(void *context)
{
    struct slice *slice = context;

    ese_webhook_file_close(&slice->file);
    ese_webhook_page_clear(&slice->page);
    ese_buffer_free(&slice->piece);
    free(slice);
    atomic_fetch_sub(&long_slices, 1);
}

/* ---- answering: the thread that reads -------------------------------------------------------- */

static void fail(struct ese_http_request *request, const struct ese_error *error)
{
    if (error->code == ESE_E_FULL) {
        ese_http_request_add_header(request, "Retry-After", "1");
        ese_webhook_reply_text(request, 503, "", error->text);
    } else {
        ese_webhook_reply_text(request, error->code == ESE_E_INVALID ? 400 : 500, "", error->text);
    }
}

/* What there is beyond the first page. */
static int open_rest(struct ese_webhook_streams *streams, struct slice *slice, struct ese_error *error)
{
    if (atomic_fetch_add(&long_slices, 1) >= LONG_MOST)
        return ese_fail(error, ESE_E_FULL, "too many long slices of streams are being read just now: try again");
    char *path = ese_webhook_streams_path(streams, slice->stream);
    int got = ese_webhook_file_open(path, ese_webhook_streams_durability(streams), &slice->file, error);
    free(path);
    return got == 0 ? ese_fail(error, ESE_E_IO, "the stream '%s' has gone", slice->stream) : got;
}

static void answer_long(struct ese_webhook_streams *streams, struct slice *slice, struct ese_http_request *request)
{
    struct ese_error error;

    if (open_rest(streams, slice, &error) < 0) {
        fail(request, &error);
        end(slice);
    } else {
        ese_http_reply_stream(request, 200, ESE_WEBHOOK_JSON, more, end, slice);
    }
}

static bool has_more(const struct ese_webhook_page *page, int64_t limit)
{
    return page->count > 0 && page->count < limit && page->events[page->count - 1].position < page->newest;
}

/* Takes the text. */
static void answer_page(struct ese_webhook_streams *streams, const char *stream, int64_t limit,
                        const struct ese_webhook_page *page, struct ese_buffer *text, struct ese_http_request *request)
{
    if (!has_more(page, limit)) {
        ese_buffer_text(text, "]");
        ese_http_reply_buffer(request, 200, ESE_WEBHOOK_JSON, text);
        return;
    }
    struct slice *slice = ese_alloc(sizeof(*slice));
    *slice = (struct slice){.after = page->events[page->count - 1].position, .last = page->newest,
                            .limit = limit - page->count, .piece = *text};
    ese_fit_text(slice->stream, sizeof(slice->stream), stream);
    answer_long(streams, slice, request);
}

static void tell_newest(struct ese_http_request *request, int64_t newest)
{
    char text[24];

    snprintf(text, sizeof(text), "%" PRId64, newest);
    ese_http_request_add_header(request, "X-Event-Newest", text);
}

void ese_webhook_slice_answer(struct ese_webhook_streams *streams, struct ese_webhook_reader *reader,
                              struct ese_http_request *request)
{
    const char *stream = ese_http_request_parameter(request, "stream");
    int64_t offset = ese_webhook_slice_number(ese_http_request_parameter(request, "offset"));
    int64_t limit = ese_webhook_slice_number(ese_http_request_parameter(request, "limit"));
    struct ese_webhook_page page = {0};
    struct ese_buffer text = ESE_BUFFER_INIT(TEXT_LIMIT);
    struct ese_error error;

    limit = limit < 0 ? INT64_MAX : limit;
    int at_once = limit < PAGE_EVENTS ? (int)limit : PAGE_EVENTS;
    int got = ese_webhook_reader_page(reader, stream, offset, at_once, PAGE_BYTES, &page, &error);
    ese_buffer_text(&text, "[");
    write_page(&text, stream, &page, true);
    if (got == 0 && check_text(&text, &error) == 0) {
        tell_newest(request, page.newest);
        answer_page(streams, stream, limit, &page, &text, request);
    } else {
        fail(request, &error);
        ese_buffer_free(&text);
    }
    ese_webhook_page_clear(&page);
}
