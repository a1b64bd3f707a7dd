#include "transports/http/store_list.h"

#include <stdlib.h>
#include <string.h>

#include "ese-core/event_json.h"
#include "ese-core/json_text.h"
#include "ese-core/log.h"
#include "ese-core/memory.h"
#include "transports/http/store_read.h"

#define PIECE_BYTES (64 * 1024) /* and behind that the one event that was begun */
#define PIECE_LIMIT (16 * 1024 * 1024)
#define EVENT_DEPTH 3 /* of an event within the answer */

/* How far the answer has come. */
enum stage { STAGE_FIRST_GROUP, STAGE_IN_GROUP, STAGE_NEXT_GROUP, STAGE_END };

struct list {
    struct ese_store_reader *reader;
    int64_t start; /* shows [start, end) */
    int64_t end;
    enum stage stage;
    char ip[ESE_EVENT_IP_SIZE];
    int64_t position; /* within the group: the next offset to show */
    struct ese_buffer piece;
    size_t sent; /* of the piece */
};

static atomic_int lists_under_way;

/* ---- the text -------------------------------------------------------------------------------- */

static bool append_event(void *context, const struct ese_event *event, int64_t offset)
{
    struct list *list = context;

    if (list->position > list->start)
        ese_buffer_text(&list->piece, ",");
    ese_json_write_line(&list->piece, EVENT_DEPTH);
    ese_event_json_write_stored_at(&list->piece, event, EVENT_DEPTH);
    list->position = offset + 1;
    return list->piece.length < PIECE_BYTES;
}

/* ---- the stages ------------------------------------------------------------------------------ */

static int begin_group(struct list *list, struct ese_error *error)
{
    bool first = list->stage == STAGE_FIRST_GROUP;
    int got = ese_store_reader_next_ip(list->reader, first ? NULL : list->ip, list->start,
                                       list->end, list->ip, error);

    if (got < 0)
        return -1;
    if (got == 0) {
        ese_buffer_text(&list->piece, first ? "[]" : "\n]");
        list->stage = STAGE_END;
        return 0;
    }
    ese_buffer_text(&list->piece, first ? "[" : ",");
    ese_buffer_text(&list->piece, "\n    {\n        \"ip\": ");
    ese_json_write_string(&list->piece, list->ip);
    ese_buffer_text(&list->piece, ",\n        \"event_logs\": [");
    list->stage = STAGE_IN_GROUP;
    list->position = list->start;
    return 0;
}

static int continue_group(struct list *list, struct ese_error *error)
{
    int got = ese_store_reader_visit_ip(list->reader, list->ip, list->position, list->end,
                                        append_event, list, error);

    if (got < 0)
        return -1;
    if (got == 0) {
        ese_buffer_text(&list->piece, "\n        ]\n    }");
        list->stage = STAGE_NEXT_GROUP;
    }
    return list->piece.overflowed ? ese_fail(error, ESE_E_FULL, "an event is larger than %d bytes",
                                             PIECE_LIMIT)
                                  : 0;
}

static int make_piece(struct list *list, struct ese_error *error)
{
    ese_buffer_clear(&list->piece);
    list->sent = 0;
    return list->stage == STAGE_IN_GROUP ? continue_group(list, error) : begin_group(list, error);
}

static int64_t more(void *context, char *bytes, size_t size)
{
    struct list *list = context;
    struct ese_error error;

    if (list->sent == list->piece.length) {
        if (list->stage == STAGE_END)
            return 0;
        if (make_piece(list, &error) != 0) {
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

    ese_store_reader_close(&list->reader);
    ese_buffer_free(&list->piece);
    free(list);
    atomic_fetch_sub(&lists_under_way, 1);
}

/* ---- the request ----------------------------------------------------------------------------- */

void ese_store_list_handle(struct ese_store_log *log, struct ese_http_request *request)
{
    struct list *list;
    struct ese_error error;

    if (atomic_fetch_add(&lists_under_way, 1) >= ESE_STORE_LISTS) {
        atomic_fetch_sub(&lists_under_way, 1);
        ese_http_request_add_header(request, "Retry-After", "1");
        ese_http_reply_message(request, 503,
                               "too many lists of all events are being read just now");
        return;
    }
    list = ese_alloc(sizeof(*list));
    list->piece = (struct ese_buffer)ESE_BUFFER_INIT(PIECE_LIMIT);
    list->end = atomic_load(&log->next);
    if (ese_store_reader_open(log, &list->reader, &error) != 0 ||
        ese_store_reader_start(list->reader, log, &list->start, &error) != 0) {
        end(list);
        ese_log_error("the events cannot be listed: %s", error.text);
        ese_http_reply_message(request, 503, error.text);
        return;
    }
    ese_http_reply_stream(request, 200, ESE_HTTP_JSON, more, end, list);
}
