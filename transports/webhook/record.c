#include "transports/webhook/record.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ese-core/event_json.h"
#include "ese-core/memory.h"
#include "transports/webhook/stream_name.h"

/* Milliseconds of a fraction of any length, or of none; moves behind it. */
static int read_fraction(const char **text)
{
    int ms = 0, weight = 100;
    if (**text != '.')
        return 0;
    for ((*text)++; isdigit((unsigned char)**text); (*text)++, weight /= 10)
        ms += (**text - '0') * weight;
    return ms;
}

/* Seconds east of Greenwich. */
static bool read_zone(const char *text, int *east_s)
{
    int hours, minutes;
    char sign;
    if (sscanf(text, " %c%2d%2d", &sign, &hours, &minutes) != 3 || (sign != '+' && sign != '-'))
        return false;
    *east_s = (sign == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
    return true;
}

int64_t ese_webhook_created_ms(const char *created)
{
    struct tm day = {0};
    int east_s;
    const char *rest = strptime(created, "%Y-%m-%d %H:%M:%S", &day);
    if (rest == NULL)
        return -1;
    int ms = read_fraction(&rest);
    if (!read_zone(rest, &east_s))
        return -1;
    return ((int64_t)timegm(&day) - east_s) * 1000 + ms;
}

static struct ese_id id_of_place(const struct ese_webhook_event *from, int32_t partition)
{
    char place[ESE_WEBHOOK_UUID_SIZE + ESE_WEBHOOK_STREAM_SIZE + 8];
    snprintf(place, sizeof place, "%s/%s", ese_webhook_stream_of(partition), from->uuid);
    return ese_id_derive(place, NULL, 0);
}

static void settle_id(const struct ese_webhook_event *from, int32_t partition, struct ese_event *event)
{
    ese_event_settle_id(event);
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
    settle_id(from, partition, event);
    int64_t created_ms = ese_webhook_created_ms(from->created);
    event->server_ts = created_ms >= 0 ? created_ms : event->client_ts;
    return 0;
}
