#include "transports/http/store_pages.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "ese-core/clock.h"
#include "ese-core/log.h"
#include "ese-core/memory.h"
#include "ese-core/number.h"
#include "transports/http/cursor.h"
#include "transports/http/http.h"
#include "transports/http/store_read.h"

/* What a page may hold, and behind that the one event that was begun (escaped, data grows up to
 * six times). */
#define BODY_LIMIT (ESE_HTTP_PAGE_BYTES + 8 * ESE_EVENT_DATA_LIMIT)

struct page_request {
    struct ese_http_request *request;
    int64_t position; /* or one of ESE_OFFSET_... */
    int limit;
    int64_t deadline_ns; /* held until then when there is nothing to tell */
    bool looked;         /* at least once */
    struct page_request *next;
};

struct ese_store_pages {
    struct ese_store_log *log;
    struct ese_store_reader *reader; /* this and what follows: the thread's */
    struct ese_buffer body;
    struct page_request *held;
    struct ese_metric *held_count;
    pthread_t thread;
    bool started;
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t wake;
    struct page_request *incoming;
    bool holding;
    bool committed;
    bool closing;
};

/* ---- the query ------------------------------------------------------------------------------- */

static int parse_number(struct ese_http_request *request, const char *name, int64_t min,
                        int64_t max, int64_t *number, struct ese_error *error)
{
    const char *text = ese_http_request_query(request, name);

    return text == NULL ? 0 : ese_number_parse(text, name, min, max, number, error);
}

static int parse_after(const char *after, int64_t *position, struct ese_error *error)
{
    if (after == NULL || strcmp(after, "earliest") == 0)
        *position = ESE_OFFSET_EARLIEST;
    else if (strcmp(after, "latest") == 0)
        *position = ESE_OFFSET_LATEST;
    else
        return ese_http_cursor_parse(after, position, error);
    return 0;
}

static int parse_query(struct ese_http_request *request, struct page_request *asked,
                       struct ese_error *error)
{
    int64_t limit = ESE_HTTP_PAGE_LIMIT_DEFAULT;
    int64_t wait_ms = 0;

    if (parse_after(ese_http_request_query(request, "after"), &asked->position, error) != 0 ||
        parse_number(request, "limit", 1, ESE_HTTP_PAGE_LIMIT, &limit, error) != 0 ||
        parse_number(request, "wait", 0, ESE_HTTP_WAIT_MS, &wait_ms, error) != 0)
        return -1;
    asked->limit = (int)limit;
    asked->deadline_ns = ese_clock_monotonic_ns() + wait_ms * ESE_NS_PER_MS;
    return 0;
}

void ese_store_pages_handle(struct ese_store_pages *pages, struct ese_http_request *request)
{
    struct page_request asked = {.request = request};
    struct ese_error error;

    if (parse_query(request, &asked, &error) != 0) {
        ese_http_reply_message(request, 400, error.text);
        return;
    }
    struct page_request *kept = ese_alloc(sizeof(*kept));
    *kept = asked;
    pthread_mutex_lock(&pages->mutex);
    kept->next = pages->incoming;
    pages->incoming = kept;
    pthread_cond_signal(&pages->wake);
    pthread_mutex_unlock(&pages->mutex);
}

/* ---- one answer ------------------------------------------------------------------------------ */

static void reply_gone(struct ese_store_pages *pages, struct ese_http_request *request,
                       const char *message)
{
    char oldest[ESE_HTTP_CURSOR_SIZE];
    struct ese_error error;
    int64_t start;

    if (ese_store_reader_start(pages->reader, pages->log, &start, &error) != 0) {
        ese_http_reply_message(request, 503, error.text);
        return;
    }
    ese_http_cursor_text(start, oldest);
    json_t *answer = json_pack("{s:s, s:s}", "message", message, "oldest", oldest);
    char *text = json_dumps(answer, JSON_INDENT(4));
    ese_http_reply(request, 410, ESE_HTTP_JSON, text, strlen(text));
    free(text);
    json_decref(answer);
}

static void reply_failure(struct ese_store_pages *pages, struct ese_http_request *request,
                          const struct ese_error *error)
{
    if (error->code == ESE_E_GONE) {
        reply_gone(pages, request, error->text);
    } else if (error->code == ESE_E_INVALID) {
        ese_http_reply_message(request, 400, error->text);
    } else {
        ese_log_error("a page cannot be read: %s", error->text);
        ese_http_reply_message(request, 503, error->text);
    }
}

static int find_position(struct ese_store_pages *pages, struct page_request *asked,
                         struct ese_error *error)
{
    if (asked->position == ESE_OFFSET_EARLIEST)
        return ese_store_reader_start(pages->reader, pages->log, &asked->position, error);
    if (asked->position == ESE_OFFSET_LATEST)
        asked->position = atomic_load(&pages->log->next);
    return 0;
}

