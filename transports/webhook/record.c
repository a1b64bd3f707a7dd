#include "transports/webhook/record.h"

#include <inttypes.h>
#include <stdio.h>

#include "ese-core/event_json.h"
#include "transports/webhook/created.h"
#include "transports/webhook/stream_name.h"

/* Where nobody gave it a uuid, by its position, and when it was created: a position may come again with another stream
 * of that name. */
static struct ese_id id_of_place(const struct ese_webhook_event *from, int32_t partition)
{
    char place[ESE_WEBHOOK_STREAM_SIZE + ESE_WEBHOOK_CREATED_SIZE + 32];
    const char *stream = ese_webhook_stream_of(partition);
    if (from->uuid[0] != '\0')
        snprintf(place, sizeof place, "%s/%s", stream, from->uuid);
    else
        snprintf(place, sizeof place, "%s@%" PRId64 " %s", stream, from->position, from->created);
    return ese_id_derive(place, NULL, 0);
}

/* Where it came with none of ours. */
static void give_id(const struct ese_webhook_event *from, int32_t partition, struct ese_event *event)
{
    if (ese_id_is_none(&event->id))
        event->id = event->foreign_id[0] != '\0' && event->source[0] != '\0' ? ese_event_id_of_name(event)
                                                                             : id_of_place(from, partition);
}

int ese_webhook_record_read(const struct ese_webhook_event *from, int32_t partition, struct ese_record *record,
                            struct ese_error *error)
{
    struct ese_event *event = &record->event;
    record->partition = partition;
    record->offset = from->position;
    record->next = from->position + 1;
    if (ese_event_json_read_line(from->body, from->length, event, error) != 0)
        return -1;
    give_id(from, partition, event);
    if (ese_webhook_created_read(from->created, &event->server_ts) != 0 || event->server_ts < 0)
        event->server_ts = event->client_ts;
    return 0;
}
