/*
 * sender.h - threads that take mails out of the outbox and bring them to the SMTP server.
 *
 * Each has at most one session open: claim a mail, send it, record how that ended, claim the next.
 * What failed for now is queued again after a back-off of its own; a thread that could get no
 * session at all also waits itself, so that a dead server is not asked once for every mail.
 */
#ifndef ESE_SENDER_H
#define ESE_SENDER_H

#include <stdbool.h>
#include <stdint.h>

#include "ese-core/contact.h"
#include "ese-core/history.h"
#include "ese-core/metrics.h"
#include "ese-mailer/allow_list.h"
#include "ese-mailer/outbox.h"
#include "ese-mailer/smtp.h"

struct ese_senders;

struct ese_sender_options {
    struct ese_outbox *outbox;
    struct ese_history *history;
    struct ese_metrics *metrics;
    const struct ese_allow_list *allowed; /* to nobody else, whenever the mail was taken */
    struct ese_contact *contact; /* is told whether the SMTP server can be reached */
    struct ese_smtp_server smtp; /* what it points to must live as long as the threads */
    int sessions;            /* at most ESE_OUTBOX_CLAIMS_MOST */
    int64_t retry_first_ms;
    int64_t retry_most_ms;
    bool resend_unknown;     /* a mail without a reply to its final dot is queued again, not held */
};

/* After a failure, too, *senders is there, and has to be stopped. */
int ese_senders_start(const struct ese_sender_options *options, struct ese_senders **senders,
                      struct ese_error *error);

/* Takes no more mails, and waits at most timeout_ms for open sessions to end. True: all did, and
 * *senders is freed. False: some wait for a server that does not answer; they are left to the
 * end of the process, and so must what they use be (the outbox's memory): what they mark from
 * now on is refused. */
bool ese_senders_stop(struct ese_senders **senders, int timeout_ms);

#endif
