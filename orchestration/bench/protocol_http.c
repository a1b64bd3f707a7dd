/* protocol_http.c - HTTP/1.1 as ese-server speaks it. RFC 9112. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ese-core/event.h"
#include "orchestration/bench/place.h"
#include "orchestration/bench/protocol.h"

#define OK 200
#define CREATED 201
#define HEAD_LIMIT 16384
#define BODY_LIMIT (1 << 26)

static void write_request(struct ese_bench_request *request, const char *host, const struct ese_payload *payload,
                          int count)
{
    static const char begin[] = "{\"events\":[", end[] = "]}";
    size_t many = strlen(begin) + strlen(end) + (size_t)count * (ESE_PAYLOAD_BYTES + 1) - 1;

    ese_buffer_printf(&request->bytes, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"
                                       "Prefer: return=minimal\r\n"
                                       "Content-Length: %zu\r\n\r\n",
                      count == 1 ? "/event" : "/events", host, count == 1 ? (size_t)ESE_PAYLOAD_BYTES : many);
    if (count > 1)
        ese_buffer_text(&request->bytes, begin);
    for (int i = 0; i < count; i++) {
        if (i > 0)
            ese_buffer_text(&request->bytes, ",");
        ese_bench_request_event(request, payload);
    }
    if (count > 1)
        ese_buffer_text(&request->bytes, end);
}

/* A request has one, however many events it holds. */
static int answers(int count)
{
    (void)count;
    return 1;
}

/* The number behind "Content-Length:"; -1 where there is none, as in chunked answers, which ours are not. */
static long body_length(const char *head, const char *end)
{
    static const char name[] = "\r\ncontent-length:";
    size_t length = strlen(name);

    for (const char *at = head; at + length < end; at++) {
        if (*at == '\r' && strncasecmp(at, name, length) == 0)
            return strtol(at + length, NULL, 10);
    }
    return -1;
}

static int read_answer(const char *bytes, size_t length, int right, struct ese_bench_answer *answer)
{
    static const char version[] = "HTTP/1.1 ";
    size_t begin = strlen(version);

    if (memcmp(bytes, version, length < begin ? length : begin) != 0)
        return -1;
    const char *end = memmem(bytes, length, "\r\n\r\n", 4);
    if (end == NULL)
        return length > HEAD_LIMIT ? -1 : 0;
    long body = body_length(bytes, end);
    if (body < 0 || body > BODY_LIMIT)
        return -1;
    answer->length = (size_t)(end - bytes) + 4 + (size_t)body;
    answer->right = strtol(bytes + begin, NULL, 10) == right;
    return 1;
}

static int read_created(const char *bytes, size_t length, struct ese_bench_answer *answer)
{
    return read_answer(bytes, length, CREATED, answer);
}

const struct ese_bench_protocol ese_bench_http = {
    .name = "HTTP",
    .write = write_request,
    .answers = answers,
    .read = read_created,
};

/* ---- streams --------------------------------------------------------------------------------------------------- */

/* As ese-client sends it. */
static void write_post(struct ese_bench_request *request, const char *host, const struct ese_payload *payload,
                       int count)
{
    assert(count == 1); /* it has no other */
    ese_buffer_printf(&request->bytes,
                      "POST /streams/%s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"
                      "X-Event-Type: " ESE_TYPE_CLICK "\r\nIdempotency-Key: ",
                      payload->lane % 2 == 0 ? ESE_PLACE_CLICKS : ESE_PLACE_ORDERS, host);
    ese_bench_request_key(request, payload);
    ese_buffer_printf(&request->bytes, "\r\nContent-Length: %d\r\n\r\n", ESE_PAYLOAD_BYTES);
    ese_bench_request_event(request, payload);
}

static int read_ok(const char *bytes, size_t length, struct ese_bench_answer *answer)
{
    return read_answer(bytes, length, OK, answer);
}

const struct ese_bench_protocol ese_bench_webhook = {
    .name = "HTTP",
    .write = write_post,
    .answers = answers,
    .read = read_ok,
};
