/*
 * intake.h - how mails are asked for over HTTP.
 *
 *   POST /mail          {"from","to","subject","content"} + "id", + "transport"; headers traceparent
 *                       and X-ESE-Transport (which goes before the member) are kept with it
 *     202 {"id"}        it is in the outbox, committed; a known id with the same content is
 *                       answered the same and not queued again
 *     400               malformed; the message says what
 *     403               the address is not on the allow list
 *     422               the id is known with another content
 *     503 Retry-After   the outbox is full (by --queue or --max-bytes; the message says which and
 *                       how it stands), or cannot be written: nothing was taken, ask again
 *   GET /dead-letters   mails that were refused for good, with the server's reply; at most 100
 *                       with a seq above ?after=SEQ
 *   GET /unknown        mails of which nobody can say whether they arrived; as above
 *   GET /health         200 while the outbox can be written, or 503 with what is wrong (health.h);
 *                       an SMTP server that is away is worth a note and no sickness: mails wait;
 *                       so is whoever keeps the topic of requests
 *   GET /metrics
 *
 * A mail asked for without an id is given a new one: asked for twice, it is two mails.
 */
#ifndef ESE_INTAKE_H
#define ESE_INTAKE_H

#include "ese-core/contact.h"
#include "ese-core/http_server.h"
#include "ese-mailer/allow_list.h"
#include "ese-mailer/outbox.h"

#define ESE_INTAKE_BODY_MOST (512 * 1024) /* the longest content, all of it escaped, and the rest */

struct ese_intake;

/* Whose absence is worth a note; NULL: nobody's. */
struct ese_intake_contacts {
    struct ese_contact *smtp;
    struct ese_contact *requests; /* of the topic of requests (requests.h) */
};

/* Adds the routes; the server is not started yet. What is handed in must live as long as the
 * server. */
struct ese_intake *ese_intake_new(struct ese_http_server *server, struct ese_outbox *outbox,
                                  const struct ese_allow_list *allowed,
                                  const struct ese_intake_contacts *contacts,
                                  struct ese_metrics *metrics);
void ese_intake_free(struct ese_intake **intake); /* after the server closed */

#endif
