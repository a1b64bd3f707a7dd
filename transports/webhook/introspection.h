/*
 * introspection.h - GET /introspect and GET /introspect/:stream: which events there are, and an example of each shape.
 *
 *     [{"name","total","event_types":[{"name","total"}...]}...]
 *     {"name","event_variants":{TYPE:[{"position","uuid","created","body"}...]}}
 *
 * The original counts each event as it comes. Here they are read from the streams afterwards, a few each second, and
 * all of them when somebody asks, so that posting waits for none of it: a page of one stream, then of the next, so that
 * a long one keeps no other from being read. How far each stream was read is kept beside the counts, in one transaction
 * with them. What retention takes before it was read counts in the total alone.
 *
 * A shape is the sorted top-level keys of a JSON object, with stream and type (shape.h); its example is replaced by
 * later ones. Of a stream whose counts are the original's, which forgets them with each start, all is counted anew.
 * They are in the original's tables (kinds.h).
 *
 * One thread: that which reads.
 */
#ifndef ESE_WEBHOOK_INTROSPECTION_H
#define ESE_WEBHOOK_INTROSPECTION_H

#include "ese-core/http_server.h"
#include "transports/webhook/stream_reader.h"

struct ese_webhook_introspection;

/* Both must outlive it; the reader is its thread's. */
int ese_webhook_introspection_open(struct ese_webhook_streams *streams, struct ese_webhook_reader *reader,
                                   struct ese_webhook_introspection **introspection, struct ese_error *error);
void ese_webhook_introspection_close(struct ese_webhook_introspection **introspection);

/* Reads a few events that were not read yet, for a fifth of a second at most. */
void ese_webhook_introspection_go_on(struct ese_webhook_introspection *introspection);

/* These answer the request, after reading on, all streams or that one, for two seconds at most. The header
 * X-Introspect-Complete says `no` where there is more, or what could not be read. 503: what was read could not be
 * kept. */
void ese_webhook_introspection_answer_all(struct ese_webhook_introspection *introspection,
                                          struct ese_http_request *request);
void ese_webhook_introspection_answer_stream(struct ese_webhook_introspection *introspection,
                                             struct ese_http_request *request);

#endif
