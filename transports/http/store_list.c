#include "transports/http/store_list.h"

#include <pthread.h>
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

/* An answer on its way. */
struct list {
    struct ese_store_reader *reader;
    int64_t place; /* of the last event in the text so far; 0: none yet */
    char ip[ESE_EVENT_IP_SIZE];
    bool ended;
    struct ese_buffer piece;
    size_t sent; /* of the piece */
};

struct ese_store_lists {
    struct ese_store_log *log;
    pthread_t thread;
    bool started;
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t work;
    struct ese_http_request *waiting[ESE_STORE_LISTS];
    int count;
    bool closing;
};

/* Of the process: answers outlive the store. */
static atomic_int lists_under_way;

/* ---- the text -------------------------------------------------------------------------------- */

static void begin_group(struct list *list, const char *ip)
{
    ese_buffer_text(&list->piece, list->place == 0 ? "[" : "\n        ]\n    },");
    ese_buffer_text(&list->piece, "\n    {\n        \"ip\": ");
    ese_json_write_string(&list->piece, ip);
    ese_buffer_text(&list->piece, ",\n        \"event_logs\": [");
    ese_fit_text(list->ip, sizeof(list->ip), ip);
}

static bool append_event(void *context, const struct ese_event *event, int64_t place)
{
    struct list *list = context;

    if (list->place == 0 || strcmp(list->ip, event->ip) != 0)
        begin_group(list, event->ip);
    else
        ese_buffer_text(&list->piece, ",");
    ese_json_write_line(&list->piece, EVENT_DEPTH);
    ese_event_json_write_stored_at(&list->piece, event, EVENT_DEPTH);
    list->place = place;
    return list->piece.length < PIECE_BYTES;
}

static int make_piece(struct list *list, struct ese_error *error)
{
    int got;

    ese_buffer_clear(&list->piece);
    list->sent = 0;
    got = ese_store_reader_visit_sorted(list->reader, list->place, append_event, list, error);
    if (got < 0)
        return -1;
    if (got == 0) {
        ese_buffer_text(&list->piece, list->place == 0 ? "[]" : "\n        ]\n    }\n]");
        list->ended = true;
    }
    if (list->piece.overflowed)
        return ese_fail(error, ESE_E_FULL, "an event is larger than %d bytes", PIECE_LIMIT);
    return 0;
}

/* ---- sending: the HTTP server's thread ------------------------------------------------------- */

static int64_t more(void *context, char *bytes, size_t size)
{
    struct list *list = context;
    struct ese_error error;

    if (list->sent == list->piece.length) {
        if (list->ended)
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

/* ---- sorting: our thread --------------------------------------------------------------------- */

static int sort(struct ese_store_log *log, struct list *list, struct ese_error *error)
{
    int64_t start;

    if (ese_store_reader_open(log, &list->reader, error) != 0 ||
        ese_store_reader_start(list->reader, log, &start, error) != 0)
        return -1;
    return ese_store_reader_sort_by_ip(list->reader, start, atomic_load(&log->next), error);
}

static void answer(struct ese_store_log *log, struct ese_http_request *request)
{
    struct list *list = ese_alloc(sizeof(*list));
    struct ese_error error;

    list->piece = (struct ese_buffer)ESE_BUFFER_INIT(PIECE_LIMIT);
    if (sort(log, list, &error) != 0) {
        end(list);
        ese_log_error("the events cannot be listed: %s", error.text);
        ese_http_reply_message(request, 503, error.text);
        return;
    }
    ese_http_reply_stream(request, 200, ESE_HTTP_JSON, more, end, list);
}

/* The oldest request; NULL: no more are to come. */
static struct ese_http_request *take(struct ese_store_lists *lists)
{
    struct ese_http_request *request = NULL;

    pthread_mutex_lock(&lists->mutex);
    while (lists->count == 0 && !lists->closing)
        pthread_cond_wait(&lists->work, &lists->mutex);
    if (!lists->closing) {
        request = lists->waiting[0];
        lists->count--;
        memmove(lists->waiting, lists->waiting + 1, (size_t)lists->count * sizeof(request));
    }
    pthread_mutex_unlock(&lists->mutex);
    return request;
}

static void *run(void *context)
{
    struct ese_store_lists *lists = context;
    struct ese_http_request *request;

    while ((request = take(lists)) != NULL)
        answer(lists->log, request);
    return NULL;
}

static void refuse(struct ese_http_request *request, const char *message)
{
    atomic_fetch_sub(&lists_under_way, 1);
    ese_http_request_add_header(request, "Retry-After", "1");
    ese_http_reply_message(request, 503, message);
}

void ese_store_lists_handle(struct ese_store_lists *lists, struct ese_http_request *request)
{
    if (atomic_fetch_add(&lists_under_way, 1) >= ESE_STORE_LISTS) {
        refuse(request, "too many lists of all events are being read just now");
        return;
    }
    pthread_mutex_lock(&lists->mutex);
    lists->waiting[lists->count++] = request;
    pthread_cond_signal(&lists->work);
    pthread_mutex_unlock(&lists->mutex);
}

/* ---- life ------------------------------------------------------------------------------------ */

int ese_store_lists_open(struct ese_store_log *log, struct ese_store_lists **lists,
                         struct ese_error *error)
{
    struct ese_store_lists *opened = *lists = ese_alloc(sizeof(*opened));

    opened->log = log;
    pthread_mutex_init(&opened->mutex, NULL);
    pthread_cond_init(&opened->work, NULL);
    int failed = pthread_create(&opened->thread, NULL, run, opened);
    opened->started = failed == 0;
    if (!opened->started) {
        ese_store_lists_close(lists);
        return ese_fail(error, ESE_E_IO, "no thread for lists: %s", strerror(failed));
    }
    return 0;
}

void ese_store_lists_close(struct ese_store_lists **lists)
{
    struct ese_store_lists *closed = *lists;

    if (closed == NULL)
        return;
    *lists = NULL;
    pthread_mutex_lock(&closed->mutex);
    closed->closing = true;
    pthread_cond_signal(&closed->work);
    pthread_mutex_unlock(&closed->mutex);
    if (closed->started)
        pthread_join(closed->thread, NULL);
    for (int i = 0; i < closed->count; i++)
        refuse(closed->waiting[i], "the server is stopping");
    pthread_cond_destroy(&closed->work);
    pthread_mutex_destroy(&closed->mutex);
    free(closed);
}
