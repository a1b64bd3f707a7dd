/*
 * smtp.h - one message to an SMTP server (RFC 5321), by libesmtp: one session, one message, one
 * recipient.
 *
 * What may be believed is what the server was seen to say, step by step; libesmtp's final status
 * alone is not enough (it tells the reply to the last command, also where no message went with it):
 *
 *   SENT      MAIL, RCPT and the final dot each had 2xx, and the message was handed over
 *   REFUSED   5xx to one of them: sending it again will not help
 *   LATER     4xx to one of them, or no session, or it broke off before the final dot: certainly
 *             not sent
 *   UNKNOWN   the final dot was handed over and no reply came: it arrived once or not at all
 *
 * With a security (smtp_security.h) all of this happens inside of TLS and, where asked for, logged
 * in; what goes wrong before is LATER, also where a server refuses the mail because it does not know
 * who brings it. An answer that was there before its question counts for none: the session is broken
 * off before the final dot.
 *
 * The caller is asked before the final dot goes out, and told as soon as the outcome is certain,
 * before QUIT, which changes nothing any more.
 *
 * Limits: timeout_ms bounds the connect and every single wait for the server after it, and
 * ESE_SMTP_STEPS times as much all of the session (smtp_limit.h): what breaks off then is told as if
 * no reply had come in time. Messages must end their lines in CR LF, and
 * addresses must have been checked (mail.h): libesmtp sends both as they are. Bytes are counted in
 * wire.h.
 */
#ifndef ESE_SMTP_H
#define ESE_SMTP_H

#include <stdbool.h>
#include <stddef.h>

#include "ese-core/error.h"
#include "ese-mailer/smtp_security.h"

#define ESE_SMTP_SERVER_SIZE 256
#define ESE_SMTP_TEXT_SIZE 256
#define ESE_SMTP_TIMEOUT_LEAST_MS 1000 /* libesmtp takes no less */

enum ese_smtp_verdict { ESE_SMTP_SENT, ESE_SMTP_REFUSED, ESE_SMTP_LATER, ESE_SMTP_UNKNOWN };

struct ese_smtp_outcome {
    enum ese_smtp_verdict verdict;
    bool answered; /* the server answered to the mail itself; false: no session could be had */
    int code;      /* the reply that decided it; 0: none */
    char text[ESE_SMTP_TEXT_SIZE]; /* its words, one line of printable ASCII, or what happened */
};

struct ese_smtp_server {
    char address[ESE_SMTP_SERVER_SIZE]; /* ese_smtp_check_server */
    int timeout_ms;
    const struct ese_smtp_security *security; /* NULL: in plain text, and nobody logs in */
};

struct ese_smtp_letter {
    const char *from;
    const char *to;
    const char *text; /* RFC 5322, see message.h */
    size_t length;
};

/* Called on the thread of ese_smtp_send. */
struct ese_smtp_listener {
    void *context;
    /* The final dot is next. -1: it must not go out; the session is broken off (LATER). */
    int (*before_final_dot)(void *context, struct ese_error *error);
    /* Exactly once. */
    void (*decided)(void *context, const struct ese_smtp_outcome *outcome);
};

/* "HOST:PORT", a name or an IPv4 address (libesmtp knows no others). ESE_E_USAGE otherwise. */
int ese_smtp_check_server(const char *server, struct ese_error *error);

void ese_smtp_send(const struct ese_smtp_server *server, const struct ese_smtp_letter *letter,
                   const struct ese_smtp_listener *listener);

#endif
