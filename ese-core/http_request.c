#include "ese-core/http_server_internal.h"

#include <assert.h>
#include <strings.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"

/* A body beyond the limit is read and dropped, so that its sender finds the 413 in place of a
 * reset; one beyond this many limits is not worth it. */
#define MOST_DROPPED 16

/* All bodies that are there at one time, in limits of one: with many connections the limits of each are no bound of
 * memory. Who comes beyond is told to come again. */
#define MOST_KEPT 64

/* So much memory a body has before a byte of it came, at most: what is announced need not come. */
#define MOST_RESERVED (32 * 1024)

#define LOCATION_LIMIT 8192 /* bytes of where a redirect leads to */

/* ---- beginning ------------------------------------------------------------------------------- */

/* Of "/event/?x=1" the "?x=1": a redirect has to repeat it. */
static char *query_behind_slash(const char *uri)
{
    const char *query = strchr(uri, '?');
    return query != NULL && query > uri && query[-1] == '/' ? ese_copy_text(query) : NULL;
}

/* A NUL would end the path once it is decoded, and a redirect repeats the query in a header's value. */
static bool is_hiding_something(const char *uri)
{
    for (const unsigned char *c = (const unsigned char *)uri; *c != '\0'; c++) {
        if (*c < 0x20 || *c == 0x7f)
            return true;
    }
    return strstr(uri, "%00") != NULL || strchr(uri, ' ') != NULL;
}

/* Called with the request line as it came, before anything is decoded. */
void *ese_http_request_begin(void *context, const char *uri, struct MHD_Connection *mhd)
{
    struct ese_http_server *server = context;
    struct http_connection *connection = ese_http_connection_of(mhd);
    struct ese_http_request *request = ese_alloc(sizeof *request);
    request->references = 1;
    request->server = server;
    request->mailbox = server->mailbox;
    atomic_fetch_add(&server->mailbox->references, 1);
    request->connection = connection;
    request->mhd = mhd;
    request->started_ns = ese_clock_monotonic_ns();
    request->target = uri;
    request->target_length = strlen(uri);
    request->body.limit = (size_t)server->options.max_body_bytes;
    if (is_hiding_something(uri)) {
        request->refusal = 400;
        request->refusal_text = "NUL, blank or control character in the path or query";
    } else {
        request->raw_query = query_behind_slash(uri);
    }
    ese_http_route_keep_path(request);
    connection->request = request;
    connection->phase = HTTP_READING;
    if (connection->began_ns == 0)
        connection->began_ns = request->started_ns;
    return request;
}

void ese_http_request_release(struct ese_http_request *request)
{
    if (atomic_fetch_sub(&request->references, 1) > 1)
        return;
    ese_http_answer_clear(&request->answer);
    ese_buffer_free(&request->body);
    ese_http_mailbox_release(request->mailbox);
    free(request->raw_query);
    free(request->segments);
    free(request);
}

/* ---- refusing and routing -------------------------------------------------------------------- */

/* It brings no token, and is answered without. Under any_origin every OPTIONS is one; what leaves in doubt where it
 * ends is refused there all the same. */
static bool is_preflight(const struct ese_http_request *request)
{
    if (strcmp(request->method, "OPTIONS") != 0)
        return false;
    if (request->server->manners.any_origin)
        return request->refusal == 0 || request->refusal == 401;
    return ese_http_guard_foreign_origin(request);
}

static void preflight(struct ese_http_request *request)
{
    if (request->server->manners.any_origin) {
        ese_http_request_add_header(request, "Access-Control-Allow-Methods", "GET");
        ese_http_reply(request, 204, NULL, NULL, 0);
        return;
    }
    ese_http_request_add_header(request, "Access-Control-Allow-Methods", "GET,POST,OPTIONS");
    ese_http_request_add_header(request, "Access-Control-Allow-Headers",
                                "Origin,Content-Length,Content-Type");
    ese_http_request_add_header(request, "Access-Control-Max-Age", "43200");
    ese_http_reply(request, 204, NULL, NULL, 0);
}

/* "/event/" is answered with where it is; the path is our own route's, never what came. A query that is too long to be
 * repeated is refused: libmicrohttpd has only so much room for an answer's headers. */
