/*
 * page_json.h - reads a page of events, as GET /streams/NAME/OFFSET/LIMIT answers it and a push of several carries it.
 */
#ifndef ESE_WEBHOOK_PAGE_JSON_H
#define ESE_WEBHOOK_PAGE_JSON_H

#include "transports/webhook/stream_reader.h"

#define ESE_WEBHOOK_PAGE_MOST 1000 /* events; nobody of the lab asks for more */

/* All have to be of that stream, so that what was signed for one is not taken for another; and the positions must rise,
 * from 1 at least. ESE_E_INVALID says what is wrong, and of which element. newest is not filled. */
int ese_webhook_page_read_json(const char *body, size_t length, const char *stream, struct ese_webhook_page *page,
                               struct ese_error *error);

#endif
