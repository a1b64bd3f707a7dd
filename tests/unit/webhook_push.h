/*
 * webhook_push.h - pushes byte by byte, as a pushing server sends them.
 */
#ifndef ESE_TEST_WEBHOOK_PUSH_H
#define ESE_TEST_WEBHOOK_PUSH_H

#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ese-core/base64.h"
#include "ese-core/buffer.h"
#include "tests/support/raw_http.h"

/* An event that can be read, and one that cannot. */
#define WEBHOOK_GOOD "{\"type\":\"T\",\"sub_type\":\"S\",\"ip\":\"10.0.0.1\",\"client_ts\":5}"
#define WEBHOOK_BAD "no event"

/* To "/push/STREAM" of a URL, on a connection of its own. headers: whole lines. */
static inline int webhook_push(const char *url, const char *headers, const char *body, size_t length)
{
    struct ese_buffer request = ESE_BUFFER_INIT(32 << 20);
    char address[64];
    size_t host = strcspn(url + strlen("http://"), "/");

    snprintf(address, sizeof(address), "%.*s", (int)host, url + strlen("http://"));
    int fd = ese_raw_connect(address);
    ese_buffer_printf(&request, "POST %s HTTP/1.1\r\nHost: x\r\n%sContent-Length: %zu\r\n\r\n",
                      url + strlen("http://") + host, headers, length);
    ese_buffer_append(&request, body, length);
    ese_raw_send(fd, request.text, request.length);
    ese_buffer_free(&request);
    return fd;
}

/* A single event, as the original pushes it. */
static inline int webhook_push_one(const char *url, int64_t position, const char *body)
{
    char headers[200];

    snprintf(headers, sizeof(headers), "X-Event-Position: %" PRId64 "\r\nX-Event-Uuid: u-%" PRId64 "\r\n"
                                       "X-Event-Created: 2026-11-21 10:11:12 +0000 UTC\r\n", position, position);
    return webhook_push(url, headers, body, strlen(body));
}

/* Appends one element. */
static inline void webhook_page_add(struct ese_buffer *page, const char *stream, int64_t position, const char *body)
{
    ese_buffer_printf(page, "%c{\"uuid\":\"u-%" PRId64 "\",\"stream\":\"%s\",\"position\":%" PRId64 ",\"body\":\"",
                      page->length == 0 ? '[' : ',', position, stream, position);
    ese_base64_write(body, strlen(body), page);
    ese_buffer_text(page, "\"}");
}

static inline void webhook_page_add_many(struct ese_buffer *page, const char *stream, int64_t first, int count,
                                         const char *body)
{
    for (int i = 0; i < count; i++)
        webhook_page_add(page, stream, first + i, body);
}

/* And the end of it; frees the page. more: further headers. */
static inline int webhook_push_page(const char *url, struct ese_buffer *page, const char *more)
{
    struct ese_buffer headers = ESE_BUFFER_INIT(4096);

    ese_buffer_text(page, page->length == 0 ? "[]" : "]");
    ese_buffer_printf(&headers, "X-Event-Count: 1\r\n%s", more);
    int fd = webhook_push(url, headers.text, page->text, page->length);
    ese_buffer_free(&headers);
    ese_buffer_free(page);
    return fd;
}

/* So many that can be read, as a page. */
static inline int webhook_push_many(const char *url, const char *stream, int64_t first, int count)
{
    struct ese_buffer page = ESE_BUFFER_INIT(1 << 20);

    webhook_page_add_many(&page, stream, first, count, WEBHOOK_GOOD);
    return webhook_push_page(url, &page, "");
}

/* Whether nothing has been answered within so long. */
static inline bool webhook_is_held(int fd, int for_ms)
{
    struct pollfd answer = {.fd = fd, .events = POLLIN};

    return poll(&answer, 1, for_ms) == 0;
}

/* Its answer has that status; retry_after: the header's value, "" for none. */
static inline void webhook_push_ends(int fd, int status, const char *retry_after)
{
    struct ese_raw_answer answer = ese_raw_finish(fd, status);

    assert_string_equal(ese_raw_answer_header(&answer, "Retry-After"), retry_after);
    ese_raw_answer_clear(&answer);
}

/* The same, and the answer says so. */
static inline void webhook_push_is_refused(int fd, int status, const char *said)
{
    struct ese_raw_answer answer = ese_raw_finish(fd, status);

    if (strstr(answer.body, said) == NULL)
        fail_msg("'%s' does not say '%s'", answer.body, said);
    ese_raw_answer_clear(&answer);
}

#endif
