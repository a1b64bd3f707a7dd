/*
 * http_server.h - HTTP/1.1 (RFC 9112) for every binary, by libmicrohttpd on one thread of its own.
 *
 * Routes are exact paths, or patterns with parameters: "/streams/:stream/:offset/:limit". A handler
 * runs on the server's thread with the whole request read; it must not block. It answers at once, or
 * keeps the request and answers later from any thread. Every request is answered exactly once; after
 * that the pointer is no longer valid.
 *
 * Guard, on for everyone: loopback unless options say otherwise (and then only with a token, or on
 * a network said to be the lab's own);
 * bounds on header and body sizes, on headers (256: 431) and on connections: who waits to be let in
 * takes the place of somebody who has said nothing for a second; a deadline for the whole request
 * (not an idle timer: 408); whatever leaves in doubt where a request ends (two lengths, a length with
 * chunked, lines that are folded, nameless or have NULs, lines that end in LF alone) is refused with 400
 * and the connection closed. tests/e2e/guard.py sends all of that to each binary.
 *
 * As the original: unknown paths and methods are 404 "404 page not found" as text; a route's path
 * with a slash behind it is redirected (GET 301, else 307); CORS headers come only with an Origin
 * that is not the server's own, and a preflight is 204 on any path. Who serves another system's
 * routes has that system's manners in their place: ese_http_server_manners.
 *
 * libmicrohttpd 0.9.75's internal epoll threads stall when exactly 128*k connections are ready, so
 * the server drives it from one external loop, and runs it again after every resume.
 */
#ifndef ESE_HTTP_SERVER_H
#define ESE_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ese-core/error.h"
#include "ese-core/metrics.h"

#define ESE_HTTP_BODY_BYTES (1024 * 1024) /* of a request at most, where nothing else is said */

struct ese_http_server;
struct ese_http_request;

typedef void ese_http_handler(void *context, struct ese_http_request *request);

struct ese_http_server_options {
    const char *listen;        /* "127.0.0.1:2001"; port 0 takes a free one; "[::1]:0" */
    const char *token;         /* asked for as "Authorization: Bearer ..."; shorter than ESE_TOKEN_SIZE;
                                  NULL: none, and then listen must be a loopback address, or */
    bool trusted_network;      /* nobody but the lab can reach it */
    int max_connections;       /* 0: 1,000 */
    const char *connections_option; /* which says so, as whoever has to lower it is told; kept; NULL: none does */
    int64_t max_body_bytes;    /* 0: ESE_HTTP_BODY_BYTES; beyond: 413 */
    /* Told, on the server's thread, of a body beyond that, and how long it is, as far as one knows; NULL: nobody is. */
    void (*too_large)(void *context, const char *path, uint64_t bytes);
    void *too_large_context;
    int request_deadline_ms;   /* 0: 10,000; from the first byte of a request to its last */
    struct ese_metrics *metrics; /* requests by route and status, latency, bytes; NULL: not shown */
};

/* Does not serve yet: add routes, then start. The options' texts are copied. */
int ese_http_server_open(const struct ese_http_server_options *options,
                         struct ese_http_server **server, struct ese_error *error);

/*
 * method "GET", "POST", ...; path "/event". Texts are kept, not copied. Before start only; at most
 * 64 routes.
 *
 * A path with a segment that begins with ':' is a pattern. Such a segment stands for exactly one that
 * is not empty, ese_http_request_parameter tells which; the pattern's others are as they are, byte for
 * byte. An exact path is compared with what came once it is decoded; a pattern with what came itself,
 * so that a %2F is no slash: "/streams/a%2Fb" has two segments. The query belongs to no segment. An
 * exact path wins over patterns, of several patterns the one that was given first. To a pattern nobody
 * is redirected: a slash behind it is an empty segment more. In the metrics the route is the pattern,
 * however many parameters come.
 *
 * A "*" for the last segment makes a pattern, too: it stands for all that comes there, slashes included, or for
 * nothing: "/pages/", but not "/pages".
 */
void ese_http_server_route(struct ese_http_server *server, const char *method, const char *path,
                           ese_http_handler *handler, void *context);

/* The same, answered to whoever brings no token, too: for what is the same for everybody and tells nothing that is
 * kept here, as a page that a browser has to have before it can ask for a token. */
void ese_http_server_route_open(struct ese_http_server *server, const char *method, const char *path,
                                ese_http_handler *handler, void *context);

