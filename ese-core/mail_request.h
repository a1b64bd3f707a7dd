/*
 * mail_request.h - a request for a mail as an event: what travels on the topic `mail-requests`.
 *
 *   type, sub_type   MAIL_REQUEST_EVENT
 *   ip, key          the key of whatever the mail is about
 *   client_ts        when it was put there
 *   data             the body of POST /mail: {"from","to","subject","content","id","transport"}
 *   traceparent      the mail's
 *
 * Whoever reads it knows a mail by the id in data, and where that is missing by the event's own. Asked
 * for again it is another event: a store that knows ids would take one under an old id and with a new
 * time for a contradiction.
 *
 * A transport that has topics is told by its option "topic" which one is meant; the word is this
 * topic's name. Over one that has none, the place its own options name holds nothing but requests.
 */
#ifndef ESE_MAIL_REQUEST_H
#define ESE_MAIL_REQUEST_H

#include "ese-core/event.h"

#define ESE_TYPE_MAIL_REQUEST "MAIL_REQUEST_EVENT"
#define ESE_TOPIC_OPTION "topic"
#define ESE_TOPIC_MAIL_REQUESTS "mail-requests"

struct ese_mail_request {
    struct ese_id event;     /* the event's, used for no other */
    const char *key;
    const char *traceparent; /* "" when there is none */
    const char *body;        /* as above */
};

/* Fills an event that is cleared or zeroed. */
void ese_mail_request_make(struct ese_event *event, const struct ese_mail_request *request);

#endif
