#include "ese-core/event_json.h"
#include "ese-core/json_text.h"

/* Where in the answer a member goes: compact (depth < 0) or on a line of its own. */
static void write_name(struct ese_buffer *buffer, const char *name, int depth, bool first)
{
    if (!first)
        ese_buffer_text(buffer, ",");
    if (depth >= 0)
        ese_json_write_line(buffer, depth);
    ese_buffer_text(buffer, "\"");
    ese_buffer_text(buffer, name);
    ese_buffer_append(buffer, "\": ", depth >= 0 ? 3 : 2);
}

static void write_text(struct ese_buffer *buffer, const char *name, const char *text, int depth)
{
    write_name(buffer, name, depth, false);
    ese_json_write_string(buffer, text);
}

static void write_number(struct ese_buffer *buffer, const char *name, int64_t number, int depth)
{
    write_name(buffer, name, depth, false);
    ese_buffer_number(buffer, number);
}

static void write_data(struct ese_buffer *buffer, const struct ese_event *event, int depth)
{
    write_name(buffer, "data", depth, false);
    if (depth >= 0)
        ese_json_write_indented(buffer, ese_event_data(event), depth);
    else
        ese_json_write_compact(buffer, ese_event_data(event));
}

static void write_id(struct ese_buffer *buffer, const struct ese_event *event, int depth)
{
    char text[ESE_ID_TEXT_SIZE];
    if (ese_id_is_none(&event->id))
        return;
    ese_id_text(&event->id, text);
    write_text(buffer, "id", text, depth);
}

/* The members of the stored shape, without the braces. */
static void write_stored_members(struct ese_buffer *buffer, const struct ese_event *event,
                                 int depth)
{
    write_name(buffer, "type", depth, true);
    ese_json_write_string(buffer, event->type);
    write_text(buffer, "sub_type", event->sub_type, depth);
    write_text(buffer, "ip", event->ip, depth);
    write_number(buffer, "client_ts", event->client_ts, depth);
    write_number(buffer, "server_ts", event->server_ts, depth);
    write_data(buffer, event, depth);
    write_id(buffer, event, depth);
}

static void write_traceparent(struct ese_buffer *buffer, const struct ese_event *event)
{
    if (event->traceparent[0] != '\0')
        write_text(buffer, "traceparent", event->traceparent, -1);
}

void ese_event_json_write_posted(struct ese_buffer *buffer, const struct ese_event *event)
{
    ese_buffer_text(buffer, "{\"event\":{\"type\":");
    ese_json_write_string(buffer, event->type);
    write_text(buffer, "sub_type", event->sub_type, -1);
    ese_buffer_text(buffer, "}");
    write_number(buffer, "timestamp", event->client_ts, -1);
    write_text(buffer, "ip", event->ip, -1);
    write_data(buffer, event, -1);
    write_id(buffer, event, -1);
    ese_buffer_text(buffer, "}");
}

void ese_event_json_write_stored_at(struct ese_buffer *buffer, const struct ese_event *event,
                                    int depth)
{
    ese_buffer_text(buffer, "{");
    write_stored_members(buffer, event, depth + 1);
    ese_json_write_line(buffer, depth);
    ese_buffer_text(buffer, "}");
}

void ese_event_json_write_stored(struct ese_buffer *buffer, const struct ese_event *event)
{
    ese_event_json_write_stored_at(buffer, event, 0);
}

void ese_event_json_write_stored_list(struct ese_buffer *buffer, const struct ese_event *events,
                                      size_t count)
{
    if (count == 0) {
        ese_buffer_text(buffer, "null");
        return;
    }
    for (size_t i = 0; i < count; i++) {
        ese_buffer_text(buffer, i == 0 ? "[" : ",");
        ese_json_write_line(buffer, 1);
        ese_event_json_write_stored_at(buffer, &events[i], 1);
    }
    ese_json_write_line(buffer, 0);
    ese_buffer_text(buffer, "]");
}

void ese_event_json_write_paged(struct ese_buffer *buffer, const struct ese_event *event,
                                const char *partition, int64_t offset)
{
    ese_buffer_text(buffer, "{");
    write_stored_members(buffer, event, -1);
    if (partition != NULL)
        write_text(buffer, "partition", partition, -1);
    write_number(buffer, "offset", offset, -1);
    write_traceparent(buffer, event);
    ese_buffer_text(buffer, "}");
}

void ese_event_json_write_line(struct ese_buffer *buffer, const struct ese_event *event)
{
    ese_buffer_text(buffer, "{");
    write_stored_members(buffer, event, -1);
    write_traceparent(buffer, event);
    ese_buffer_text(buffer, "}");
}

void ese_event_json_write_record(struct ese_buffer *buffer, const struct ese_event *event)
{
    ese_buffer_text(buffer, "{\"sub_type\":");
    ese_json_write_string(buffer, event->sub_type);
    write_text(buffer, "ip", event->ip, -1);
    write_number(buffer, "client_timestamp", event->client_ts, -1);
    write_text(buffer, "data", ese_event_data(event), -1);
    ese_buffer_text(buffer, "}");
}
