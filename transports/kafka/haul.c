#include "transports/kafka/haul.h"

#include <stdlib.h>

#include "ese-core/memory.h"
#include "transports/kafka/message.h"
#include "transports/kafka/partition.h"

bool ese_haul_is_full(const struct ese_haul *haul)
{
    return haul->count >= haul->most || !ese_unreadable_fits(&haul->passed_over);
}

int ese_haul_found(const struct ese_haul *haul)
{
    return haul->count + haul->passed_over.unreadable;
}

static void pass_over(struct ese_haul *haul, const rd_kafka_message_t *message,
                      const struct ese_record *place, const char *reason)
{
    int number = haul->passed_over.unreadable;
    const char *bytes = message->payload != NULL ? message->payload : "";
    struct ese_unreadable *added = ese_unreadable_add(&haul->passed_over, haul->spoilt, place, bytes,
                                                      (int64_t)message->len, reason);
    added->type = ese_partition_type(ese_partition_code_topic(place->partition));
    added->bytes = haul->bytes[number] = ese_copy_bytes(bytes, added->length);
}

void ese_haul_take(struct ese_haul *haul, const rd_kafka_message_t *message, struct ese_held *held)
{
    if (haul->records == NULL)
        haul->records = ese_alloc_array((size_t)haul->most, sizeof *haul->records);
    struct ese_record *record = &haul->records[haul->count];
    struct ese_error why;
    held->next = message->offset + 1;
    held->at_end = false;
    record->partition = held->code;
    record->offset = message->offset;
    record->next = held->next;
    if (ese_message_read(message, ese_partition_code_topic(held->code), &record->event, &why))
        haul->count++;
    else
        pass_over(haul, message, record, why.text);
}

void ese_haul_clear(struct ese_haul *haul)
{
    for (int i = 0; i < haul->count; i++)
        ese_event_clear(&haul->records[i].event);
    for (int i = 0; i < haul->passed_over.unreadable; i++)
        free(haul->bytes[i]);
    haul->count = haul->passed_over.unreadable = 0;
}

void ese_haul_free(struct ese_haul *haul)
{
    ese_haul_clear(haul);
    free(haul->records);
    haul->records = NULL;
}
