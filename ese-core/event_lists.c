#include "ese-core/event_lists.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "ese-core/event_json.h"
#include "ese-core/http_worker.h"
#include "ese-core/json_text.h"
#include "ese-core/log.h"
#include "ese-core/memory.h"

#define PIECE_BYTES (64 * 1024) /* and behind that the one event that was begun */
#define PIECE_LIMIT (16 * 1024 * 1024)
#define EVENT_DEPTH 3 /* of an event within the answer */

/* An answer on its way. */
struct list {
    struct ese_event_lists_source source;
    void *gathered;
    bool has_begun; /* there is an event in the text so far */
    bool has_ended;
    char ip[ESE_EVENT_IP_SIZE]; /* of the last one */
    struct ese_buffer piece;
    size_t sent; /* of the piece */
};

struct ese_event_lists {
    struct ese_event_lists_source source;
    struct ese_http_worker *worker;
};

/* Of the process: answers outlive the store. */
static atomic_int lists_under_way;

/* ---- the text ------------------------------------------------------------------------------ */

static void begin_group(struct list *list, const char *ip)
{
    ese_buffer_text(&list->piece, list->has_begun ? "\n        ]\n    }," : "[");
    ese_buffer_text(&list->piece, "\n    {\n        \"ip\": ");
    ese_json_write_string(&list->piece, ip);
    ese_buffer_text(&list->piece, ",\n        \"event_logs\": [");
    ese_fit_text(list->ip, sizeof list->ip, ip);
}

static bool append_event(void *context, const struct ese_event *event)
{
    struct list *list = context;
    if (!list->has_begun || strcmp(list->ip, event->ip) != 0)
        begin_group(list, event->ip);
    else
        ese_buffer_text(&list->piece, ",");
    ese_json_write_line(&list->piece, EVENT_DEPTH);
    ese_event_json_write_stored_at(&list->piece, event, EVENT_DEPTH);
    list->has_begun = true;
    return list->piece.length < PIECE_BYTES;
}

static int make_piece(struct list *list, struct ese_error *error)
{
    ese_buffer_clear(&list->piece);
    list->sent = 0;
    int got = list->source.hand(list->gathered, append_event, list, error);
    if (got == -1)
        return -1;
    if (got == 0) {
        ese_buffer_text(&list->piece, list->has_begun ? "\n        ]\n    }\n]" : "[]");
        list->has_ended = true;
    }
    if (list->piece.overflowed)
        return ese_fail(error, ESE_E_FULL, "an event is larger than %d bytes", PIECE_LIMIT);
    return 0;
}

/* ---- sending: the HTTP server's thread ----------------------------------------------------- */

static int64_t more(void *context, char *bytes, size_t size)
{
    struct list *list = context;
    struct ese_error error;
    if (list->sent == list->piece.length) {
        if (list->has_ended)
            return 0;
        if (make_piece(list, &error) == -1) {
            ese_log_error("a list of events was broken off: %s", error.text);
            return -1;
        }
    }
    size_t left = list->piece.length - list->sent;
    size_t length = left < size ? left : size;
    memcpy(bytes, list->piece.text + list->sent, length);
    list->sent += length;
    return (int64_t)length;
}

static void end(void *context)
{
    struct list *list = context;
    list->source.release(list->gathered);
    ese_buffer_free(&list->piece);
    free(list);
    atomic_fetch_sub(&lists_under_way, 1);
}

/* ---- gathering: the worker's thread -------------------------------------------------------- */

static void refuse(struct ese_http_request *request, int status, const char *message)
{
    atomic_fetch_sub(&lists_under_way, 1);
    if (status == 503)
        ese_http_request_add_header(request, "Retry-After", "1");
    ese_http_reply_message(request, status, message);
}

static void answer(void *context, struct ese_http_request *request)
{
    const struct ese_event_lists_source *source = context;
    void *gathered = NULL;
    struct ese_error error;
    if (source->gather(source->context, &gathered, &error) == -1) {
        refuse(request, error.code == ESE_E_FULL ? 413 : 503, error.text);
        return;
    }
    struct list *list = ese_alloc(sizeof *list);
    list->source = *source;
    list->gathered = gathered;
    list->piece = (struct ese_buffer)ESE_BUFFER_INIT(PIECE_LIMIT);
    ese_http_reply_stream(request, 200, ESE_HTTP_JSON, more, end, list);
}

/* ---- requests ------------------------------------------------------------------------------ */

void ese_event_lists_handle(struct ese_event_lists *lists, struct ese_http_request *request)
{
    if (atomic_fetch_add(&lists_under_way, 1) >= lists->source.most) {
        refuse(request, 503, "too many lists of all events are being read just now");
        return;
    }
    ese_http_worker_ask(lists->worker, request, answer, &lists->source);
}

bool ese_event_lists_page_asked(const struct ese_http_request *request)
{
    return ese_http_request_query(request, "after") != NULL ||
           ese_http_request_query(request, "limit") != NULL ||
           ese_http_request_query(request, "wait") != NULL;
}

/* ---- life ---------------------------------------------------------------------------------- */

static void refuse_unbegun(void *context, struct ese_http_request *request, const char *why)
{
    (void)context;
    refuse(request, 503, why);
}

int ese_event_lists_open(const struct ese_event_lists_source *source,
                         struct ese_event_lists **lists, struct ese_error *error)
{
    const struct ese_http_worker_options worker = {.work = "lists", .refuse = refuse_unbegun};
    struct ese_event_lists *opened = *lists = ese_alloc(sizeof *opened);
    assert(source->most > 0 && source->most <= ESE_EVENT_LISTS);
    opened->source = *source;
    if (ese_http_worker_open(&worker, &opened->worker, error) == 0)
        return 0;
    ese_event_lists_close(lists);
    return -1;
}

void ese_event_lists_close(struct ese_event_lists **lists)
{
    struct ese_event_lists *closed = *lists;
    if (closed == NULL)
        return;
    *lists = NULL;
    ese_http_worker_close(&closed->worker);
    free(closed);
}
