/*
 * push_headers.h - the headers that a subscription brings along: a JSON object of texts, name and value, which go with
 * every push and may take the place of ours.
 *
 * A name is a token (RFC 9110 5.6.2); names are the same in any case, and of two of one name the later counts. A value
 * has no control character but the tab, so that none begins a line or a request of its own (RFC 9112 11.1). What frames
 * a message or belongs to the connection (Content-Length, Transfer-Encoding, Host, Connection, ...) is ours alone: it
 * is taken and left out, as the original's HTTP library does with the most of it.
 */
#ifndef ESE_WEBHOOK_PUSH_HEADERS_H
#define ESE_WEBHOOK_PUSH_HEADERS_H

#include <stdbool.h>

#include "ese-core/error.h"

#define ESE_WEBHOOK_HEADERS_MOST 64       /* headers */
#define ESE_WEBHOOK_HEADERS_BYTES 16384   /* of the JSON */

struct ese_webhook_headers {
    char *lines; /* "Name: value\n" each, as http_client.h takes them; "" for none */
};

/* json: "" or "null" for none. ESE_E_INVALID says which header cannot be; headers is then empty. */
int ese_webhook_headers_parse(const char *json, struct ese_webhook_headers *headers, struct ese_error *error);
void ese_webhook_headers_clear(struct ese_webhook_headers *headers);

/* Whether there is one of that name, in any case. */
bool ese_webhook_headers_have(const struct ese_webhook_headers *headers, const char *name);

#endif
