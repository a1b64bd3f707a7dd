/*
 * cloud_event.h - a CloudEvent as it comes over HTTP, in binary content mode.
 *
 *   ce-specversion  1.0
 *   ce-id           } the event's name: who repeats both means the same event
 *   ce-source       }
 *   ce-type         the event's type
 *   ce-time         taken when it is one (RFC 3339); when the event was due its data says
 *   body            its data, in JSON: the posted shape, or the value of a Kafka record, as
 *                   event_json.h has them
 *
 * What else there may be (ce-subject, ce-dataschema, extensions) is passed over, except that
 * traceparent is a header of its own here. Values are percent-encoded, as the binding says; a
 * quoted one, as before it did, is taken too. A header that is there twice is refused: which of the
 * two is meant nobody can say.
 * CloudEvents 1.0.2, and its HTTP protocol binding:
 * https://github.com/cloudevents/spec/tree/v1.0.2/cloudevents
 */
#ifndef ESE_CLOUD_EVENT_H
#define ESE_CLOUD_EVENT_H

#include "ese-core/error.h"
#include "ese-core/event.h"

struct ese_cloud_event {
    char id[ESE_EVENT_FOREIGN_ID_SIZE];
    char source[ESE_EVENT_SOURCE_SIZE];
    char type[ESE_EVENT_TYPE_SIZE];
};

/* How many headers of that name (in any case) a request has, and the first one's value; NULL: there
 * is none. */
typedef int ese_cloud_event_header(const void *context, const char *name, const char **value);

/* 1: it is one; 0: it is none, as it has none of the headers; -1: ESE_E_INVALID names the header
 * that is wrong, and what to send. */
int ese_cloud_event_read(ese_cloud_event_header *header, const void *context,
                         struct ese_cloud_event *cloud_event, struct ese_error *error);

/* Reads its data into the event, and gives it its name. The event must have been initialised. */
int ese_cloud_event_take(const struct ese_cloud_event *cloud_event, const char *body,
                         size_t length, struct ese_event *event, struct ese_error *error);

#endif
