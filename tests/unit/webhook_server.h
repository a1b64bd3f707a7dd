/*
 * webhook_server.h - a server that answers whatever it was told to, in the test's own process: subscriptions and slices
 * of the webhook transport as a script.
 */
#ifndef ESE_TEST_WEBHOOK_SERVER_H
#define ESE_TEST_WEBHOOK_SERVER_H

#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "ese-core/http_client.h"
#include "ese-core/http_server.h"
#include "ese-core/memory.h"
#include "ese-core/number.h"
#include "tests/unit/webhook_push.h"

struct webhook_server {
    struct ese_http_server *http;
    char address[64], url[80];
    pthread_mutex_t mutex; /* guards what follows */
    int puts, gets, slices;    /* how many came; a POST is a PUT, too, */
    int posts;                 /* and of these */
    char path[300], put[2048]; /* of the last PUT */
    struct {
        char name[210], url[300];
    } known[2]; /* subscriptions */
    char slice[300];           /* the path of the last slice asked for */
    char limits[100];          /* of all of them */
    int breaks_from;           /* slices of so many events are broken off; 0: none */
    int put_status, post_status, get_status, slice_status; /* to answer with */
    const char *words;         /* where that is none of the good ones; or a GET's whole answer */
    const char *at;            /* the subscription's URL; NULL: as it was put */
    const char *newcomer;      /* the URL of somebody who registers just before the next POST; NULL: nobody */
    const char *state;
    int64_t position, newest;
    int attempts;
    const char *page;          /* a slice, and what it says of the newest; NULL: nothing */
    const char *page_newest;
    bool keeps;                /* GETs are not answered yet */
    struct ese_http_request *kept;
};

static inline void webhook_server_lock(struct webhook_server *server)
{
    pthread_mutex_lock(&server->mutex);
}

static inline void webhook_server_unlock(struct webhook_server *server)
{
    pthread_mutex_unlock(&server->mutex);
}

static inline int webhook_server_count(struct webhook_server *server, const int *count)
{
    webhook_server_lock(server);
    int now = *count;
    webhook_server_unlock(server);
    return now;
}

static inline bool webhook_server_has_kept(struct webhook_server *server)
{
    webhook_server_lock(server);
    bool has_kept = server->kept != NULL;
    webhook_server_unlock(server);
    return has_kept;
}

static inline void webhook_server_reply(struct ese_http_request *request, int status, const char *text)
{
    ese_http_reply(request, status, ESE_HTTP_JSON, text, strlen(text));
}

/* Where that subscription is pushed to; there is room for two of them. */
static inline char *webhook_server_url(struct webhook_server *server, const char *name)
{
    for (size_t i = 0; i < ESE_COUNT_OF(server->known); i++) {
        if (server->known[i].name[0] == '\0')
            ese_fit_text(server->known[i].name, sizeof(server->known[i].name), name);
        if (strcmp(server->known[i].name, name) == 0)
            return server->known[i].url;
    }
    fail_msg("a further subscription: %s", name);
    return NULL;
}

/* The mutex is held. */
static inline void webhook_server_note_put(struct webhook_server *server, struct ese_http_request *request)
{
    size_t length;

    server->puts++;
    snprintf(server->path, sizeof(server->path), "%s", ese_http_request_parameter(request, "name"));
    snprintf(server->put, sizeof(server->put), "%s", ese_http_request_body(request, &length));
    const char *url = strstr(server->put, "\"url\":\"");
    url = url != NULL ? url + strlen("\"url\":\"") : "";
    snprintf(webhook_server_url(server, server->path), 300, "%.*s", (int)strcspn(url, "\""), url);
}

static inline void webhook_server_put(void *context, struct ese_http_request *request)
{
    struct webhook_server *server = context;

    webhook_server_lock(server);
    webhook_server_note_put(server, request);
    int status = server->put_status;
    const char *words = server->words;
    webhook_server_unlock(server);
    webhook_server_reply(request, status, status == 200 ? "Created" : words);
}

/* The same again; whose place is another's by then is told so. */
static inline void webhook_server_post(void *context, struct ese_http_request *request)
{
    struct webhook_server *server = context;

    webhook_server_lock(server);
    server->posts++;
    webhook_server_note_put(server, request);
    server->at = server->newcomer != NULL ? server->newcomer : server->at;
    int status = server->newcomer != NULL ? 400 : server->post_status;
    webhook_server_unlock(server);
    webhook_server_reply(request, status, status == 200 ? "Created" : "Subscription with this name already exists");
}