/* Answers unless there is nothing to tell yet. True when it did. */
static bool answer(struct ese_store_pages *pages, struct page_request *asked, bool may_hold)
{
    struct ese_buffer *body = &pages->body;
    struct ese_store_page page = {.limit = asked->limit, .bytes = ESE_HTTP_PAGE_BYTES};
    char next[ESE_HTTP_CURSOR_SIZE];
    struct ese_error error;

    ese_buffer_clear(body);
    ese_buffer_text(body, "{\"events\":[");
    if (find_position(pages, asked, &error) != 0) {
        reply_failure(pages, asked->request, &error);
        return true;
    }
    page.position = asked->position;
    if (ese_store_reader_page(pages->reader, pages->log, &page, body, &error) != 0) {
        reply_failure(pages, asked->request, &error);
        return true;
    }
    if (page.count == 0 && may_hold && ese_clock_monotonic_ns() < asked->deadline_ns)
        return false;
    ese_http_cursor_text(page.next, next);
    ese_buffer_printf(body, "],\"next\":\"%s\"}", next);
    ese_http_reply(asked->request, 200, ESE_HTTP_JSON, body->text, body->length);
    return true;
}

/* ---- the thread ------------------------------------------------------------------------------ */

struct news {
    struct page_request *incoming;
    bool committed;
    bool closing;
};

/* Waits until there is news, or until_ns. Commits are news only where somebody waits for one. */
static struct news await_news(struct ese_store_pages *pages, int64_t until_ns)
{
    const struct timespec until = {.tv_sec = until_ns / ESE_NS_PER_S,
                                   .tv_nsec = until_ns % ESE_NS_PER_S};
    int result = 0;

    pthread_mutex_lock(&pages->mutex);
    pages->holding = pages->held != NULL;
    while (pages->incoming == NULL && !(pages->committed && pages->holding) && !pages->closing &&
           result == 0)
        result = pthread_cond_timedwait(&pages->wake, &pages->mutex, &until);
    struct news news = {
        .incoming = pages->incoming, .committed = pages->committed, .closing = pages->closing};
    pages->incoming = NULL;
    pages->committed = false;
    pthread_mutex_unlock(&pages->mutex);
    return news;
}

static void hold(struct ese_store_pages *pages, struct page_request *incoming)
{
    while (incoming != NULL) {
        struct page_request *asked = incoming;
        incoming = asked->next;
        asked->next = pages->held;
        pages->held = asked;
    }
}

/* Answers what can or must be answered now. Returns when the next that stays has waited long
 * enough. */
static int64_t answer_held(struct ese_store_pages *pages, const struct news *news)
{
    int64_t now_ns = ese_clock_monotonic_ns();
    int64_t next_ns = INT64_MAX;
    int64_t count = 0;

    for (struct page_request **link = &pages->held; *link != NULL;) {
        struct page_request *asked = *link;
        bool look = !asked->looked || news->committed || news->closing ||
                    asked->deadline_ns <= now_ns;
        asked->looked = true;
        if (look && answer(pages, asked, !news->closing)) {
            *link = asked->next;
            free(asked);
        } else {
            next_ns = asked->deadline_ns < next_ns ? asked->deadline_ns : next_ns;
            link = &asked->next;
            count++;
        }
    }
    ese_metric_set(pages->held_count, count);
    return next_ns;
}

static void *run(void *context)
{
    struct ese_store_pages *pages = context;
    int64_t until_ns = INT64_MAX;
    struct news news = {.closing = false};

    while (!news.closing) {
        news = await_news(pages, until_ns);
        hold(pages, news.incoming);
        until_ns = answer_held(pages, &news);
    }
    return NULL;
}

/* ---- life ------------------------------------------------------------------------------------ */

static void init_waiting(struct ese_store_pages *pages)
{
    pthread_condattr_t monotonic;

    pthread_mutex_init(&pages->mutex, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&pages->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

int ese_store_pages_open(struct ese_store_log *log, struct ese_metrics *metrics,
                         struct ese_store_pages **pages, struct ese_error *error)
{
    struct ese_store_pages *opened = ese_alloc(sizeof(*opened));
    int failed;

    *pages = opened;
    opened->log = log;
    opened->body = (struct ese_buffer)ESE_BUFFER_INIT(BODY_LIMIT);
    opened->held_count = ese_metrics_gauge(metrics, "ese_store_held_polls", NULL,
                                           "Requests for a page that wait for something new.");
    init_waiting(opened);
    if (ese_store_reader_open(log, &opened->reader, error) != 0) {
        ese_store_pages_close(pages);
        return -1;
    }
    failed = pthread_create(&opened->thread, NULL, run, opened);
    opened->started = failed == 0;
    if (!opened->started) {
        ese_store_pages_close(pages);
        return ese_fail(error, ESE_E_IO, "no thread for pages: %s", strerror(failed));
    }
    return 0;
}

void ese_store_pages_wake(struct ese_store_pages *pages)
{
    pthread_mutex_lock(&pages->mutex);
    pages->committed = true;
    if (pages->holding)
        pthread_cond_signal(&pages->wake);
    pthread_mutex_unlock(&pages->mutex);
}

void ese_store_pages_close(struct ese_store_pages **pages)
{
    struct ese_store_pages *closed = *pages;

    if (closed == NULL)
        return;
    *pages = NULL;
    pthread_mutex_lock(&closed->mutex);
    closed->closing = true;
    pthread_cond_signal(&closed->wake);
    pthread_mutex_unlock(&closed->mutex);
    if (closed->started)
        pthread_join(closed->thread, NULL);
    ese_store_reader_close(&closed->reader);
    ese_buffer_free(&closed->body);
    pthread_cond_destroy(&closed->wake);
    pthread_mutex_destroy(&closed->mutex);
    free(closed);
}
