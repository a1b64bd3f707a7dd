#include "transports/webhook/stream_routes.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ese-core/http_worker.h"
#include "ese-core/memory.h"
#include "transports/webhook/introspection.h"
#include "transports/webhook/slice.h"
#include "transports/webhook/stream_name.h"
#include "transports/webhook/stream_table.h"

/* One POST on its way. */
struct post {
    struct ese_webhook_row row; /* the first member */
    struct ese_http_request *request;
    enum ese_append_result result;
};

struct ese_webhook_routes {
    struct ese_webhook_streams *streams;
    struct ese_http_worker *worker;    /* a thread that reads slices */
    struct ese_webhook_reader *reader; /* its own */
    struct ese_http_worker *looker;    /* one that looks into streams, which may take it seconds */
    struct ese_webhook_reader *looked; /* its own, as the next */
    struct ese_webhook_introspection *introspection;
};

void ese_webhook_reply_text(struct ese_http_request *request, int status, const char *before, const char *text)
{
    struct ese_buffer body = ESE_BUFFER_INIT(4096);

    ese_buffer_printf(&body, "%s%s\n", before, text);
    ese_http_reply_buffer(request, status, ESE_WEBHOOK_TEXT, &body);
}

/* ---- answering: the HTTP server's thread ----------------------------------------------------- */

static void reply_stored(const struct post *post)
{
    char position[24];

    snprintf(position, sizeof(position), "%" PRId64, post->row.position);
    ese_http_request_add_header(post->request, "X-Event-Position", position);
    ese_http_request_add_header(post->request, "X-Event-Uuid", post->row.uuid);
    ese_http_reply(post->request, 200, ESE_WEBHOOK_TEXT, "Created\n", 8);
}

/* Where the store has words of its own they stand behind the colon. */
static void reply_refused(const struct post *post)
{
    static const struct {
        int status;
        bool again;
        const char *text;
        const char *why;
    } refusals[] = {
        [ESE_APPEND_FULL] = {503, true, "Nothing was stored: ", "the queue is full, try again"},
        [ESE_APPEND_AT_BOUND] = {503, true, "Nothing was stored: ", "the store holds as much as it may"},
        [ESE_APPEND_CONFLICT] = {422, false, "", "This Idempotency-Key came before with another type or body"},
        [ESE_APPEND_UNKNOWN] = {504, false, "", "Perhaps stored: try again with the same Idempotency-Key"},
        [ESE_APPEND_UNSYNCED] = {503, false, "", "Perhaps stored: the disk has failed"},
        [ESE_APPEND_NO_ROOM] = {507, false, "Nothing was stored: ", "there is no room"},
        [ESE_APPEND_FAILED] = {500, false, "Error occured: ", "the store failed, try again"},
    };

    if (refusals[post->result].again)
        ese_http_request_add_header(post->request, "Retry-After", "1");
    ese_webhook_reply_text(post->request, refusals[post->result].status, refusals[post->result].text,
                           post->row.why != NULL ? post->row.why : refusals[post->result].why);
}

static void reply(void *context)
{
    struct post *post = context;

    if (post->result == ESE_APPEND_STORED)
        reply_stored(post);
    else
        reply_refused(post);
    free(post->row.why);
    free(post);
}

/* Any thread. */
static void done(struct ese_webhook_row *row, enum ese_append_result result)
{
    struct post *post = (struct post *)row;

    post->result = result;
    ese_http_reply_by(post->request, reply, post);
}

/* ---- POST ------------------------------------------------------------------------------------ */

static int check_type(const char *type, struct ese_error *error)
{
    if (strlen(type) <= ESE_WEBHOOK_TYPE_MOST)
        return 0;
    return ese_fail(error, ESE_E_INVALID, "The x-event-type '%.40s...' is longer than %d bytes", type,
                    ESE_WEBHOOK_TYPE_MOST);
}

/* *key: NULL where there is none. */
static int find_key(struct ese_http_request *request, const char **key, struct ese_error *error)
{
    const char *found = ese_http_request_header(request, "Idempotency-Key");

    *key = NULL;
    if (found == NULL || found[0] == '\0')
        return 0;
    if (ese_http_request_header_count(request, "Idempotency-Key") > 1)
        return ese_fail(error, ESE_E_INVALID, "Idempotency-Key: more than one");
    if (strlen(found) > ESE_WEBHOOK_KEY_MOST)
        return ese_fail(error, ESE_E_INVALID, "Idempotency-Key: longer than %d bytes", ESE_WEBHOOK_KEY_MOST);
    for (const char *c = found; *c != '\0'; c++) {
        if (*c < 0x20 || *c > 0x7e)
            return ese_fail(error, ESE_E_INVALID, "Idempotency-Key: a character that is none to be printed, in ASCII");
    }
    *key = found;
    return 0;
}

/* A subscription to a stream of this server whose URL is a stream here would make of one event as many as there is room
 * for. The original's pushes have no type, and were refused for that. What a push has that its subscription cannot take
 * away, by headers of its own, is a position. */
