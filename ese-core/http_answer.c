#include "ese-core/http_server_internal.h"

#include <assert.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "ese-core/json_text.h"
#include "ese-core/memory.h"
#include "ese-core/tally.h"

/* Bytes asked of a stream at a time. */
#define STREAM_BLOCK (32 * 1024)

/* ---- the mailbox ----------------------------------------------------------------------------- */

struct http_mailbox *ese_http_mailbox_new(void)
{
    struct http_mailbox *mailbox = ese_alloc(sizeof *mailbox);
    mailbox->references = 1;
    mailbox->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return mailbox;
}

void ese_http_mailbox_release(struct http_mailbox *mailbox)
{
    if (atomic_fetch_sub(&mailbox->references, 1) > 1)
        return;
    close(mailbox->wake_fd);
    free(mailbox);
}

void ese_http_mailbox_wake(struct http_mailbox *mailbox)
{
    eventfd_write(mailbox->wake_fd, 1);
}

/* Whoever finds the box empty wakes the server's thread; the others know that it was woken. While it is held, that is
 * left to who lets go of it last. */
static void put(struct http_mailbox *mailbox, struct ese_http_request *request)
{
    struct ese_http_request *first = atomic_load(&mailbox->first);
    do {
        request->next = first;
    } while (!atomic_compare_exchange_weak(&mailbox->first, &first, request));
    if (first == NULL && atomic_load(&mailbox->held) == 0)
        ese_http_mailbox_wake(mailbox);
}

void ese_http_server_hold(struct ese_http_server *server)
{
    atomic_fetch_add(&server->mailbox->held, 1);
}

void ese_http_server_release(struct ese_http_server *server)
{
    struct http_mailbox *mailbox = server->mailbox;
    if (atomic_fetch_sub(&mailbox->held, 1) == 1 && atomic_load(&mailbox->first) != NULL)
        ese_http_mailbox_wake(mailbox);
}

void ese_http_mailbox_deliver(struct http_mailbox *mailbox)
{
    eventfd_t woken;
    eventfd_read(mailbox->wake_fd, &woken);
    struct ese_http_request *request = atomic_exchange(&mailbox->first, NULL);
    while (request != NULL) {
        struct ese_http_request *next = request->next;
        request->server->suspended--;
        MHD_resume_connection(request->mhd);
        request = next;
    }
}

/* ---- giving an answer, on any thread --------------------------------------------------------- */

static int mark_answered(struct ese_http_request *request)
{
    int before = atomic_exchange(&request->state, HTTP_ANSWERED);
    assert(before != HTTP_ANSWERED && before != HTTP_ARRIVING);
    if (before == HTTP_KEPT)
        put(request->mailbox, request);
    return before;
}

/* The last thing the answering thread does with a request. */
static void hand_over(struct ese_http_request *request)
{
    if (request->making)
        request->making = false;
    else
        mark_answered(request);
    ese_http_request_release(request);
}

static void make_answer(struct ese_http_request *request)
{
    void (*make)(void *context) = request->make;
    request->make = NULL;
    request->making = true;
    make(request->make_context);
}

void ese_http_reply_by(struct ese_http_request *request, void (*answer)(void *context), void *context)
{
    request->make = answer;
    request->make_context = context;
    if (mark_answered(request) == HTTP_ABANDONED)
        make_answer(request); /* nobody else will */
}

void ese_http_answer_drop(struct ese_http_request *request)
{
    if (request->make != NULL)
        make_answer(request);
}

static void set_head(struct ese_http_request *request, int status, const char *content_type)
{
    request->answer.status = status;
    if (content_type != NULL)
        ese_fit_text(request->answer.content_type, sizeof request->answer.content_type,
                     content_type);
}

void ese_http_request_add_header(struct ese_http_request *request, const char *name,
                                 const char *value)
{
    struct http_answer *answer = &request->answer;
    assert(answer->header_count < ESE_HTTP_MOST_HEADERS);
    for (const char *c = value; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return; /* it could begin a header of its own */
    }
    answer->headers[answer->header_count].name = ese_copy_text(name);
    answer->headers[answer->header_count].value = ese_copy_text(value);
    answer->header_count++;
}

void ese_http_reply(struct ese_http_request *request, int status, const char *content_type,
                    const char *body, size_t length)
{
    set_head(request, status, content_type);
    if (body != NULL && length > 0) {
        request->answer.body = ese_copy_bytes(body, length);
        request->answer.length = length;
    }
    hand_over(request);
}

void ese_http_reply_buffer(struct ese_http_request *request, int status, const char *content_type,
                           struct ese_buffer *body)
{
    set_head(request, status, content_type);
    request->answer.length = body->length;
    request->answer.body = body->length > 0 ? ese_buffer_detach(body) : NULL;
    ese_buffer_free(body);
    hand_over(request);
}