/* How it behaves outside its routes, where another system's clients come. All false: as the original. */
struct ese_http_manners {
    bool any_origin;   /* Access-Control-Allow-Origin: * and Vary: Origin on every answer, refusals included
                          (not on the few that libmicrohttpd itself makes of what is no HTTP); OPTIONS on any path
                          without a route of that method is 204, token or not, with
                          Access-Control-Allow-Methods: GET */
    bool strict_paths; /* what is no route's path is 404 {"message":"Not Found"}, a route's path with another
                          method 405 {"message":"Method Not Allowed"} (without Allow), nobody is redirected */
};
/* Copied. Before start only. */
void ese_http_server_manners(struct ese_http_server *server, const struct ese_http_manners *manners);

/* ESE_E_MISSING: fewer descriptors may be open than all parts of the process need (descriptors.h). */
int ese_http_server_start(struct ese_http_server *server, struct ese_error *error);

/* "127.0.0.1:40123", the port really taken. After open. */
const char *ese_http_server_address(const struct ese_http_server *server);

/* Takes no further connections and answers requests that come on open ones with 503 and Connection:
 * close; those already with a handler go on. Call it before whoever holds requests answers its last
 * ones. */
void ese_http_server_quiesce(struct ese_http_server *server);

/* Waits (at most 2 s) until every kept request was answered and its answer was sent, then ends the
 * thread. */
void ese_http_server_close(struct ese_http_server **server);

/* Of a request, valid until it is answered. query and header: NULL where there is none; a body has
 * a NUL behind it. */
const char *ese_http_request_query(const struct ese_http_request *request, const char *name);
const char *ese_http_request_header(const struct ese_http_request *request, const char *name);
/* The segment that came for ":name" (asked for as "name") of the route's pattern; NULL: it has none of that name. It is
 * as it came, never decoded: "a%20b", "..%2Fevil". It is not empty, and has no slash, blank or control character and no
 * "%00". Any other bytes it may have, a ".." and what is no UTF-8 among them, and as many as the headers leave of their
 * 24 KiB: whoever makes a file's name of it looks at it first. */
const char *ese_http_request_parameter(const struct ese_http_request *request, const char *name);
/* How many headers have that name, in any case; the one above is the first of them. */
int ese_http_request_header_count(const struct ese_http_request *request, const char *name);
const char *ese_http_request_body(const struct ese_http_request *request, size_t *length);
int64_t ese_http_request_started_ns(const struct ese_http_request *request);
/* How many connections its server has at most. In its handler. */
int ese_http_request_most_connections(const struct ese_http_request *request);

/* Before the answer; name and value are copied; at most 8, beside what the server adds itself; a value
 * with control characters is dropped. */
void ese_http_request_add_header(struct ese_http_request *request, const char *name,
                                 const char *value);

/* The answer. Any thread. body is copied; NULL or length 0 for none. */
void ese_http_reply(struct ese_http_request *request, int status, const char *content_type,
                    const char *body, size_t length);
/* The same without a copy: what the buffer held is the answer's, and the buffer is empty. */
struct ese_buffer;
void ese_http_reply_buffer(struct ese_http_request *request, int status, const char *content_type,
                           struct ese_buffer *body);
/* The answer is left to the server's thread, so that whoever has many in hand is done sooner, and what a request held
 * is freed where it was allocated: `answer` is called there, once, and replies. Any thread. Where the server ended
 * first it is called at once, and what it replies goes nowhere. */
void ese_http_reply_by(struct ese_http_request *request, void (*answer)(void *context), void *context);

/* Between these two, answers of any other thread wait, and wake the server's once: for who has many in hand. Neither
 * waits. Any thread, each hold with its release. */
void ese_http_server_hold(struct ese_http_server *server);
void ese_http_server_release(struct ese_http_server *server);

/* Called each time that all requests that had come were dealt with, before the server waits for others: for handlers
 * that gather what comes at once. On the server's thread; never after ese_http_server_quiesce. Before start, once. */
void ese_http_server_after_turns(struct ese_http_server *server, void (*function)(void *context), void *context);

/* {"message":"..."} indented as the original indents it. */
void ese_http_reply_message(struct ese_http_request *request, int status, const char *message);

/* An answer that is made while it is sent, so that it needs no memory for the whole: `more` is
 * called on the server's thread, fills at most size bytes and returns how many (0: the end, -1:
 * broken off, the connection is closed); `done` once, at the end, however it ends. Any thread. */
typedef int64_t ese_http_more(void *context, char *bytes, size_t size);
void ese_http_reply_stream(struct ese_http_request *request, int status, const char *content_type,
                           ese_http_more *more, void (*done)(void *context), void *context);

#define ESE_HTTP_JSON "application/json; charset=utf-8"
#define ESE_HTTP_TEXT "text/plain; charset=utf-8"

/* Of libmicrohttpd, as it runs: "0.9.75". Any thread. */
const char *ese_http_server_version(void);

/* GET /metrics: the registry as Prometheus text, the process's own figures included. */
void ese_http_server_route_metrics(struct ese_http_server *server, struct ese_metrics *metrics);

#endif
