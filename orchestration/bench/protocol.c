#include "orchestration/bench/protocol.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "ese-core/memory.h"

#define REQUEST_LIMIT (1 << 22)

void ese_bench_request_make(struct ese_bench_request *request, const struct ese_bench_protocol *protocol,
                            const char *host, const struct ese_payload *payload, int count)
{
    *request = (struct ese_bench_request){
        .bytes = ESE_BUFFER_INIT(REQUEST_LIMIT),
        .events = ese_alloc_array((size_t)count, sizeof *request->events),
        .answers = protocol->answers(count),
    };
    protocol->write(request, host, payload, count);
    assert(request->count == count && !request->bytes.overflowed);
}

void ese_bench_request_clear(struct ese_bench_request *request)
{
    ese_buffer_free(&request->bytes);
    free(request->events);
    request->events = NULL;
}

void ese_bench_request_event(struct ese_bench_request *request, const struct ese_payload *payload)
{
    request->events[request->count++] = request->bytes.length;
    ese_buffer_append(&request->bytes, payload->text, ESE_PAYLOAD_BYTES);
}

void ese_bench_request_key(struct ese_bench_request *request, const struct ese_payload *payload)
{
    request->key = request->bytes.length;
    ese_buffer_append(&request->bytes, ese_payload_id(payload, payload->text), ESE_ID_TEXT_SIZE - 1);
}

void ese_bench_request_number(struct ese_bench_request *request, const struct ese_payload *payload, uint32_t first)
{
    for (int i = 0; i < request->count; i++)
        ese_payload_number(payload, request->bytes.text + request->events[i], first + (uint32_t)i);
    if (request->key > 0)
        memcpy(request->bytes.text + request->key, ese_payload_id(payload, request->bytes.text + request->events[0]),
               ESE_ID_TEXT_SIZE - 1);
}