static int check_no_push(struct ese_http_request *request, struct ese_error *error)
{
    if (ese_http_request_header(request, "X-Event-Position") == NULL)
        return 0;
    return ese_fail(error, ESE_E_INVALID, "a push is no event to be stored: a subscription's URL is to be a "
                                          "receiver's, and who passes events on posts them without x-event-position");
}

/* What it points to is the request's, which lives until it is answered. */
static int make_row(struct ese_http_request *request, const char *type, struct ese_webhook_row *row,
                    struct ese_error *error)
{
    row->type = type;
    row->body = ese_http_request_body(request, &row->length);
    row->done = done;
    if (check_no_push(request, error) != 0)
        return -1;
    return check_type(type, error) != 0 ? -1 : find_key(request, &row->key, error);
}

static void post_event(void *context, struct ese_http_request *request)
{
    static const char no_type[] = "Event must have type specified in x-event-type header";
    struct ese_webhook_routes *routes = context;
    const char *type = ese_http_request_header(request, "X-Event-Type");
    const char *stream = ese_http_request_parameter(request, "stream");
    struct ese_error error;

    if (type == NULL || type[0] == '\0') {
        ese_http_reply(request, 400, ESE_WEBHOOK_TEXT, no_type, sizeof(no_type) - 1);
        return;
    }
    struct post *post = ese_alloc(sizeof(*post));
    post->request = request;
    if (make_row(request, type, &post->row, &error) == 0 &&
        ese_webhook_streams_post(routes->streams, stream, &post->row, &error) == 0)
        return;
    free(post);
    ese_webhook_reply_text(request, 400, "", error.text);
}

/* ---- GET ------------------------------------------------------------------------------------- */

static void answer_slice(void *context, struct ese_http_request *request)
{
    struct ese_webhook_routes *routes = context;

    ese_webhook_slice_answer(routes->streams, routes->reader, request);
}

static void get_slice(void *context, struct ese_http_request *request)
{
    struct ese_webhook_routes *routes = context;

    ese_http_worker_ask(routes->worker, request, answer_slice, routes);
}

static void answer_streams(void *context, struct ese_http_request *request)
{
    struct ese_webhook_routes *routes = context;

    ese_webhook_introspection_answer_all(routes->introspection, request);
}

static void get_streams(void *context, struct ese_http_request *request)
{
    struct ese_webhook_routes *routes = context;

    ese_http_worker_ask(routes->looker, request, answer_streams, routes);
}

static void answer_stream(void *context, struct ese_http_request *request)
{
    struct ese_webhook_routes *routes = context;

    ese_webhook_introspection_answer_stream(routes->introspection, request);
}

static void get_stream(void *context, struct ese_http_request *request)
{
    struct ese_webhook_routes *routes = context;

    ese_http_worker_ask(routes->looker, request, answer_stream, routes);
}

static void go_on(void *context)
{
    struct ese_webhook_routes *routes = context;

    ese_webhook_introspection_go_on(routes->introspection);
}

static void refuse_reading(void *context, struct ese_http_request *request, const char *why)
{
    (void)context;
    ese_http_request_add_header(request, "Retry-After", "1");
    ese_webhook_reply_text(request, 503, "", why);
}

/* ---- life ------------------------------------------------------------------------------------ */

void ese_webhook_routes_add(struct ese_webhook_routes *routes, struct ese_http_server *server)
{
    ese_http_server_route(server, "POST", "/streams/:stream", post_event, routes);
    ese_http_server_route(server, "GET", "/streams/:stream/:offset/:limit", get_slice, routes);
    ese_http_server_route(server, "GET", "/introspect", get_streams, routes);
    ese_http_server_route(server, "GET", "/introspect/:stream", get_stream, routes);
}

int ese_webhook_routes_open(struct ese_webhook_streams *streams, struct ese_webhook_routes **routes,
                            struct ese_error *error)
{
    struct ese_webhook_routes *opened = *routes = ese_alloc(sizeof(*opened));
    const struct ese_http_worker_options worker = {.work = "reading", .refuse = refuse_reading, .context = opened};
    const struct ese_http_worker_options looker = {
        .work = "looking into streams", .refuse = refuse_reading, .idle = go_on, .context = opened};

    opened->streams = streams;
    opened->reader = ese_webhook_reader_new(streams);
    opened->looked = ese_webhook_reader_new(streams);
    if (ese_webhook_introspection_open(streams, opened->looked, &opened->introspection, error) != 0 ||
        ese_http_worker_open(&worker, &opened->worker, error) != 0 ||
        ese_http_worker_open(&looker, &opened->looker, error) != 0) {
        ese_webhook_routes_close(routes);
        return -1;
    }
    return 0;
}

void ese_webhook_routes_close(struct ese_webhook_routes **routes)
{
    struct ese_webhook_routes *closed = *routes;

    if (closed == NULL)
        return;
    *routes = NULL;
    ese_http_worker_close(&closed->worker);
    ese_http_worker_close(&closed->looker);
    ese_webhook_introspection_close(&closed->introspection);
    ese_webhook_reader_free(&closed->looked);
    ese_webhook_reader_free(&closed->reader);
    free(closed);
}
