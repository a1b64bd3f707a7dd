/*
 * http_client_line.h - what libcurl knows of one request at a time. Part of the HTTP client.
 *
 * A line is what one connection's worth of requests goes through, one after the other: libcurl's
 * handle is costly to make, so it is kept, and every option that one request sets the next one sets
 * again. One thread.
 */
#ifndef ESE_HTTP_CLIENT_LINE_H
#define ESE_HTTP_CLIENT_LINE_H

#include <curl/curl.h>

#include "ese-core/buffer.h"
#include "ese-core/http_client.h"

/* A call from ese_http_client_call to its callback. */
struct ese_http_asked {
    struct ese_http_asked *next; /* in the queue */
    char *method;
    char *url;
    struct curl_slist *headers;
    char *body; /* NULL: none */
    size_t length;
    size_t keep;         /* as in struct ese_http_call */
    int64_t deadline_ns; /* monotonic */
    ese_http_done *done;
    void *context;
};

/* authorization: the header line of the client's token, or NULL. */
struct ese_http_asked *ese_http_asked_new(const struct ese_http_call *call, const char *authorization);
void ese_http_asked_free(struct ese_http_asked *asked);

/* Who is asked whether an address may be connected to. */
struct ese_http_address_guard {
    ese_http_may_connect *may; /* NULL: each may */
    void *context;
};

struct ese_http_line {
    CURL *easy;
    struct ese_http_line *next;      /* among all of the client */
    struct ese_http_line *next_free;
    struct ese_http_asked *asked;    /* NULL: free */
    const struct ese_http_address_guard *guard;
    struct ese_buffer answer;
    bool has_head; /* the answer's has come to its end; what announced it (1xx) is none */
    char problem[CURL_ERROR_SIZE];
    int no_socket; /* the errno with which the system gave none, for itself being at its end; 0: it has */
    char refused[96]; /* that the guard refused an address, in words; "": none */
};

/* NULL when libcurl makes no further handle. */
struct ese_http_line *ese_http_line_new(const struct ese_http_address_guard *guard);
void ese_http_line_free(struct ese_http_line *line);

/* Sets the handle up for that call, which the line keeps hold of. CURLE_OK, or why it cannot be. */
CURLcode ese_http_line_set(struct ese_http_line *line, struct ese_http_asked *asked, int64_t now_ns);

/* What came of it; valid until the line's next call. */
void ese_http_line_answer(struct ese_http_line *line, CURLcode result, struct ese_http_answer *answer);

#endif
