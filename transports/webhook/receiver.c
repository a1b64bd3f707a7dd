#include "transports/webhook/receiver.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ese-core/clock.h"
#include "ese-core/http_server.h"
#include "ese-core/log.h"
#include "ese-core/memory.h"
#include "ese-core/number.h"
#include "transports/webhook/event_json.h"
#include "transports/webhook/page_json.h"
#include "transports/webhook/push_message.h"
#include "transports/webhook/stream_name.h"

/* A page, and the largest event that an ese-server takes where it is told nothing else. */
#define BODY_BYTES ((int64_t)(ESE_WEBHOOK_EVENT_JSON_MOST(ESE_HTTP_BODY_BYTES) + ESE_WEBHOOK_PUSH_BYTES))
#define CONNECTIONS 32
#define KEY_DIGITS 16

struct line {
    struct ese_webhook_receiver *receiver;
    const char *stream;
    char path[ESE_WEBHOOK_STREAM_SIZE + sizeof "/push//" + KEY_DIGITS];
    char *url;
    struct ese_http_request *held; /* guarded by the receiver's mutex, as what follows */
    bool taken;
    struct ese_webhook_page page;  /* of what is held and not taken */
    bool refuses;      /* something that is too large has come, and nothing was taken since; */
    char refusal[320]; /* which, in words: not written while it refuses */
};

struct ese_webhook_receiver {
    struct ese_http_server *server;
    uint64_t key; /* of its paths */
    int64_t max_body_bytes;
    struct line lines[ESE_WEBHOOK_LINES];
    int count;
    void (*wake)(void *context);
    void *context;
    bool ending;
    struct ese_webhook_secret secret;
    pthread_mutex_t mutex;
};

/* ---- what comes in, on the server's thread --------------------------------------------------- */

static void take_header(const struct ese_http_request *request, const char *name, char *target, size_t size)
{
    const char *value = ese_http_request_header(request, name);
    ese_fit_text(target, size, value != NULL ? value : "");
}

/* The event is the body; it is copied, as it may be handed on after the answer. */
static int read_single(const struct ese_http_request *request, struct ese_webhook_page *page, struct ese_error *error)
{
    const char *position = ese_http_request_header(request, "X-Event-Position");
    struct ese_webhook_event event = {0};
    if (position == NULL)
        return ese_fail(error, ESE_E_INVALID, "X-Event-Position is missing: which event is it?");
    if (ese_number_parse(position, "X-Event-Position", 1, INT64_MAX - 1, &event.position, error) != 0)
        return -1;
    take_header(request, "X-Event-Uuid", event.uuid, sizeof event.uuid);
    take_header(request, "X-Event-Type", event.type, sizeof event.type);
    take_header(request, "X-Event-Created", event.created, sizeof event.created);
    const char *body = ese_http_request_body(request, &event.length);
    page->bytes = ese_copy_bytes(body, event.length);
    page->size = event.length + 1;
    event.body = page->bytes;
    page->events = ese_alloc(sizeof event);
    page->events[0] = event;
    page->count = page->room = 1;
    return 0;
}

/* What is signed is the body alone: a single event's position is in a header, of which anybody can make another. */
static int read_push(const struct line *line, const struct ese_http_request *request, struct ese_webhook_page *page,
                     struct ese_error *error)
{
    size_t length;
    const char *body = ese_http_request_body(request, &length);
    bool is_single = ese_http_request_header(request, "X-Event-Count") == NULL;
    if (is_single && line->receiver->secret.count > 0)
        return ese_fail(error, ESE_E_INVALID, "X-Event-Count is missing: where pushes are signed, pages are taken, "
                                              "which say the positions in what is signed");
    if (is_single)
        return read_single(request, page, error);
    if (ese_webhook_page_read_json(body, length, line->stream, page, error) != 0)
        return -1;
    return page->count > 0 ? 0 : ese_fail(error, ESE_E_INVALID, "a page without an event");
}

static void send_back(struct ese_http_request *request, int status, const char *text)
{
    if (status == 429 || status == 503)
        ese_http_request_add_header(request, "Retry-After", "1");
    ese_http_reply_message(request, status, text);
}

