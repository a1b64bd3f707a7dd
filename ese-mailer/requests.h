/*
 * requests.h - requests for mails, read from the topic `mail-requests` (mail_request.h in ese-core) by
 * the consume face of any transport.
 *
 * What is read is in the outbox, committed, with its position, before anything further is; then it is
 * acknowledged, which matters to tools that show lag and to nobody else. So a request is taken once,
 * wherever this process dies, and one that is asked for again, there or by POST, is known by its id.
 * Nobody hears an answer here: what is malformed, or not allowed, or another mail under a known id, is
 * passed over, counted by its answer (ese_mails_asked_total) and logged with its place. While the
 * outbox is full, or cannot be written, the request is held and nothing further is read.
 *
 * There is one reader, as there is one outbox. Where the transport knows groups and members, a second
 * mailer of the group takes over, and this one ends with a message.
 *
 * One thread.
 */
#ifndef ESE_REQUESTS_H
#define ESE_REQUESTS_H

#include "ese-core/contact.h"
#include "ese-mailer/allow_list.h"
#include "ese-mailer/outbox.h"
#include "transports/transport.h"

struct ese_requests;

struct ese_requests_options { /* what is pointed to must live as long */
    const struct ese_config *config; /* has the consume face's options */
    const struct ese_transport *transport;
    const char *group;
    struct ese_outbox *outbox;
    const struct ese_allow_list *allowed;
    struct ese_history *history;
    struct ese_metrics *metrics;
    struct ese_contact *contact; /* is told whether the transport can be reached */
};

int ese_requests_open(const struct ese_requests_options *options, struct ese_requests **requests,
                      struct ese_error *error);
void ese_requests_close(struct ese_requests **requests);

/* Reads what there is, waiting at most timeout_ms for the first, and sees it into the outbox, or until
 * a stop is asked for (service.h). -1 for what will not heal by waiting. */
int ese_requests_turn(struct ese_requests *requests, int timeout_ms, struct ese_error *error);

#endif
