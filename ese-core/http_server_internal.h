/*
 * http_server_internal.h - what the files of the HTTP server share, and nobody else includes.
 *
 *   http_server.c      opening, the loop, quiescing, closing
 *   http_connection.c  who is connected, and for how long a request may take to arrive
 *   http_guard.c       what is refused before any handler sees it
 *   http_route.c       which route a request is for, and what its pattern makes of the path
 *   http_request.c     a request from its first line to the last byte of its answer
 *   http_answer.c      the answer: taken from any thread, handed to libmicrohttpd on the server's
 *
 * Everything runs on the server's thread, except ese_http_reply and its like. A request's `state`
 * says who may touch it:
 *
 *   ARRIVING -> HANDLED -> ANSWERED           answered before its handler returned
 *   ARRIVING -> HANDLED -> KEPT -> ANSWERED   kept by the handler: its connection is suspended
 *                                             until the answer comes through the mailbox
 *                          KEPT -> ABANDONED  the server ended first: whoever held the request
 *                                             frees it by answering
 *
 * The connection has one reference to a request, and whoever owes its answer another.
 */
#ifndef ESE_HTTP_SERVER_INTERNAL_H
#define ESE_HTTP_SERVER_INTERNAL_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "ese-core/buffer.h"
#include "ese-core/descriptors.h"
#include "ese-core/http_listen.h"
#include "ese-core/http_server.h"

#define ESE_HTTP_MOST_ROUTES 64
#define ESE_HTTP_MOST_HEADERS 8    /* an answer's own */
#define ESE_HTTP_MOST_STATUSES 16  /* told apart in a route's metrics; further ones are "other" */
#define ESE_HTTP_METHODS 8         /* GET, POST, ... and "other": metrics of what is no route */

struct http_route {
    const char *method, *path;
    bool is_pattern;
    bool is_open; /* without a token, too */
    ese_http_handler *handler;
    void *context;
    struct ese_metric *seconds;
    struct {
        int status;
        struct ese_metric *answers;
    } statuses[ESE_HTTP_MOST_STATUSES];
};

enum http_phase {
    HTTP_WAITING,  /* between requests, or a request line is arriving */
    HTTP_READING,  /* a request is arriving: the deadline runs */
    HTTP_ANSWERING /* it is there whole: the time is the handler's, then the reader's */
};

struct http_connection {
    struct ese_http_server *server;
    struct http_connection *next, *previous;
    int fd;
    enum http_phase phase;
    int64_t quiet_since_ns; /* it came, or its last request was answered */
    int64_t began_ns;       /* the first byte of the request that is arriving; 0: none seen */
    uint64_t consumed;      /* bytes of the requests so far: what was received beyond is the next one's */
    uint64_t stuck_at;      /* bytes of the body, and one, when more waited to be read at the last look; 0: none did */
    uint64_t taken;         /* bytes of its answers that the other side had when all places were taken, last, */
    int64_t taken_since_ns; /* and no more since then */
    bool cut;               /* its socket was shut down */
    struct ese_http_request *request;
};

/* Answers on their way from other threads to the server's. Outlives the server while a thread still
 * holds a request. */
struct http_mailbox {
    atomic_int references;
    int wake_fd;                              /* eventfd(2) */
    atomic_int held;                          /* by so many who have more answers in hand */
    _Atomic(struct ese_http_request *) first; /* a stack, linked by `next` */
};

struct http_stream {
    ese_http_more *more;
    void (*done)(void *context);
    void *context;
    struct ese_metric *sent_bytes;
};

struct http_answer {
    int status;
    char content_type[64]; /* "" for none */
    char *body;
    size_t length;
    struct http_stream *stream; /* in place of a body */
    struct {
        char *name, *value;
    } headers[ESE_HTTP_MOST_HEADERS];
    int header_count;
    bool close; /* the connection, after it */
};

enum http_state { HTTP_ARRIVING, HTTP_HANDLED, HTTP_KEPT, HTTP_ANSWERED, HTTP_ABANDONED };

struct ese_http_request {
    atomic_int state;
    atomic_int references;
    struct ese_http_server *server; /* not to be touched once abandoned */
    struct http_mailbox *mailbox;
    struct http_connection *connection;
    struct MHD_Connection *mhd;
    struct ese_http_request *next; /* in the mailbox */
    struct http_route *route;
    const char *method, *path; /* libmicrohttpd's, decoded */
    const char *target;        /* libmicrohttpd's: where the path and query stood before that */
    size_t target_length;
    char *raw_query;           /* kept only where a redirect may need it */
    char *segments;            /* the path as it came, kept only where there are patterns; its route one of them: with
                                  NULs for its slashes */
    struct ese_buffer body;
    uint64_t body_bytes;       /* received, kept or not */
    int64_t kept_bytes;        /* of these, as counted in the server's */
    uint64_t header_bytes;
    bool headers_read;
    bool handled;              /* a handler was called: it counts as under way */
    int refusal;               /* the status to refuse it with once it is read; 0: none */
    const char *refusal_text;
    const char *challenge;     /* of a 401 */
    int64_t started_ns;
    void (*make)(void *context); /* the answer, which is still to be made; NULL: it is there */
    void *make_context;
    bool making; /* what it replies is taken, and handed over already */
    struct http_answer answer;
};

