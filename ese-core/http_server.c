#include "ese-core/http_server_internal.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/log.h"
#include "ese-core/memory.h"

#define CONNECTIONS 1000
#define DEADLINE_MS 10000
/* Request line and headers have to fit, the most headers there may be. It is cleared for each request. */
#define CONNECTION_MEMORY (24 * 1024)
#define IDLE_S 60                     /* a connection that neither sends nor reads */
#define CLOSE_WAIT_NS (2 * ESE_NS_PER_S)
#define OTHER_FDS 64                  /* files, sockets and databases beside the connections */

/* ---- opening --------------------------------------------------------------------------------- */

static void fill_in(struct ese_http_server *server, const struct ese_http_server_options *options)
{
    struct ese_http_server_options *own = &server->options;
    *own = *options;
    own->listen = ese_copy_text(options->listen);
    own->token = ese_copy_text(options->token);
    if (own->max_connections == 0)
        own->max_connections = CONNECTIONS;
    if (own->max_body_bytes == 0)
        own->max_body_bytes = ESE_HTTP_BODY_BYTES;
    if (own->request_deadline_ms == 0)
        own->request_deadline_ms = DEADLINE_MS;
    if (own->metrics == NULL)
        own->metrics = server->own_metrics = ese_metrics_new();
}

static void make_metrics(struct ese_http_server *server)
{
    struct ese_metrics *metrics = server->options.metrics;
    server->connection_count =
        ese_metrics_gauge(metrics, "ese_http_connections", NULL, "Open connections.");
    server->received_bytes = ese_metrics_counter(metrics, "ese_http_received_bytes_total", NULL,
                                                 "Bytes of request bodies received.");
    server->sent_bytes = ese_metrics_counter(metrics, "ese_http_sent_bytes_total", NULL,
                                             "Bytes of answer bodies sent.");
}

int ese_http_server_open(const struct ese_http_server_options *options,
                         struct ese_http_server **result, struct ese_error *error)
{
    struct ese_http_listen listen;
    if (options->token != NULL && options->token[0] == '\0')
        return ese_fail(error, ESE_E_USAGE,
                        "the token is empty: give one with at least a character");
    bool for_others = options->token != NULL || options->trusted_network;
    if (ese_http_listen_open(options->listen, for_others, &listen, error) != 0)
        return -1;
    struct ese_http_server *server = ese_alloc(sizeof *server);
    server->listen = listen;
    fill_in(server, options);
    make_metrics(server);
    ese_http_route_name_strays(server);
    server->mailbox = ese_http_mailbox_new();
    pthread_mutex_init(&server->lock, NULL);
    pthread_cond_init(&server->changed, NULL);
    *result = server;
    return 0;
}

void ese_http_server_route(struct ese_http_server *server, const char *method, const char *path,
                           ese_http_handler *handler, void *context)
{
    char labels[128];
    assert(server->daemon == NULL && server->route_count < ESE_HTTP_MOST_ROUTES);
    struct http_route *route = &server->routes[server->route_count++];
    *route = (struct http_route){
        .method = method, .path = path, .handler = handler, .context = context};
    route->is_pattern = ese_http_route_is_pattern(path);
    server->has_patterns |= route->is_pattern;
    snprintf(labels, sizeof labels, "route=\"%s\"", path);
    route->seconds =
        ese_metrics_seconds(server->options.metrics, "ese_http_request_seconds", labels,
                            "From the request line to the last byte of the answer.");
}

void ese_http_server_route_open(struct ese_http_server *server, const char *method, const char *path,
                                ese_http_handler *handler, void *context)
{
    ese_http_server_route(server, method, path, handler, context);
    server->routes[server->route_count - 1].is_open = true;
}

void ese_http_server_manners(struct ese_http_server *server, const struct ese_http_manners *manners)
{
    assert(server->daemon == NULL);
    server->manners = *manners;
}

void ese_http_server_after_turns(struct ese_http_server *server, void (*function)(void *context), void *context)
{
    assert(server->daemon == NULL && server->after_turn == NULL);
    server->after_turn = function;
    server->after_turn_context = context;
}

