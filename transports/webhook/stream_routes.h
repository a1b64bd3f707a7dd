/*
 * stream_routes.h - POST /streams/:stream, and how this transport answers.
 *
 *   stored     200 "Created", with X-Event-Position and X-Event-Uuid; a repeat of an Idempotency-Key the same
 *   full       503 with Retry-After: certainly not stored, and so is what is
 *   at bound   503 with Retry-After, and why
 *   conflict   422: the same Idempotency-Key with another type or body
 *   unknown    504: perhaps stored
 *   unsynced   503 without Retry-After: perhaps stored, and the server ends
 *   no room    507
 *   failed     500 "Error occured: ...", as the original
 *
 * All as text, with a new line behind it, but for the original's one of the event's type.
 */
#ifndef ESE_WEBHOOK_STREAM_ROUTES_H
#define ESE_WEBHOOK_STREAM_ROUTES_H

#include "ese-core/http_server.h"
#include "transports/webhook/streams.h"

/* As the original's own server writes them. */
#define ESE_WEBHOOK_TEXT "text/plain; charset=UTF-8"
#define ESE_WEBHOOK_JSON "application/json; charset=UTF-8"

/* before, text, and a new line. */
void ese_webhook_reply_text(struct ese_http_request *request, int status, const char *before, const char *text);

struct ese_webhook_routes;

/* Those of streams.h, with a thread that answers what is read. */
int ese_webhook_routes_open(struct ese_webhook_streams *streams, struct ese_webhook_routes **routes,
                            struct ese_error *error);
void ese_webhook_routes_add(struct ese_webhook_routes *routes, struct ese_http_server *server);
void ese_webhook_routes_close(struct ese_webhook_routes **routes);

#endif
