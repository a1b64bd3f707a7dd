#include "transports/kafka/record.h"

#include "ese-core/clock.h"
#include "ese-core/event_json.h"
#include "ese-core/memory.h"
#include "transports/kafka/partition.h"

#define HEADER_SPECVERSION "ce_specversion"
#define HEADER_ID "ce_id"
#define HEADER_TYPE "ce_type"
#define HEADER_TIME "ce_time"
#define HEADER_SOURCE "ce_source"
#define HEADER_CONTENT_TYPE "content-type"
#define HEADER_FOREIGN_ID "ese_foreign_id"
#define HEADER_TRACEPARENT "traceparent"

#define SPECVERSION "1.0"
#define CONTENT_TYPE "application/json"

enum number { SPEC, ID, SOURCE, TYPE, TIME, FOREIGN_ID, CONTENT, TRACE };

static const struct {
    const char *name;
    bool is_single; /* it says which event it is: of two nobody can tell which one is meant */
} known[ESE_KAFKA_HEADERS] = {
    [SPEC] = {HEADER_SPECVERSION, true},
    [ID] = {HEADER_ID, true},
    [SOURCE] = {HEADER_SOURCE, true},
    [TYPE] = {HEADER_TYPE, true},
    [TIME] = {HEADER_TIME, true},
    [FOREIGN_ID] = {HEADER_FOREIGN_ID, true},
    [CONTENT] = {HEADER_CONTENT_TYPE, false},
    [TRACE] = {HEADER_TRACEPARENT, false},
};

int ese_record_header_number(const char *name)
{
    int number = 0;
    while (number < ESE_KAFKA_HEADERS && strcmp(known[number].name, name) != 0)
        number++;
    return number < ESE_KAFKA_HEADERS ? number : -1;
}

/* ---- writing ------------------------------------------------------------------------------- */

static void add(struct ese_kafka_headers *headers, const char *name, const char *value)
{
    if (value[0] == '\0')
        return;
    headers->headers[headers->count++] =
        (struct ese_kafka_header){.name = name, .value = value, .length = strlen(value)};
}

/* Whether its name says all: who reads that makes the same id from it. */
static bool is_named(const struct ese_event *event)
{
    if (event->source[0] == '\0' || event->foreign_id[0] == '\0')
        return false;
    struct ese_id id = ese_event_id_of_name(event);
    return ese_id_equal(&id, &event->id);
}

void ese_record_write(const struct ese_event *event, struct ese_buffer *value,
                      struct ese_kafka_headers *headers)
{
    bool has_name = is_named(event);
    ese_event_json_write_record(value, event);
    headers->count = 0;
    ese_id_text(&event->id, headers->id);
    add(headers, HEADER_SPECVERSION, SPECVERSION);
    add(headers, HEADER_SOURCE, event->source[0] != '\0' ? event->source : ESE_EVENT_OUR_SOURCE);
    add(headers, HEADER_TYPE, event->type);
    add(headers, HEADER_CONTENT_TYPE, CONTENT_TYPE);
    headers->is_usual = event->source[0] == '\0' && event->foreign_id[0] == '\0' && event->traceparent[0] != '\0';
    add(headers, HEADER_ID, has_name ? event->foreign_id : headers->id);
    add(headers, HEADER_FOREIGN_ID, has_name ? "" : event->foreign_id);
    add(headers, HEADER_TRACEPARENT, event->traceparent);
}

/* ---- reading ------------------------------------------------------------------------------- */

/* By number, of each the first that has a value. */
struct found {
    const struct ese_kafka_header *headers[ESE_KAFKA_HEADERS];
};

static int find_headers(const struct ese_kafka_record *record, struct found *found, struct ese_error *error)
{
    bool had[ESE_KAFKA_HEADERS] = {false};
    for (int i = 0; i < record->header_count; i++) {
        const struct ese_kafka_header *header = &record->headers[i];
        int number = ese_record_header_number(header->name);
        if (number == -1)
            continue;
        if (had[number] && known[number].is_single)
            return ese_fail(error, ESE_E_INVALID, "a record with the header %s twice: send it once",
                            header->name);
        had[number] = true;
        if (found->headers[number] == NULL && header->value != NULL)
            found->headers[number] = header;
    }
    return 0;
}

/* Copies a header's text. False, and "" in target, when it is not there or no text that fits. */
static bool take(const struct found *found, enum number number, char *target, size_t size)
{
    const struct ese_kafka_header *header = found->headers[number];
    target[0] = '\0';
    if (header == NULL || header->length == 0 || header->length >= size ||
        memchr(header->value, '\0', header->length))
        return false;
    memcpy(target, header->value, header->length);
    target[header->length] = '\0';
    return true;
}

/* The same place gives the same id, whoever reads it and however often. */
static struct ese_id id_of_place(const struct ese_kafka_record *record)
{
    char place[ESE_KAFKA_TOPIC_SIZE + 40];
    snprintf(place, sizeof place, "%s/%d/%lld", record->topic_name, (int)record->partition,
             (long long)record->offset);
    return ese_id_derive(place, NULL, 0);
}

static bool take_source(const struct found *found, struct ese_event *event)
{
    bool has_source = take(found, SOURCE, event->source, sizeof event->source);
    if (has_source && strcmp(event->source, ESE_EVENT_OUR_SOURCE) != 0)
        return true;
    event->source[0] = '\0';
    return false;
}

/* An id of somebody is a name only with its source: without, nobody has promised that it stands for
 * one event. One of ours without a place in a lane was made from the foreign one beside it. */
static void read_id(const struct ese_kafka_record *record, const struct found *found, struct ese_event *event)
{
    char text[ESE_EVENT_FOREIGN_ID_SIZE];
    bool has_id = take(found, ID, text, sizeof text);
    bool has_source = take_source(found, event);
    bool has_name = take(found, FOREIGN_ID, event->foreign_id, sizeof event->foreign_id);
    bool is_foreign = has_id && has_source && !has_name;
    if (has_id && !is_foreign && ese_id_parse(text, &event->id, NULL) == 0 &&
        ese_id_is_ours(&event->id))
        return;
    if (has_id && !has_name)
        ese_fit_text(event->foreign_id, sizeof event->foreign_id, text);
    event->id = has_name || is_foreign ? ese_event_id_of_name(event) : id_of_place(record);
}

int ese_record_read(const struct ese_kafka_record *record, struct ese_event *event,
                    struct ese_error *error)
{
    struct found found = {.headers = {NULL}};
    if (record->value == NULL)
        return ese_fail(error, ESE_E_INVALID, "a record without a value");
    if (find_headers(record, &found, error) == -1)
        return -1;
    if (ese_event_json_read_record(record->value, record->length, event, error) == -1)
        return -1;
    read_id(record, &found, event);
    if (!take(&found, TYPE, event->type, sizeof event->type))
        ese_fit_text(event->type, sizeof event->type, ese_partition_type(record->topic));
    if (take(&found, TRACE, event->traceparent, sizeof event->traceparent) &&
        !ese_traceparent_valid(event->traceparent))
        event->traceparent[0] = '\0';
    event->server_ts = record->timestamp_ms >= 0 ? record->timestamp_ms : ese_clock_wall_ms();
    return 0;
}