const char *ese_http_server_version(void)
{
    return MHD_get_version();
}

const char *ese_http_server_address(const struct ese_http_server *server)
{
    return server->listen.address;
}

/* ---- the loop -------------------------------------------------------------------------------- */

static void stop_listening(struct ese_http_server *server)
{
    MHD_quiesce_daemon(server->daemon);
    close(server->listen.fd);
    server->listen.fd = -1;
    pthread_mutex_lock(&server->lock);
    server->quiesced = true;
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->lock);
}

static int wait_ms(struct ese_http_server *server, bool closing)
{
    MHD_UNSIGNED_LONG_LONG asked_ms = 0;
    int64_t wait = server->connections != NULL
                       ? ese_http_connection_check_interval_ns(server) / ESE_NS_PER_MS + 1
                       : 60000;
    if (closing && wait > 50)
        wait = 50;
    if (MHD_get_timeout(server->daemon, &asked_ms) == MHD_YES && asked_ms < (uint64_t)wait)
        wait = (int64_t)asked_ms;
    return (int)wait;
}

static bool is_full(const struct ese_http_server *server)
{
    return server->connected >= server->options.max_connections;
}

/* 0.9.75 stops listening once as many are connected as may be, and when one of them leaves it listens
 * again in its next run only: nothing else would call for that one. */
static void run(struct ese_http_server *server)
{
    bool was_full = is_full(server);
    MHD_run(server->daemon);
    if (was_full && !is_full(server))
        MHD_run(server->daemon);
}

/* Waits for sockets or the mailbox, and moves everything on. libmicrohttpd's own loop is not used:
 * 0.9.75's stalls when exactly 128*k connections are ready. It must run after every resume, else
 * the answer waits. */
static void turn(struct ese_http_server *server, bool closing)
{
    struct pollfd fds[] = {
        {.fd = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd,
         .events = POLLIN},
        {.fd = server->mailbox->wake_fd, .events = POLLIN},
    };
    if (poll(fds, 2, wait_ms(server, closing)) < 0 && errno != EINTR)
        ese_log_error("http server: poll: %s", strerror(errno));
    if (fds[1].revents != 0)
        ese_http_mailbox_deliver(server->mailbox);
    run(server);
    if (server->after_turn != NULL && !server->quiesced)
        server->after_turn(server->after_turn_context);
    ese_http_connection_check_deadlines(server, ese_clock_monotonic_ns());
}

static bool may_end(const struct ese_http_server *server, int64_t *limit_ns)
{
    if (!atomic_load(&server->closing))
        return false;
    int64_t now_ns = ese_clock_monotonic_ns();
    if (*limit_ns == 0)
        *limit_ns = now_ns + CLOSE_WAIT_NS;
    return server->under_way == 0 || now_ns >= *limit_ns;
}

/* libmicrohttpd cannot be stopped while connections are suspended. Those whose answer nobody gave
 * in time are cut; whoever still holds one frees it by answering. */
static void abandon_kept(struct ese_http_server *server)
{
    for (struct http_connection *each = server->connections; each != NULL; each = each->next) {
        int kept = HTTP_KEPT;
        if (each->request == NULL ||
            !atomic_compare_exchange_strong(&each->request->state, &kept, HTTP_ABANDONED))
            continue;
        ese_log_warning("http server: closed with a request for %s unanswered",
                        each->request->path);
        server->suspended--;
        MHD_resume_connection(each->request->mhd);
    }
}

static void *serve(void *context)
{
    struct ese_http_server *server = context;
    int64_t limit_ns = 0;
    while (!may_end(server, &limit_ns)) {
        turn(server, limit_ns != 0);
        if (atomic_load(&server->quiescing) && server->listen.fd >= 0)
            stop_listening(server);
    }
    abandon_kept(server);
    while (server->suspended > 0)
        turn(server, true); /* for answers that are on their way into the mailbox */
    MHD_stop_daemon(server->daemon);
    return NULL;
}

/* ---- starting and ending --------------------------------------------------------------------- */