void ese_http_reply_message(struct ese_http_request *request, int status, const char *message)
{
    struct ese_buffer body = ESE_BUFFER_INIT(8192);
    ese_buffer_text(&body, "{\n    \"message\": ");
    ese_json_write_string(&body, message);
    ese_buffer_text(&body, "\n}");
    ese_http_reply_buffer(request, status, ESE_HTTP_JSON, &body);
}

void ese_http_reply_stream(struct ese_http_request *request, int status, const char *content_type,
                           ese_http_more *more, void (*done)(void *context), void *context)
{
    struct http_stream *stream = ese_alloc(sizeof *stream);
    *stream = (struct http_stream){.more = more, .done = done, .context = context};
    set_head(request, status, content_type);
    request->answer.stream = stream;
    hand_over(request);
}

static void end_stream(void *context)
{
    struct http_stream *stream = context;
    if (stream->done != NULL)
        stream->done(stream->context);
    free(stream);
}

void ese_http_answer_clear(struct http_answer *answer)
{
    for (int i = 0; i < answer->header_count; i++) {
        free(answer->headers[i].name);
        free(answer->headers[i].value);
    }
    if (answer->stream != NULL)
        end_stream(answer->stream);
    free(answer->body);
}

/* ---- sending it, on the server's thread ------------------------------------------------------ */

static ssize_t read_stream(void *context, uint64_t position, char *bytes, size_t size)
{
    struct http_stream *stream = context;
    (void)position;
    int64_t length = stream->more(stream->context, bytes, size);
    if (length < 0)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (length == 0)
        return MHD_CONTENT_READER_END_OF_STREAM;
    ese_metric_add(stream->sent_bytes, length);
    return length;
}

/* The body, or the stream, becomes libmicrohttpd's. */
static struct MHD_Response *make_response(struct ese_http_request *request)
{
    struct http_answer *answer = &request->answer;
    struct MHD_Response *response;
    if (answer->stream != NULL) {
        answer->stream->sent_bytes = request->server->sent_bytes;
        response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, read_stream,
                                                     answer->stream, end_stream);
        answer->stream = NULL;
    } else {
        ese_metric_add(request->server->sent_bytes, (int64_t)answer->length);
        response =
            MHD_create_response_from_buffer(answer->length, answer->body, MHD_RESPMEM_MUST_FREE);
        answer->body = NULL;
    }
    return response;
}

static void add_headers(const struct ese_http_request *request, struct MHD_Response *response)
{
    const struct http_answer *answer = &request->answer;
    if (answer->content_type[0] != '\0')
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer->content_type);
    for (int i = 0; i < answer->header_count; i++)
        MHD_add_response_header(response, answer->headers[i].name, answer->headers[i].value);
    bool any_origin = request->server->manners.any_origin;
    if (any_origin || ese_http_guard_foreign_origin(request))
        MHD_add_response_header(response, MHD_HTTP_HEADER_ACCESS_CONTROL_ALLOW_ORIGIN, "*");
    if (any_origin)
        MHD_add_response_header(response, MHD_HTTP_HEADER_VARY, MHD_HTTP_HEADER_ORIGIN);
    if (answer->close || atomic_load(&request->server->quiescing))
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
}

static struct ese_metric *answers_metric(struct ese_http_server *server,
                                         const struct http_route *route, const char *status)
{
    char labels[256];
    snprintf(labels, sizeof labels, "route=\"%s\",method=\"%s\",status=\"%s\"", route->path,
             route->method, status);
    return ese_metrics_counter(server->options.metrics, "ese_http_requests_total", labels,
                               "Requests answered, by route, method and status.");
}

static void count(struct ese_http_server *server, struct http_route *route, int status)
{
    int i = 0;
    while (i < ESE_HTTP_MOST_STATUSES - 1 && route->statuses[i].answers != NULL &&
           route->statuses[i].status != status)
        i++;
    if (route->statuses[i].answers == NULL) {
        char text[16] = "other";
        if (i < ESE_HTTP_MOST_STATUSES - 1)
            snprintf(text, sizeof text, "%d", status);
        route->statuses[i].status = status;
        route->statuses[i].answers = answers_metric(server, route, text);
    }
    ese_metric_add(route->statuses[i].answers, 1);
    ese_tally_count(ESE_TALLY_ANSWERED, 1);
}

enum MHD_Result ese_http_answer_send(struct ese_http_request *request)
{
    if (request->make != NULL)
        make_answer(request);
    struct MHD_Response *response = make_response(request);
    if (response == NULL)
        return MHD_NO;
    add_headers(request, response);
    count(request->server, request->route, request->answer.status);
    enum MHD_Result queued =
        MHD_queue_response(request->mhd, (unsigned)request->answer.status, response);
    MHD_destroy_response(response);
    return queued;
}