static inline void webhook_server_answer_get(struct webhook_server *server, struct ese_http_request *request)
{
    struct ese_buffer text = ESE_BUFFER_INIT(4096);
    const char *url = webhook_server_url(server, ese_http_request_parameter(request, "name"));

    if (server->words != NULL)
        ese_buffer_text(&text, server->words);
    else
        ese_buffer_printf(&text, "{\"url\":\"%s\",\"state\":\"%s\",\"position\":%" PRId64 ",\"newest\":%" PRId64
                                 ",\"attempts\":%d}",
                          server->at != NULL ? server->at : url, server->state, server->position, server->newest,
                          server->attempts);
    webhook_server_reply(request, server->get_status, text.text);
    ese_buffer_free(&text);
}

static inline void webhook_server_get(void *context, struct ese_http_request *request)
{
    struct webhook_server *server = context;

    webhook_server_lock(server);
    server->gets++;
    if (server->keeps)
        server->kept = request;
    else
        webhook_server_answer_get(server, request);
    webhook_server_unlock(server);
}

static inline int64_t webhook_server_break_off(void *context, char *bytes, size_t size)
{
    (void)context;
    (void)bytes;
    (void)size;
    return -1;
}

static inline void webhook_server_forget(void *context)
{
    (void)context;
}

static inline void webhook_server_answer_slice(struct webhook_server *server, struct ese_http_request *request)
{
    int64_t limit = 0;

    ese_number_parse(ese_http_request_parameter(request, "limit"), "limit", 0, INT64_MAX, &limit, NULL);
    if (server->breaks_from > 0 && limit >= server->breaks_from)
        ese_http_reply_stream(request, server->slice_status, ESE_HTTP_JSON, webhook_server_break_off,
                              webhook_server_forget, NULL);
    else
        webhook_server_reply(request, server->slice_status, server->page);
}

static inline void webhook_server_slice(void *context, struct ese_http_request *request)
{
    struct webhook_server *server = context;

    webhook_server_lock(server);
    server->slices++;
    snprintf(server->slice, sizeof(server->slice), "%s/%s/%s", ese_http_request_parameter(request, "stream"),
             ese_http_request_parameter(request, "offset"), ese_http_request_parameter(request, "limit"));
    size_t length = strlen(server->limits);
    snprintf(server->limits + length, sizeof(server->limits) - length, " %s",
             ese_http_request_parameter(request, "limit"));
    if (server->page_newest != NULL)
        ese_http_request_add_header(request, "X-Event-Newest", server->page_newest);
    if (server->keeps)
        server->kept = request;
    else
        webhook_server_answer_slice(server, request);
    webhook_server_unlock(server);
}

/* At the address it had, if it had one; what it counts and answers stays. */
static inline void webhook_server_start(struct webhook_server *server)
{
    const struct ese_http_server_options options = {.listen = server->address[0] != '\0' ? server->address
                                                                                         : "127.0.0.1:0"};
    struct ese_error error = {0};

    if (ese_http_server_open(&options, &server->http, &error) != 0)
        fail_msg("%s", error.text);
    ese_http_server_route(server->http, "PUT", "/subscriptions/:name", webhook_server_put, server);
    ese_http_server_route(server->http, "POST", "/subscriptions/:name", webhook_server_post, server);
    ese_http_server_route(server->http, "GET", "/subscriptions/:name", webhook_server_get, server);
    ese_http_server_route(server->http, "GET", "/streams/:stream/:offset/:limit", webhook_server_slice, server);
    if (ese_http_server_start(server->http, &error) != 0)
        fail_msg("%s", error.text);
    ese_fit_text(server->address, sizeof(server->address), ese_http_server_address(server->http));
    snprintf(server->url, sizeof(server->url), "http://%s", server->address);
}

/* Answers what it keeps. */
static inline void webhook_server_release(struct webhook_server *server)
{
    webhook_server_lock(server);
    server->keeps = false;
    if (server->kept != NULL && ese_http_request_parameter(server->kept, "name") != NULL)
        webhook_server_answer_get(server, server->kept);
    else if (server->kept != NULL)
        webhook_server_answer_slice(server, server->kept);
    server->kept = NULL;
    webhook_server_unlock(server);
}

static inline void webhook_server_stop(struct webhook_server *server)
{
    if (server->http == NULL)
        return;
    webhook_server_release(server);
    ese_http_server_close(&server->http);
}

/* All is well, and nothing there. */
static inline void webhook_server_init(struct webhook_server *server)
{
    *server = (struct webhook_server){.put_status = 200, .post_status = 200, .get_status = 200, .slice_status = 200,
                                      .state = "live", .page = "[]", .page_newest = "0"};
    pthread_mutex_init(&server->mutex, NULL);
}

#endif