static int allow_descriptors(struct ese_http_server *server, struct ese_error *error)
{
    server->descriptors = (struct ese_descriptors){
        .count = server->options.max_connections + OTHER_FDS, .options = server->options.connections_option};
    ese_descriptors_need(&server->descriptors);
    return ese_descriptors_check(error);
}

static void pass_on_log(void *context, const char *format, va_list arguments)
{
    char text[512];
    (void)context;
    vsnprintf(text, sizeof text, format, arguments);
    ese_log_debug("http server: %s", text);
}

static struct MHD_Daemon *start_daemon(struct ese_http_server *server)
{
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    if (server->listen.ipv6)
        flags |= MHD_USE_IPv6;
    return MHD_start_daemon(
        flags, server->listen.port, NULL, NULL, ese_http_request_continue, server,
        MHD_OPTION_EXTERNAL_LOGGER, pass_on_log, NULL,
        MHD_OPTION_LISTEN_SOCKET, server->listen.fd,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)server->options.max_connections,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S,
        MHD_OPTION_URI_LOG_CALLBACK, ese_http_request_begin, server,
        MHD_OPTION_NOTIFY_CONNECTION, ese_http_connection_notify, server,
        MHD_OPTION_NOTIFY_COMPLETED, ese_http_request_end, server,
        MHD_OPTION_END);
}

int ese_http_server_start(struct ese_http_server *server, struct ese_error *error)
{
    if (allow_descriptors(server, error) != 0)
        return -1;
    if (listen(server->listen.fd, SOMAXCONN) != 0)
        return ese_fail_errno(error, "cannot listen on %s", server->listen.address);
    server->daemon = start_daemon(server);
    if (server->daemon == NULL)
        return ese_fail(error, ESE_E_IO, "cannot start the HTTP server on %s",
                        server->listen.address);
    int problem = pthread_create(&server->thread, NULL, serve, server);
    if (problem == 0)
        return 0;
    MHD_stop_daemon(server->daemon); /* closes the listening socket too */
    server->daemon = NULL;
    server->listen.fd = -1;
    return ese_fail(error, ESE_E_IO, "cannot start the HTTP server's thread: %s",
                    strerror(problem));
}

void ese_http_server_quiesce(struct ese_http_server *server)
{
    if (server->daemon == NULL)
        return;
    atomic_store(&server->quiescing, true);
    ese_http_mailbox_wake(server->mailbox);
    pthread_mutex_lock(&server->lock);
    while (!server->quiesced)
        pthread_cond_wait(&server->changed, &server->lock);
    pthread_mutex_unlock(&server->lock);
}

void ese_http_server_close(struct ese_http_server **handle)
{
    struct ese_http_server *server = *handle;
    if (server == NULL)
        return;
    *handle = NULL;
    ese_http_server_quiesce(server);
    if (server->daemon != NULL) {
        atomic_store(&server->closing, true);
        ese_http_mailbox_wake(server->mailbox);
        pthread_join(server->thread, NULL);
    }
    if (server->listen.fd >= 0)
        close(server->listen.fd);
    ese_descriptors_drop(&server->descriptors);
    ese_http_mailbox_release(server->mailbox);
    ese_metrics_free(&server->own_metrics);
    pthread_mutex_destroy(&server->lock);
    pthread_cond_destroy(&server->changed);
    free((char *)server->options.listen);
    free((char *)server->options.token);
    free(server);
}

/* ---- GET /metrics ---------------------------------------------------------------------------- */

#define METRICS_LIMIT (4 * 1024 * 1024)

static void show_metrics(void *metrics, struct ese_http_request *request)
{
    struct ese_buffer buffer = ESE_BUFFER_INIT(METRICS_LIMIT);
    ese_metrics_render(metrics, &buffer);
    ese_http_reply_buffer(request, 200, "text/plain; version=0.0.4; charset=utf-8", &buffer);
}

void ese_http_server_route_metrics(struct ese_http_server *server, struct ese_metrics *metrics)
{
    ese_http_server_route(server, "GET", "/metrics", show_metrics, metrics);
}
