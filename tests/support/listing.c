#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <unistd.h>

#include "ese-core/buffer.h"
#include "ese-core/memory.h"
#include "tests/support/listing.h"
#include "tests/support/wait.h"

#define BODY_LIMIT (16 * 1024 * 1024)
#define PATIENCE_MS 20000

static char said[256]; /* what the last check found */

/* ---- asking -------------------------------------------------------------------------------- */

int ese_listing_begin(const char *address, const char *query)
{
    struct ese_buffer request = ESE_BUFFER_INIT(BODY_LIMIT);
    int fd = ese_raw_connect(address);
    ese_buffer_printf(&request, "GET /events%s HTTP/1.1\r\nHost: x\r\n\r\n", query);
    ese_raw_send(fd, request.text, request.length);
    ese_buffer_free(&request);
    return fd;
}

struct ese_raw_answer ese_listing_finish(int fd)
{
    struct ese_raw_answer answer = {0};
    assert_true(ese_raw_read_answer(fd, true, &answer));
    close(fd);
    return answer;
}

struct ese_raw_answer ese_listing_post(const char *address, const char *path, const char *body)
{
    struct ese_buffer request = ESE_BUFFER_INIT(BODY_LIMIT);
    int fd = ese_raw_connect(address);
    ese_buffer_printf(&request, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n%s",
                      path, strlen(body), body);
    ese_raw_send(fd, request.text, request.length);
    ese_buffer_free(&request);
    return ese_listing_finish(fd);
}

struct post {
    const char *address, *path, *body;
};

static bool is_stored(void *context)
{
    const struct post *post = context;
    struct ese_raw_answer answer = ese_listing_post(post->address, post->path, post->body);
    int status = answer.status;
    if (status != 201 && status != 503)
        fail_msg("%d: %s", status, answer.body);
    ese_raw_answer_clear(&answer);
    return status == 201;
}

void ese_listing_store(const char *address, const char *path, const char *body)
{
    struct post post = {address, path, body};
    assert_true(ese_test_wait_until(is_stored, &post, PATIENCE_MS));
}

void ese_listing_post_many(const char *address, int first, int events, int ips)
{
    struct ese_buffer body = ESE_BUFFER_INIT(BODY_LIMIT);
    for (int i = 0; i < events; i++)
        ese_buffer_printf(&body,
                          "%s{\"event\":{\"type\":\"CLICK_STREAM_EVENT\",\"sub_type\":\"S\"},"
                          "\"timestamp\":%d,\"ip\":\"10.0.0.%d\"}",
                          i == 0 ? "{\"events\":[" : ",", first + i, (first + i) % ips);
    ese_buffer_text(&body, "]}");
    ese_listing_store(address, "/events", body.text);
    ese_buffer_free(&body);
}

/* ---- what is shown ------------------------------------------------------------------------- */

void ese_shown_clear(struct ese_shown_page *page)
{
    free(page->events);
    free(page->next);
    *page = (struct ese_shown_page){.events = NULL};
}

static void take_text(const json_t *event, const char *name, char *target, size_t size)
{
    const char *text = json_string_value(json_object_get(event, name));
    snprintf(target, size, "%s", text == NULL ? "" : text);
}

static void take_events(struct ese_shown_page *page, const json_t *events)
{
    size_t count = json_array_size(events);
    assert_true(json_is_array(events));
    page->events =
        ese_realloc_array(page->events, page->count + count + 1, sizeof *page->events);
    for (size_t i = 0; i < count; i++) {
        const json_t *event = json_array_get(events, i);
        const json_t *offset = json_object_get(event, "offset");
        struct ese_shown *shown = &page->events[page->count++];
        take_text(event, "partition", shown->partition, sizeof shown->partition);
        take_text(event, "ip", shown->ip, sizeof shown->ip);
        take_text(event, "id", shown->id, sizeof shown->id);
        shown->offset = offset == NULL ? -1 : json_integer_value(offset);
        shown->client_ts = json_integer_value(json_object_get(event, "client_ts"));
    }
}

static json_t *read_json(struct ese_raw_answer *answer)
{
    if (answer->status != 200)
        fail_msg("%d: %s", answer->status, answer->body);
    json_t *body = json_loadb(answer->body, answer->length, 0, NULL);
    assert_non_null(body);
    ese_raw_answer_clear(answer);
    return body;
}

struct question {
    const char *address, *query;
    struct ese_raw_answer answer;
};

/* 503 asks for another try. */
static bool is_answered(void *context)
{
    struct question *question = context;
    ese_raw_answer_clear(&question->answer);
    question->answer =
        ese_listing_finish(ese_listing_begin(question->address, question->query));
    return question->answer.status != 503;
}

static json_t *ask(const char *address, const char *query)
{
    struct question question = {.address = address, .query = query};
    ese_test_wait_until(is_answered, &question, PATIENCE_MS);
    return read_json(&question.answer);
}

