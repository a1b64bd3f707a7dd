/*
 * event.h - the noun everything here carries.
 *
 * `key` decides lane, partition and order: the ip for clicks, the orderId for orders. `client_ts`
 * is when the event was due, never when it was sent. `data` is a JSON object as text.
 * Text members are bounded; who fills them from outside refuses what does not fit.
 */
#ifndef ESE_EVENT_H
#define ESE_EVENT_H

#include <stddef.h>
#include <stdint.h>

#include "ese-core/id.h"

#define ESE_EVENT_TYPE_SIZE 48
#define ESE_EVENT_IP_SIZE 64
#define ESE_EVENT_KEY_SIZE 64
#define ESE_EVENT_SOURCE_SIZE 64
#define ESE_EVENT_OUR_SOURCE "urn:ese-lab" /* where one must be told, that of ids of ours: nobody else's */
#define ESE_EVENT_FOREIGN_ID_SIZE 192
#define ESE_EVENT_DATA_LIMIT (64 * 1024) /* bytes of data an event may carry */
#define ESE_EVENT_DATA_DEPTH 32          /* levels of objects and arrays in it */
#define ESE_TRACEPARENT_SIZE 56          /* 55 characters and the NUL: W3C Trace Context 00 */

/* The original's names. */
#define ESE_TYPE_CLICK "CLICK_STREAM_EVENT"
#define ESE_TYPE_ORDER "ORDER_STATE_UPDATE_EVENT"
#define ESE_SUB_TYPE_KEY_PRESS "KEY_PRESS_EVENT"
#define ESE_SUB_TYPE_BUTTON "BUTTON_CLICK_EVENT"
#define ESE_SUB_TYPE_INPUT "INPUT_PASSED_EVENT"
#define ESE_SUB_TYPE_CREATED "ORDER_CREATED"
#define ESE_SUB_TYPE_ALLOCATED "ORDER_ALLOCATED"
#define ESE_SUB_TYPE_STARTED "ORDER_STARTED"
#define ESE_SUB_TYPE_COMPLETED "ORDER_COMPLETED"

struct ese_event {
    struct ese_id id; /* none: not yet given one */
    char type[ESE_EVENT_TYPE_SIZE];
    char sub_type[ESE_EVENT_TYPE_SIZE];
    char ip[ESE_EVENT_IP_SIZE];
    char key[ESE_EVENT_KEY_SIZE];
    int64_t client_ts; /* Unix ms */
    int64_t server_ts; /* Unix ms; 0 until a server has it */
    char *data;        /* owned; a JSON object as text; NULL means {} */
    char traceparent[ESE_TRACEPARENT_SIZE]; /* "" when there is none */
    /* An id that is not one of ours is kept beside ours and recognised exactly, by (source, id). */
    char source[ESE_EVENT_SOURCE_SIZE];
    char foreign_id[ESE_EVENT_FOREIGN_ID_SIZE];
};

void ese_event_clear(struct ese_event *event);  /* frees what it owns and zeroes it */
void ese_event_copy(struct ese_event *to, const struct ese_event *from); /* `to` is cleared first */
const char *ese_event_data(const struct ese_event *event); /* never NULL */

/* Sets key from data.orderId where there is one, else from ip. */
void ese_event_set_key(struct ese_event *event);

/* Of an event that was read, its id as it came in foreign_id: where that is one of ours, and there is no
 * source, it becomes the event's; any other stays, foreign. */
void ese_event_settle_id(struct ese_event *event);

/* The id of an event that has a foreign one: made from (source, foreign_id), so that it is the same
 * whoever takes the event in, and however often. It has no place in a lane (id.h). */
struct ese_id ese_event_id_of_name(const struct ese_event *event);

/* Sets traceparent from the id: trace id = the event's id, so that a mail's trace names its event.
 * https://www.w3.org/TR/trace-context/ */
void ese_event_set_traceparent(struct ese_event *event);

/* True when text is a well-formed version 00 traceparent with non-zero ids. */
bool ese_traceparent_valid(const char *text);

/* A number for a key that is the same everywhere and for ever (FNV-1a, 32 bits): lanes go by it. */
uint32_t ese_event_key_hash(const char *key);

/* 64 bits over what makes two events the same content: type, sub_type, ip, client_ts, data. */
uint64_t ese_event_content_hash(const struct ese_event *event);

#endif
