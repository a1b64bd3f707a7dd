/* protocol_resp.c - Redis' protocol, version 2: https://redis.io/docs/latest/develop/reference/protocol-spec/ */
#include <stdlib.h>
#include <string.h>

#include "orchestration/bench/protocol.h"

#define LINE_LIMIT 4096
#define BULK_LIMIT (1 << 26)
#define ARRAY_LIMIT 100000
#define DEPTH_LIMIT 8

static void write_request(struct ese_bench_request *request, const char *host, const struct ese_payload *payload,
                          int count)
{
    (void)host;
    for (int i = 0; i < count; i++) {
        ese_buffer_printf(&request->bytes,
                          "*5\r\n$4\r\nXADD\r\n$5\r\nbench\r\n$1\r\n*\r\n$5\r\nevent\r\n$%d\r\n", ESE_PAYLOAD_BYTES);
        ese_bench_request_event(request, payload);
        ese_buffer_text(&request->bytes, "\r\n");
    }
}

static int answers(int count)
{
    return count;
}

/* The number of the line that begins with its kind, and what is behind its end. */
static int read_line(const char *bytes, size_t length, long *number, size_t *line)
{
    const char *end = memmem(bytes, length, "\r\n", 2);

    if (end == NULL)
        return length > LINE_LIMIT ? -1 : 0;
    *line = (size_t)(end - bytes) + 2;
    *number = strtol(bytes + 1, NULL, 10);
    return 1;
}

/* A bulk string says how long it is; of an array that is known once its elements are. */
static int read_value(const char *bytes, size_t length, int depth, struct ese_bench_answer *answer)
{
    long number;
    size_t line;

    if (length > 0 && (strchr("+-:$*", bytes[0]) == NULL || depth > DEPTH_LIMIT))
        return -1;
    int known = length == 0 ? 0 : read_line(bytes, length, &number, &line);
    if (known != 1)
        return known;
    /* Neither an error nor nothing. (What stands behind + is read as 0.) */
    *answer = (struct ese_bench_answer){.length = line, .right = bytes[0] != '-' && number >= 0};
    if (bytes[0] == '$' && number > BULK_LIMIT)
        return -1;
    if (bytes[0] == '$' && number >= 0)
        answer->length += (size_t)number + 2;
    if (bytes[0] != '*')
        return 1;
    for (long i = 0; i < number; i++) {
        struct ese_bench_answer element;
        if (number > ARRAY_LIMIT)
            return -1;
        size_t left = length > answer->length ? length - answer->length : 0;
        known = read_value(bytes + answer->length, left, depth + 1, &element);
        if (known != 1)
            return known;
        answer->length += element.length;
        answer->right = answer->right && element.right;
    }
    return 1;
}

static int read_answer(const char *bytes, size_t length, struct ese_bench_answer *answer)
{
    return read_value(bytes, length, 0, answer);
}

const struct ese_bench_protocol ese_bench_resp = {
    .name = "RESP",
    .write = write_request,
    .answers = answers,
    .read = read_answer,
};
