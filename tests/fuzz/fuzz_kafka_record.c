/* Records as anybody may have put them on a topic: headers, and a value. What is taken has an id and a type; written
 * and read again it is the same event, unless its id is that of its place. */
#include <string.h>

#include "ese-core/memory.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/headers.h"
#include "transports/kafka/partition.h"
#include "transports/kafka/record.h"

static const struct ese_kafka_record place = {.topic = 1, .topic_name = "order-events", .partition = 2, .offset = 41,
                                              .timestamp_ms = INT64_C(1793500000200)};

/* As the consumer hands them on: of each name it knows, two. A name that begins with '-' has no value. */
static void take_headers(const struct ese_fuzz_headers *headers, struct ese_kafka_record *record)
{
    int had[ESE_KAFKA_HEADERS] = {0};
    for (int i = 0; i < headers->count; i++) {
        bool is_bare = headers->list[i].name[0] == '-';
        const char *name = headers->list[i].name + is_bare;
        int number = ese_record_header_number(name);
        if (number < 0 || had[number] == 2)
            continue;
        had[number]++;
        record->headers[record->header_count++] = (struct ese_kafka_header){
            .name = name, .value = is_bare ? NULL : headers->list[i].value, .length = headers->list[i].length};
    }
}

static bool is_same(const struct ese_event *a, const struct ese_event *b)
{
    return strcmp(a->type, b->type) == 0 && strcmp(a->sub_type, b->sub_type) == 0 && strcmp(a->ip, b->ip) == 0 &&
           strcmp(a->key, b->key) == 0 && a->client_ts == b->client_ts && strcmp(a->source, b->source) == 0 &&
           strcmp(a->traceparent, b->traceparent) == 0 && strcmp(ese_event_data(a), ese_event_data(b)) == 0;
}

static void write_and_read(const struct ese_event *event)
{
    struct ese_event again = {.data = NULL};
    struct ese_buffer value = ESE_BUFFER_INIT(SIZE_MAX);
    struct ese_kafka_headers headers;
    struct ese_kafka_record record = place;
    ese_record_write(event, &value, &headers);
    record.value = value.text;
    record.length = value.length;
    for (int i = 0; i < headers.count; i++)
        record.headers[record.header_count++] = headers.headers[i];
    ESE_HOLDS(headers.count <= ESE_KAFKA_HEADERS);
    ESE_HOLDS(ese_record_read(&record, &again, NULL) == 0 && is_same(event, &again));
    if (ese_id_is_ours(&event->id) || (event->source[0] != '\0' && event->foreign_id[0] != '\0'))
        ESE_HOLDS(ese_id_equal(&event->id, &again.id) && strcmp(event->foreign_id, again.foreign_id) == 0);
    ese_buffer_free(&value);
    ese_event_clear(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static const struct ese_id none;
    struct ese_fuzz_headers headers;
    struct ese_kafka_record record = place;
    struct ese_event event = {.data = NULL};
    struct ese_error error = {.text = ""};
    ese_fuzz_headers_read(bytes, length, &headers);
    take_headers(&headers, &record);
    record.value = headers.rest;
    record.length = headers.rest_length;
    if (ese_record_read(&record, &event, &error) == 0) {
        ESE_HOLDS(!ese_id_equal(&event.id, &none) && event.type[0] != '\0' && event.server_ts == place.timestamp_ms);
        write_and_read(&event);
    } else {
        ESE_HOLDS(error.code == ESE_E_INVALID && error.text[0] != '\0');
    }
    ese_event_clear(&event);
    ese_fuzz_headers_clear(&headers);
    return 0;
}
