#include "transports/kafka/message.h"

#include "ese-core/log.h"
#include "transports/kafka/record.h"

/* Takes over the headers this transport knows; of each the first two. */
static void read_headers(const rd_kafka_message_t *message, struct ese_kafka_record *record)
{
    rd_kafka_headers_t *headers = NULL;
    if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    for (int i = 0; ese_record_header_name(i) != NULL; i++) {
        const char *name = ese_record_header_name(i);
        const void *value = NULL;
        size_t length = 0;
        for (size_t k = 0; k < 2; k++) {
            if (rd_kafka_header_get(headers, k, name, &value, &length) != RD_KAFKA_RESP_ERR_NO_ERROR)
                break;
            record->headers[record->header_count++] =
                (struct ese_kafka_header){.name = name, .value = value, .length = length};
        }
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
