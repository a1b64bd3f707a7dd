#include "transports/kafka/message.h"

#include "ese-core/log.h"
#include "transports/kafka/record.h"

/* Takes over the headers this transport knows; of each the first two. */
static void read_headers(const rd_kafka_message_t *message, struct ese_kafka_record *record)
{
    rd_kafka_headers_t *headers = NULL;
    if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    int had[ESE_KAFKA_HEADERS] = {0};
    struct ese_kafka_header header;
    const void *value;
    for (size_t i = 0; rd_kafka_header_get_all(headers, i, &header.name, &value, &header.length) ==
                       RD_KAFKA_RESP_ERR_NO_ERROR; i++) {
        int number = ese_record_header_number(header.name);
        if (number == -1 || had[number]++ >= 2)
            continue;
        header.value = value;
        record->headers[record->header_count++] = header;
    }
}

bool ese_message_read(const rd_kafka_message_t *message, int topic, struct ese_event *event,
                      struct ese_error *reason)
{
    struct ese_kafka_record raw = {.topic = topic,
                                   .topic_name = rd_kafka_topic_name(message->rkt),
                                   .partition = message->partition,
                                   .offset = message->offset,
                                   .timestamp_ms = rd_kafka_message_timestamp(message, NULL),
                                   .value = message->payload,
                                   .length = message->len};
    read_headers(message, &raw);
    if (ese_record_read(&raw, event, reason) == 0)
        return true;
    ese_log_debug("%s-%d at %lld: %s", raw.topic_name, (int)raw.partition, (long long)raw.offset,
                  reason->text);
    ese_event_clear(event);
    return false;
}