static struct ese_shown_page take_page(json_t *body)
{
    struct ese_shown_page page = {.events = NULL};
    take_events(&page, json_object_get(body, "events"));
    page.next = ese_copy_text(json_string_value(json_object_get(body, "next")));
    assert_non_null(page.next);
    json_decref(body);
    return page;
}

struct ese_shown_page ese_listing_finish_page(int fd)
{
    struct ese_raw_answer answer = ese_listing_finish(fd);
    return take_page(read_json(&answer));
}

/* It is longer than its limit only where it is no longer than it has to be. */
static bool is_within(const struct ese_shown_page *page, size_t limit)
{
    for (size_t i = 0; page->count > limit && i < page->count; i++) {
        for (size_t k = 0; k < i; k++) {
            if (strcmp(page->events[k].partition, page->events[i].partition) == 0)
                return false;
        }
    }
    return true;
}

struct ese_shown_page ese_listing_page(const char *address, const char *after, int limit,
                                       const char *more)
{
    struct ese_buffer query = ESE_BUFFER_INIT(BODY_LIMIT);
    ese_buffer_printf(&query, "?after=%s&limit=%d%s", after, limit, more);
    struct ese_shown_page page = take_page(ask(address, query.text));
    assert_true(is_within(&page, (size_t)limit));
    ese_buffer_free(&query);
    return page;
}

struct ese_shown_page ese_listing_follow(const char *address, const char *after, int limit)
{
    struct ese_shown_page all = {.next = ese_copy_text(after)};
    size_t got;
    do {
        struct ese_shown_page page = ese_listing_page(address, all.next, limit, "");
        got = page.count;
        all.events =
            ese_realloc_array(all.events, all.count + got + 1, sizeof *all.events);
        memcpy(all.events + all.count, page.events, got * sizeof *all.events);
        all.count += got;
        free(all.next);
        all.next = page.next;
        page.next = NULL;
        ese_shown_clear(&page);
    } while (got > 0);
    return all;
}

struct ese_shown_page ese_listing_list(const char *address)
{
    struct ese_shown_page all = {.events = NULL};
    json_t *list = ask(address, "");
    assert_true(json_is_array(list));
    for (size_t i = 0; i < json_array_size(list); i++)
        take_events(&all, json_object_get(json_array_get(list, i), "event_logs"));
    json_decref(list);
    return all;
}

/* ---- checking ------------------------------------------------------------------------------ */

static const char *say(const char *what, const struct ese_shown *shown)
{
    snprintf(said, sizeof said, "%s: %s at %lld, %s, client_ts %lld", what, shown->partition,
             (long long)shown->offset, shown->ip, (long long)shown->client_ts);
    return said;
}

const char *ese_shown_check(const struct ese_shown_page *page)
{
    for (size_t i = 0; i < page->count; i++) {
        const struct ese_shown *shown = &page->events[i];
        for (size_t k = i; k-- > 0;) {
            const struct ese_shown *before = &page->events[k];
            if (strcmp(before->partition, shown->partition) == 0 &&
                before->offset == shown->offset && shown->offset >= 0)
                return say("shown twice", shown);
            if (strcmp(before->partition, shown->partition) == 0 && before->offset > shown->offset)
                return say("shown behind a later one of its partition", shown);
            if (strcmp(before->ip, shown->ip) == 0 && before->client_ts >= shown->client_ts)
                return say("shown behind a later one of its ip", shown);
        }
    }
    return NULL;
}

/* The number-th event of the partition; NULL: there are not so many. */
static const struct ese_shown *find(const struct ese_shown_page *page, const char *partition,
                                    size_t number)
{
    for (size_t i = 0; i < page->count; i++) {
        if (strcmp(page->events[i].partition, partition) == 0 && number-- == 0)
            return &page->events[i];
    }
    return NULL;
}

static size_t count_before(const struct ese_shown_page *page, size_t end)
{
    size_t count = 0;
    for (size_t i = 0; i < end; i++)
        count += strcmp(page->events[i].partition, page->events[end].partition) == 0;
    return count;
}

const char *ese_shown_check_again(const struct ese_shown_page *page,
                                  const struct ese_shown_page *again)
{
    for (size_t i = 0; i < page->count; i++) {
        const struct ese_shown *shown = &page->events[i];
        const struct ese_shown *same = find(again, shown->partition, count_before(page, i));
        if (same == NULL)
            return say("not shown again", shown);
        if (same->offset != shown->offset || strcmp(same->id, shown->id) != 0)
            return say("another one was shown in its place", shown);
    }
    return NULL;
}

bool ese_shown_has(const struct ese_shown_page *page, int64_t client_ts)
{
    for (size_t i = 0; i < page->count; i++) {
        if (page->events[i].client_ts == client_ts)
            return true;
    }
    return false;
}