static void redirect(struct ese_http_request *request, const struct http_route *route)
{
    struct ese_buffer target = ESE_BUFFER_INIT(LOCATION_LIMIT);
    ese_buffer_printf(&target, "%s%s", route->path,
                      request->raw_query != NULL ? request->raw_query : "");
    if (target.overflowed) {
        ese_http_reply_message(request, 414, "the query is too long for a redirect: leave out the slash before it");
    } else {
        ese_http_request_add_header(request, "Location", target.text);
        ese_http_reply(request, strcmp(request->method, "GET") == 0 ? 301 : 307, NULL, NULL, 0);
    }
    ese_buffer_free(&target);
}

static void refuse(struct ese_http_request *request)
{
    if (request->refusal == 401)
        ese_http_request_add_header(request, "WWW-Authenticate", request->challenge);
    if (request->refusal == 503) /* another process may soon be here, and this one has done nothing */
        ese_http_request_add_header(request, "Retry-After", "1");
    ese_http_reply_message(request, request->refusal, request->refusal_text);
}

static void answer_strictly(struct ese_http_request *request)
{
    bool is_known = ese_http_route_has_another(request);
    const char *body = is_known ? "{\"message\":\"Method Not Allowed\"}" : "{\"message\":\"Not Found\"}";
    ese_http_reply(request, is_known ? 405 : 404, "application/json; charset=UTF-8", body, strlen(body));
}

static void answer_stray(struct ese_http_request *request)
{
    static const char not_found[] = "404 page not found";
    bool is_strict = request->server->manners.strict_paths;
    const struct http_route *route = is_strict ? NULL : ese_http_route_before_slash(request);
    if (is_preflight(request))
        preflight(request);
    else if (request->refusal != 0)
        refuse(request);
    else if (route != NULL)
        redirect(request, route);
    else if (is_strict)
        answer_strictly(request);
    else
        ese_http_reply(request, 404, "text/plain", not_found, strlen(not_found));
}

static void call_handler(struct ese_http_request *request)
{
    if (request->refusal != 0)
        refuse(request);
    else
        request->route->handler(request->route->context, request);
}

/* The whole request is there. */
static enum MHD_Result handle(struct ese_http_request *request)
{
    struct ese_http_server *server = request->server;
    request->connection->phase = HTTP_ANSWERING;
    request->handled = true;
    server->under_way++;
    ese_metric_add(server->received_bytes, (int64_t)request->body_bytes);
    if (atomic_load(&server->quiescing)) {
        request->refusal = 503;
        request->refusal_text = "the server is stopping";
    }
    atomic_fetch_add(&request->references, 1); /* whoever owes the answer */
    atomic_store(&request->state, HTTP_HANDLED);
    if (request->route->handler != NULL)
        call_handler(request);
    else
        answer_stray(request);
    int handled = HTTP_HANDLED;
    if (!atomic_compare_exchange_strong(&request->state, &handled, HTTP_KEPT))
        return ese_http_answer_send(request);
    server->suspended++;
    MHD_suspend_connection(request->mhd);
    return MHD_YES;
}

/* Where a request ends cannot be told: nothing behind it may be read as another one. */
static enum MHD_Result refuse_framing(struct ese_http_request *request)
{
    request->answer.close = true;
    return handle(request);
}

static void tell_too_large(const struct ese_http_request *request)
{
    const struct ese_http_server_options *options = &request->server->options;
    uint64_t announced = ese_http_guard_announced(request);
    if (options->too_large != NULL)
        options->too_large(options->too_large_context, request->path,
                           announced > request->body_bytes ? announced : request->body_bytes);
}

static enum MHD_Result read_headers(struct ese_http_request *request, const char *version)
{
    struct ese_http_server *server = request->server;
    request->headers_read = true;
    ese_http_route_choose(request);
    if (!ese_http_guard_framing(request, version))
        return refuse_framing(request);
    request->challenge = request->route->is_open ? NULL : ese_http_guard_challenge(request);
    if (request->challenge != NULL) {
        request->refusal = 401;
        request->refusal_text = "a token is needed: Authorization: Bearer TOKEN";
    }
    uint64_t announced = ese_http_guard_announced(request);
    if (announced > 0 && announced <= MOST_RESERVED)
        ese_buffer_grow(&request->body, (size_t)announced);
    if (announced / MOST_DROPPED < (uint64_t)server->options.max_body_bytes)
        return MHD_YES;
    tell_too_large(request);
    request->refusal = 413;
    request->refusal_text = "the body is too large";
    request->answer.close = true;
    return handle(request);
}