/* A header that comes twice says nothing. */
static const char *single_header(const struct ese_http_request *request, const char *name)
{
    return ese_http_request_header_count(request, name) == 1 ? ese_http_request_header(request, name) : NULL;
}

static int check_signature(const struct line *line, const struct ese_http_request *request, struct ese_error *error)
{
    size_t length;
    const struct ese_webhook_secret *secret = &line->receiver->secret;
    const char *body = ese_http_request_body(request, &length);
    const struct ese_webhook_signed headers = {.id = single_header(request, "webhook-id"),
                                               .timestamp = single_header(request, "webhook-timestamp"),
                                               .signature = single_header(request, "webhook-signature")};
    if (secret->count == 0)
        return 0;
    return ese_webhook_verify(secret, &headers, body, length, ese_clock_wall_ms() / 1000, ESE_WEBHOOK_TOLERANCE_S,
                              error);
}

/* The page goes with the request. False: there is one in hand. */
static bool hold(struct line *line, struct ese_http_request *request, struct ese_webhook_page *page,
                 struct ese_http_request **given_up)
{
    pthread_mutex_lock(&line->receiver->mutex);
    bool free_to_hold = !line->receiver->ending && (line->held == NULL || !line->taken);
    if (free_to_hold) {
        *given_up = line->held;
        line->held = request;
        line->taken = false;
        ese_webhook_page_clear(&line->page);
        line->page = *page;
    }
    pthread_mutex_unlock(&line->receiver->mutex);
    return free_to_hold;
}

static void on_push(void *context, struct ese_http_request *request)
{
    struct line *line = context;
    struct ese_webhook_page page = {0};
    struct ese_http_request *given_up = NULL;
    struct ese_error error;
    if (check_signature(line, request, &error) != 0) {
        send_back(request, 401, error.text);
        return;
    }
    if (read_push(line, request, &page, &error) != 0) {
        ese_webhook_page_clear(&page);
        send_back(request, 400, error.text);
        return;
    }
    if (!hold(line, request, &page, &given_up)) {
        ese_webhook_page_clear(&page);
        send_back(request, 429, "an earlier push is still being worked on");
        return;
    }
    if (given_up != NULL)
        send_back(given_up, 503, "a newer push has taken its place");
    line->receiver->wake(line->receiver->context);
}

/* Told once: it comes again and again. */
static void on_too_large(void *context, const char *path, uint64_t bytes)
{
    struct ese_webhook_receiver *receiver = context;
    for (int i = 0; i < receiver->count; i++) {
        struct line *line = &receiver->lines[i];
        if (strcmp(line->path, path) != 0)
            continue;
        pthread_mutex_lock(&receiver->mutex);
        bool is_news = !line->refuses;
        if (is_news)
            snprintf(line->refusal, sizeof line->refusal,
                     "a push of %" PRIu64 " bytes from the stream %s is refused by 413, as it is larger than "
                     "the %" PRId64 " that are taken: give --push-body-bytes more",
                     bytes, line->stream, receiver->max_body_bytes);
        line->refuses = true;
        pthread_mutex_unlock(&receiver->mutex);
        if (is_news)
            ese_log_warning("%s", line->refusal);
    }
}

/* ---- what is taken out, on the other thread -------------------------------------------------- */

bool ese_webhook_receiver_take(struct ese_webhook_receiver *receiver, int number, struct ese_webhook_page *page)
{
    struct line *line = &receiver->lines[number];
    pthread_mutex_lock(&receiver->mutex);
    bool is_there = line->held != NULL && !line->taken;
    if (is_there) {
        ese_webhook_page_clear(page);
        *page = line->page;
        line->page = (struct ese_webhook_page){0};
        line->taken = true;
    }
    pthread_mutex_unlock(&receiver->mutex);
    return is_there;
}

