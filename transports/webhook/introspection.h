/*
 * introspection.h - GET /introspect and GET /introspect/:stream: which events there are, and an example of each shape.
 *
 *     [{"name","total","event_types":[{"name","total"}...]}...]
 *     {"name","event_variants":{TYPE:[{"position","uuid","created","body"}...]}}
 *
 * The original counts each event as it comes. Here they are read from the streams afterwards, a few each second, and
 * all of them when somebody asks, so that posting waits for none of it; how far each stream was read is kept beside the
 * counts, in one transaction with them. What retention takes before it was read counts in the total alone.
 *
 * The tables are the original's (DIR/_itrospect.db, sic): stream_stats, where the total is the row with the type "",
 * and event_variants. A shape is the sorted top-level keys of a JSON object, with stream and type (shape.h); its
 * example is replaced by later ones. Of a stream whose counts are the original's, which forgets them with each start,
 * all is counted anew. A stream has at most 999 types and 1,000 shapes; the original has no bound.
 *
 * One thread: that which reads.
 */
#ifndef ESE_WEBHOOK_INTROSPECTION_H
#define ESE_WEBHOOK_INTROSPECTION_H

#include "ese-core/http_server.h"
#include "transports/webhook/stream_reader.h"

struct ese_webhook_introspection;

/* Both must outlive it. */
int ese_webhook_introspection_open(struct ese_webhook_streams *streams, struct ese_webhook_reader *reader,
                                   struct ese_webhook_introspection **introspection, struct ese_error *error);
void ese_webhook_introspection_close(struct ese_webhook_introspection **introspection);

/* Reads a few events that were not read yet. */
void ese_webhook_introspection_go_on(struct ese_webhook_introspection *introspection);

/* These answer the request, after reading on, for five seconds at most. */
void ese_webhook_introspection_answer_all(struct ese_webhook_introspection *introspection,
                                          struct ese_http_request *request);
void ese_webhook_introspection_answer_stream(struct ese_webhook_introspection *introspection,
                                             struct ese_http_request *request);

#endif
