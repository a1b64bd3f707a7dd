/*
 * http_client.h - many HTTP requests at once from one thread, by libcurl's multi interface.
 *
 * Everything, callbacks included, happens on the thread that calls poll; only wake is for others.
 * Connections are kept alive and reused. Redirects are not followed. Bytes are counted in wire.h. A
 * request that hangs costs the others nothing but its place among max_connections.
 */
#ifndef ESE_HTTP_CLIENT_H
#define ESE_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ese-core/error.h"

struct ese_http_client;
struct ese_http_line;
struct sockaddr;

struct ese_http_answer {
    int status;              /* 0: no answer came, or not all of its head */
    bool certainly_not_sent; /* no answer, and no byte of the request left (refused connection) */
    bool no_socket;          /* and that was for want of a socket: this process, or the system, has none left */
    const char *body;        /* NUL behind it; "" for none; valid during the callback */
    size_t length;
    int64_t retry_after_ms;  /* from Retry-After in seconds, a day at most; -1: none */
    const char *problem;     /* for status 0: what went wrong, in words */
    const struct ese_http_line *line; /* for ese_http_answer_header */
};

/* The value of the answer's first header of that name, in whatever case; NULL: it has none, or no
 * answer came. Only during the callback; the text is good until the next header is asked for. */
const char *ese_http_answer_header(const struct ese_http_answer *answer, const char *name);

typedef void ese_http_done(void *context, const struct ese_http_answer *answer);

struct ese_http_call {
    const char *method;  /* "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD" (which takes no body) or another token */
    const char *url;     /* copied */
    const char *headers; /* "Name: value" lines separated by newlines, or NULL; copied */
    const char *body;    /* copied; NULL for none; its type is JSON, unless bare */
    size_t length;
    bool bare;           /* no header but the caller's, Host and the body's length: no token, no Content-Type */
    size_t keep;         /* so much of the answer's body at most is told, the rest is read and dropped; 0: all of it,
                            up to 128 MiB, beyond which there is no answer */
    int timeout_ms;      /* for all of it */
    ese_http_done *done; /* exactly once, from poll or close (status 0 then) */
    void *context;
};
/* The caller's headers go out as they are, one given twice goes out twice, and Host, Content-Length
 * and Transfer-Encoding take the place of what the client would say, true or not: whoever takes
 * headers from somebody else looks at their names first. */

/* max_connections bounds open connections; requests beyond it wait their turn. What each costs is
 * taken when it is first needed. token is sent as "Authorization: Bearer", or NULL. The certificate of
 * an https server has to be good for its host, and signed by whom the system trusts, or the file that
 * the environment's SSL_CERT_FILE names. */
int ese_http_client_open(int max_connections, const char *token, struct ese_http_client **client,
                         struct ese_error *error);
void ese_http_client_close(struct ese_http_client **client);

/* may is asked, from poll, before each socket is opened, with the address that would be connected to:
 * a host's name is looked up by then, so that whoever answers for the name cannot lead a request to
 * where it must not go. Where it says no there, and no other address of the host takes the request,
 * it ends as certainly not sent, with the address in its problem. Set it before the first call: a
 * connection that is open already is used again without asking. */
typedef bool ese_http_may_connect(void *context, const struct sockaddr *address);
void ese_http_client_guard(struct ese_http_client *client, ese_http_may_connect *may, void *context);

void ese_http_client_call(struct ese_http_client *client, const struct ese_http_call *call);

/* A server's address as somebody gave it. */
struct ese_http_given {
    const char *server;
    const char *option; /* "--server" */
    const char *wanted; /* "http://HOST:PORT" */
};

/* The URL of path there ("/event", or "" for the server itself); the caller frees it. ESE_E_USAGE
 * when the address is none, or has a name or password in it, or more behind the path. */
int ese_http_url(const struct ese_http_given *given, const char *path, char **url,
                 struct ese_error *error);

/* Moves everything on; returns when at least one callback ran, a wake came, or timeout_ms passed.
 * Returns the number of requests still under way. extra_fd: another descriptor to wake for when it
 * becomes readable, or -1. */
int ese_http_client_poll(struct ese_http_client *client, int timeout_ms, int extra_fd);
void ese_http_client_wake(struct ese_http_client *client);

/* Of libcurl, as it runs: "7.88.1". Any thread. */
const char *ese_http_client_version(void);

#endif