void ese_webhook_receiver_answer(struct ese_webhook_receiver *receiver, int number, int status)
{
    struct line *line = &receiver->lines[number];
    pthread_mutex_lock(&receiver->mutex);
    struct ese_http_request *request = line->held;
    assert(request != NULL && line->taken);
    line->held = NULL;
    line->taken = false;
    line->refuses = line->refuses && status != 200;
    pthread_mutex_unlock(&receiver->mutex);
    if (status == 200)
        ese_http_reply(request, status, NULL, NULL, 0);
    else
        send_back(request, status, "it has had no effect: push it again");
}

const char *ese_webhook_receiver_refusal(struct ese_webhook_receiver *receiver, int number)
{
    struct line *line = &receiver->lines[number];
    pthread_mutex_lock(&receiver->mutex);
    bool refuses = line->refuses;
    pthread_mutex_unlock(&receiver->mutex);
    return refuses ? line->refusal : NULL;
}

const char *ese_webhook_receiver_url(const struct ese_webhook_receiver *receiver, int line)
{
    return receiver->lines[line].url;
}

/* ---- life ------------------------------------------------------------------------------------ */

static void add_line(struct ese_webhook_receiver *receiver, const char *stream, const char *url)
{
    struct line *line = &receiver->lines[receiver->count++];
    struct ese_buffer text = ESE_BUFFER_INIT(4096);
    line->receiver = receiver;
    line->stream = stream;
    snprintf(line->path, sizeof line->path, "/push/%s/%016" PRIx64, stream, receiver->key);
    ese_buffer_printf(&text, "%s%s%s", url != NULL ? url : "http://",
                      url != NULL ? "" : ese_http_server_address(receiver->server), line->path);
    line->url = ese_buffer_detach(&text);
    ese_http_server_route(receiver->server, "POST", line->path, on_push, line);
}

int ese_webhook_receiver_open(const struct ese_webhook_receiver_options *options,
                              struct ese_webhook_receiver **receiver, struct ese_error *error)
{
    struct ese_webhook_receiver *opened = *receiver = ese_alloc(sizeof *opened);
    opened->max_body_bytes = options->max_body_bytes != 0 ? options->max_body_bytes : BODY_BYTES;
    const struct ese_http_server_options server = {.listen = options->listen,
                                                   .trusted_network = options->trusted_network,
                                                   .max_connections = CONNECTIONS,
                                                   .max_body_bytes = opened->max_body_bytes,
                                                   .too_large = on_too_large,
                                                   .too_large_context = opened};
    opened->wake = options->wake;
    opened->context = options->context;
    opened->key = (uint64_t)arc4random() << 32 | arc4random();
    if (options->secret != NULL)
        opened->secret = *options->secret;
    pthread_mutex_init(&opened->mutex, NULL);
    if (ese_http_server_open(&server, &opened->server, error) != 0) {
        ese_fail_within(error, "the receiving end");
        ese_webhook_receiver_close(receiver);
        return -1;
    }
    for (int i = 0; i < options->count; i++)
        add_line(opened, options->streams[i], options->url);
    if (ese_http_server_start(opened->server, error) == 0)
        return 0;
    ese_webhook_receiver_close(receiver);
    return -1;
}

static void give_back(struct ese_webhook_receiver *receiver)
{
    pthread_mutex_lock(&receiver->mutex);
    receiver->ending = true;
    pthread_mutex_unlock(&receiver->mutex);
    for (int i = 0; i < receiver->count; i++) {
        struct line *line = &receiver->lines[i];
        if (line->held != NULL)
            send_back(line->held, 503, "the receiver ends");
        line->held = NULL;
        ese_webhook_page_clear(&line->page);
        free(line->url);
    }
}

void ese_webhook_receiver_close(struct ese_webhook_receiver **receiver)
{
    struct ese_webhook_receiver *closed = *receiver;
    if (closed == NULL)
        return;
    *receiver = NULL;
    if (closed->server != NULL)
        ese_http_server_quiesce(closed->server);
    give_back(closed);
    ese_http_server_close(&closed->server);
    pthread_mutex_destroy(&closed->mutex);
    ese_webhook_secret_wipe(&closed->secret);
    free(closed);
}