struct ese_http_server {
    struct ese_http_server_options options; /* its texts owned */
    struct ese_http_listen listen;
    struct ese_descriptors descriptors;
    struct http_route routes[ESE_HTTP_MOST_ROUTES];
    int route_count;
    bool has_patterns; /* among them */
    struct ese_http_manners manners;
    struct http_route strays[ESE_HTTP_METHODS];
    void (*after_turn)(void *context); /* or NULL */
    void *after_turn_context;
    struct MHD_Daemon *daemon;
    pthread_t thread;
    struct http_mailbox *mailbox;
    struct http_connection *connections;
    int connected;         /* how many these are */
    int64_t kept_bytes;    /* of the bodies of all requests that are not answered yet */
    int64_t next_check_ns; /* of deadlines */
    int under_way;         /* requests with a handler whose answer is not sent yet */
    int suspended;         /* those of them whose connection is suspended */
    atomic_bool quiescing;
    atomic_bool closing;
    bool quiesced; /* with lock */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct ese_metrics *own_metrics; /* where the options gave none */
    struct ese_metric *connection_count, *received_bytes, *sent_bytes;
};

/* http_connection.c */
void ese_http_connection_notify(void *server, struct MHD_Connection *mhd, void **context,
                                enum MHD_ConnectionNotificationCode code);
struct http_connection *ese_http_connection_of(struct MHD_Connection *mhd);
/* The request has ended, and was answered: the next one's time begins with its first byte. */
void ese_http_connection_rest(struct http_connection *connection,
                              const struct ese_http_request *request);
void ese_http_connection_check_deadlines(struct ese_http_server *server, int64_t now_ns);
int64_t ese_http_connection_check_interval_ns(const struct ese_http_server *server);

/* http_guard.c */
/* Notes how long the headers are, and that the connection ends with a body in chunks. False when they cannot
 * be trusted to say where the request ends, or are too many: then the request's refusal says why. */
bool ese_http_guard_framing(struct ese_http_request *request, const char *version);
/* NULL: it brings the token, or none is asked for. Else what WWW-Authenticate has to say of it (RFC 6750
 * section 3). */
const char *ese_http_guard_challenge(const struct ese_http_request *request);
/* True when the request came from a page of another origin. */
bool ese_http_guard_foreign_origin(const struct ese_http_request *request);
/* The body's announced length; 0 when there is none or it is chunked. */
uint64_t ese_http_guard_announced(const struct ese_http_request *request);

/* http_route.c */
void ese_http_route_name_strays(struct ese_http_server *server);
bool ese_http_route_is_pattern(const char *path);
/* Before libmicrohttpd decodes it. */
void ese_http_route_keep_path(struct ese_http_request *request);
/* Sets its route: where there is none, the one that counts what is none. Once. */
void ese_http_route_choose(struct ese_http_request *request);
/* Of a request without one: whether its path has a route by another method. */
bool ese_http_route_has_another(struct ese_http_request *request);
/* The exact route of the path without the slash at its end, or NULL. */
struct http_route *ese_http_route_before_slash(struct ese_http_request *request);

/* http_request.c: libmicrohttpd's callbacks */
void *ese_http_request_begin(void *server, const char *uri, struct MHD_Connection *mhd);
enum MHD_Result ese_http_request_continue(void *server, struct MHD_Connection *mhd,
                                          const char *path, const char *method, const char *version,
                                          const char *upload, size_t *upload_length,
                                          void **context);
void ese_http_request_end(void *server, struct MHD_Connection *mhd, void **context,
                          enum MHD_RequestTerminationCode how);
void ese_http_request_release(struct ese_http_request *request);

/* http_answer.c */
struct http_mailbox *ese_http_mailbox_new(void);
void ese_http_mailbox_release(struct http_mailbox *mailbox);
void ese_http_mailbox_wake(struct http_mailbox *mailbox);
/* Resumes what was answered since the last call. */
void ese_http_mailbox_deliver(struct http_mailbox *mailbox);
enum MHD_Result ese_http_answer_send(struct ese_http_request *request);
/* For a request that is not answered any more. */
void ese_http_answer_drop(struct ese_http_request *request);
void ese_http_answer_clear(struct http_answer *answer);

#endif