static void let_go(struct ese_http_request *request)
{
    request->server->kept_bytes -= request->kept_bytes;
    request->kept_bytes = 0;
}

static void refuse_body(struct ese_http_request *request, int status, const char *text)
{
    request->refusal = status;
    request->refusal_text = text;
    ese_buffer_free(&request->body);
    let_go(request);
}

static void keep_body(struct ese_http_request *request, const char *bytes, size_t length)
{
    struct ese_http_server *server = request->server;
    ese_buffer_append(&request->body, bytes, length);
    request->kept_bytes += (int64_t)length;
    server->kept_bytes += (int64_t)length;
    if (request->body.overflowed) {
        refuse_body(request, 413, "the body is too large");
        tell_too_large(request);
    } else if (server->kept_bytes / MOST_KEPT >= server->options.max_body_bytes)
        refuse_body(request, 503, "too much is arriving at the same time");
}

static enum MHD_Result read_body(struct ese_http_request *request, const char *bytes, size_t length)
{
    uint64_t limit = (uint64_t)request->server->options.max_body_bytes;
    request->body_bytes += length;
    if (request->refusal == 0)
        keep_body(request, bytes, length);
    return request->body_bytes / MOST_DROPPED < limit ? MHD_YES : MHD_NO;
}

/* libmicrohttpd calls this with the headers, then with each piece of the body, then with its end,
 * and once more when a suspended connection was resumed. */
enum MHD_Result ese_http_request_continue(void *server, struct MHD_Connection *mhd,
                                          const char *path, const char *method, const char *version,
                                          const char *upload, size_t *upload_length, void **context)
{
    struct ese_http_request *request = *context;
    (void)server, (void)mhd;
    if (!request->headers_read) {
        request->path = path;
        request->method = method;
        return read_headers(request, version);
    }
    if (*upload_length > 0) {
        size_t length = *upload_length;
        *upload_length = 0;
        return read_body(request, upload, length);
    }
    switch (atomic_load(&request->state)) {
    case HTTP_ARRIVING: return handle(request);
    case HTTP_ANSWERED: return ese_http_answer_send(request);
    case HTTP_ABANDONED: return MHD_NO;
    default: return MHD_YES;
    }
}

/* ---- the end --------------------------------------------------------------------------------- */

void ese_http_request_end(void *context, struct MHD_Connection *mhd, void **request_context,
                          enum MHD_RequestTerminationCode how)
{
    struct ese_http_server *server = context;
    struct ese_http_request *request = *request_context;
    (void)mhd, (void)how;
    if (request == NULL)
        return;
    *request_context = NULL;
    if (atomic_load(&request->state) == HTTP_ANSWERED)
        ese_http_answer_drop(request); /* where it was not sent */
    if (request->handled)
        server->under_way--;
    if (request->handled && request->route->seconds != NULL)
        ese_metric_observe_us(request->route->seconds,
                              (ese_clock_monotonic_ns() - request->started_ns) / 1000);
    let_go(request);
    ese_http_connection_rest(request->connection, request);
    ese_http_request_release(request);
}

/* ---- what a handler asks --------------------------------------------------------------------- */

const char *ese_http_request_query(const struct ese_http_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->mhd, MHD_GET_ARGUMENT_KIND, name);
}

const char *ese_http_request_header(const struct ese_http_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->mhd, MHD_HEADER_KIND, name);
}

struct named {
    const char *name;
    int count;
};

static enum MHD_Result count_named(void *context, enum MHD_ValueKind kind, const char *name,
                                   const char *value)
{
    struct named *named = context;
    (void)kind;
    (void)value;
    named->count += strcasecmp(name, named->name) == 0;
    return MHD_YES;
}

int ese_http_request_header_count(const struct ese_http_request *request, const char *name)
{
    struct named named = {.name = name};
    MHD_get_connection_values(request->mhd, MHD_HEADER_KIND, count_named, &named);
    return named.count;
}

const char *ese_http_request_body(const struct ese_http_request *request, size_t *length)
{
    *length = request->body.length;
    return request->body.text != NULL ? request->body.text : "";
}

int64_t ese_http_request_started_ns(const struct ese_http_request *request)
{
    return request->started_ns;
}

int ese_http_request_most_connections(const struct ese_http_request *request)
{
    return request->server->options.max_connections;
}
