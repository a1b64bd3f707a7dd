/*
 * event_json.h - an event on the wire, in the shapes of the original ESE system.
 *
 *   posted    {"event":{"type","sub_type"},"timestamp":ms,"ip","data":{}}      + "id", "source"
 *   posted, many  {"events":[posted...]}
 *   stored    {"type","sub_type","ip","client_ts","server_ts","data":{}}       + "id"
 *   list      [{"ip","event_logs":[stored...]}...]                             (GET /events)
 *   page      {"events":[stored + "offset", "traceparent"...],"next":CURSOR}   (GET /events?after=)
 *             and "partition" where there are several
 *   record    {"sub_type","ip","client_timestamp":ms,"data":"<JSON text>"}     (Kafka's value; id
 *             and type travel in headers)
 *
 * What the original's own clients send is taken as it takes it: members we do not know are passed
 * over, `data` may be missing. Where the original is lenient with what none of its clients sends
 * (a missing type, sub_type, timestamp or ip, text behind the value, null) we refuse.
 * To the original every number in `data` is a double. Integers of up to 64 bits are kept as they
 * are; a larger one becomes the double nearest to it, and what is none (1e400) is refused.
 * Answers are indented by four spaces, their members in the original's order, keys of `data`
 * sorted, doubles in their fewest digits, and <, >, & escaped, as Go's encoding/json writes them.
 */
#ifndef ESE_EVENT_JSON_H
#define ESE_EVENT_JSON_H

#include <stddef.h>

#include "ese-core/buffer.h"
#include "ese-core/event.h"

/* A list of events read from a body. Owned; free with ese_event_list_clear. */
struct ese_event_list {
    struct ese_event *events;
    size_t count;
};

void ese_event_list_clear(struct ese_event_list *list);

/* Reads one posted event, or a list of at most max (more: ESE_E_FULL). ESE_E_INVALID names what is
 * wrong and where. Every reader of one event clears it first: it must have been initialised ({0}
 * will do), and is empty after a failure. */
int ese_event_json_read_posted(const char *body, size_t length, struct ese_event *event,
                               struct ese_error *error);
int ese_event_json_read_posted_list(const char *body, size_t length, size_t max,
                                    struct ese_event_list *list, struct ese_error *error);

/* Writers append; nothing is allocated but the buffer's memory. */
void ese_event_json_write_posted(struct ese_buffer *buffer, const struct ese_event *event);
void ese_event_json_write_stored(struct ese_buffer *buffer, const struct ese_event *event);
/* depth: levels below the top where it stands within something larger. */
void ese_event_json_write_stored_at(struct ese_buffer *buffer, const struct ese_event *event,
                                    int depth);
void ese_event_json_write_stored_list(struct ese_buffer *buffer, const struct ese_event *events,
                                      size_t count); /* a JSON array; count 0 writes null */

/* One element of a page, compact, with its offset; and the partition that it is an offset of, where
 * there are several, else NULL. */
void ese_event_json_write_paged(struct ese_buffer *buffer, const struct ese_event *event,
                                const char *partition, int64_t offset);

/* What stands among the events of a page, has an offset, and is no event. */
struct ese_page_stray {
    int64_t offset;
    char *text; /* as JSON, compact */
    char reason[160];
};

/* A page as the server wrote it. offsets[i] belongs to events[i]; strays stand anywhere between them,
 * ascending, too. All of it is freed with ese_event_page_clear. next is the cursor behind all. */
struct ese_event_page {
    struct ese_event_list list;
    int64_t *offsets;
    struct ese_page_stray *strays;
    size_t stray_count;
    char next[128];
};
void ese_event_page_clear(struct ese_event_page *page);
/* -1: it is no page, or something in it has no offset, so that nobody knows where it stands. */
int ese_event_json_read_page(const char *body, size_t length, struct ese_event_page *page,
                             struct ese_error *error);

/* The original's whole list, as its GET /events answers it; a group of it at a time is held as JSON.
 * event gets each event, and may keep what it owns (and zero it); the rest is cleared. stray gets
 * what stands among them and is none, as compact JSON, and why. After a failure they have had what
 * stood before. */
struct ese_grouped_takers {
    void (*event)(void *context, struct ese_event *event);
    void (*stray)(void *context, const char *text, const char *reason);
    void *context;
};
int ese_event_json_read_grouped(const char *body, size_t length,
                                const struct ese_grouped_takers *takers, struct ese_error *error);

/* The value of a Kafka record. Reading fills sub_type, ip, client_ts, data and key. */
void ese_event_json_write_record(struct ese_buffer *buffer, const struct ese_event *event);
int ese_event_json_read_record(const char *value, size_t length, struct ese_event *event,
                               struct ese_error *error);

/* One line of an NDJSON file: the stored shape, compact, with id, key order as above and
 * "traceparent" where there is one; no newline. Reading takes the stored and the posted shape. */
void ese_event_json_write_line(struct ese_buffer *buffer, const struct ese_event *event);
int ese_event_json_read_line(const char *line, size_t length, struct ese_event *event,
                             struct ese_error *error);

#endif
