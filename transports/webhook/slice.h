/*
 * slice.h - GET /streams/:stream/:offset/:limit: the events behind a position, as the original writes them.
 *
 *     [{"uuid","position","stream","type","body","body_json","created"}...]
 *
 * body is base64 (RFC 4648 4), body_json the text of one that begins with { or [, else "". What is no number is 0; a
 * negative limit is all there are when it is asked. A short answer is made at once; of a long one a piece at a time
 * while it is sent, through a connection of its own, so that it needs no memory for the whole. The header
 * X-Event-Newest says at which position the stream ended then.
 */
#ifndef ESE_WEBHOOK_SLICE_H
#define ESE_WEBHOOK_SLICE_H

#include "ese-core/http_server.h"
#include "transports/webhook/stream_reader.h"

/* As Go's strconv.Atoi reads it, and 0 for what that refuses. */
int64_t ese_webhook_slice_number(const char *text);

/* Answers the request. On the thread that reads; `reader` is that thread's. */
void ese_webhook_slice_answer(struct ese_webhook_streams *streams, struct ese_webhook_reader *reader,
                              struct ese_http_request *request);

#endif
