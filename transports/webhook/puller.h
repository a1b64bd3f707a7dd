/*
 * puller.h - reads one stream by GET /streams/NAME/OFFSET/LIMIT, page after page: for whoever reads without a group,
 * has no receiving end and wants nobody to remember him.
 *
 * One page is under way, or there, at a time. Whatever only says "later" (no answer, 408, 429, 5xx) is asked again
 * after a back-off. A slice may not have come as it was too large, or too slow, to be had whole: the next is half as
 * long, down to one event, and longer again with each that comes. An event that takes more than 5 s by itself never
 * comes. One thread: that which polls the client.
 */
#ifndef ESE_WEBHOOK_PULLER_H
#define ESE_WEBHOOK_PULLER_H

#include <stdbool.h>
#include <stdint.h>

#include "ese-core/error.h"
#include "ese-core/http_client.h"
#include "transports/webhook/stream_reader.h"

struct ese_webhook_puller;

struct ese_webhook_puller *ese_webhook_puller_new(struct ese_http_client *client, const char *server,
                                                  const char *stream, int limit);
void ese_webhook_puller_hush(struct ese_webhook_puller *puller);  /* before its client is closed: no talk about it */
void ese_webhook_puller_free(struct ese_webhook_puller **puller); /* after that */

/* Asks for what is behind that position (-1: for where the stream ends, and no event), where nothing is under way or
 * there, and it is time: behind the stream's end it is asked again once fresh_ns (CLOCK_MONOTONIC) is later than the
 * last time, or a while has passed. Returns when it is due again; -1: for good. */
int64_t ese_webhook_puller_turn(struct ese_webhook_puller *puller, int64_t position, int64_t fresh_ns,
                                struct ese_error *error);

/* The page that came, into page, whose memory is the caller's; false: none did. */
bool ese_webhook_puller_take(struct ese_webhook_puller *puller, struct ese_webhook_page *page);

/* The position of the stream's newest event, as of *asked_ns; -1: not known yet. */
int64_t ese_webhook_puller_newest(const struct ese_webhook_puller *puller, int64_t *asked_ns);

/* Why nothing is heard of the server; NULL: all is well, as far as one knows. */
const char *ese_webhook_puller_away(const struct ese_webhook_puller *puller);

#endif
