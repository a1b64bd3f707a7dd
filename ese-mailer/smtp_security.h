/*
 * smtp_security.h - TLS for an SMTP session, by STARTTLS (RFC 3207), and a login inside of it
 * (RFC 4954). Part of smtp.c; includes what no other file may.
 *
 * OpenSSL itself checks the certificate, within the handshake: its chain against the system's
 * certificates, or those of a file, its time, and that it names HOST as it was given. libesmtp 1.1.0
 * would hold it against the name that DNS answers for HOST, knows no addresses in certificates, and
 * frees its own context with the first session that has used it: none of that is used.
 *
 * TLS is 1.2, no more and no less. From 1.3 on a server may send tickets behind the handshake; when
 * they are there before EHLO has left, libesmtp 1.1.0 takes them for its answer, waits for the rest of
 * it, and EHLO never leaves.
 *
 * A server that offers no STARTTLS, or no login that succeeds, is told nothing of a mail's text.
 * libesmtp goes on without a login that failed; smtp.c does not. The password is never shown, logged,
 * or part of an error.
 */
#ifndef ESE_SMTP_SECURITY_H
#define ESE_SMTP_SECURITY_H

#include <stdbool.h>

#include "ese-core/error.h"
#include "ese-mailer/smtp_dialogue.h"

/* What libesmtp's PLAIN copies unchecked into a buffer of its own. */
#define ESE_SMTP_SECRET_SIZE 256 /* 255 bytes and the NUL: of a user's name, and of a password */

struct ese_smtp_security;

struct ese_smtp_security_options {
    const char *server;   /* HOST:PORT */
    const char *ca_path;  /* certificates to trust (PEM); NULL: the system's */
    const char *user;     /* NULL: nobody logs in */
    const char *password;
};

/* ESE_E_USAGE when the file holds no certificates. Texts are copied. */
int ese_smtp_security_open(const struct ese_smtp_security_options *options,
                           struct ese_smtp_security **security, struct ese_error *error);
void ese_smtp_security_close(struct ese_smtp_security **security);

/* Whether sessions have to log in. */
bool ese_smtp_security_wants_login(const struct ese_smtp_security *security);

/* ---- one session's --------------------------------------------------------------------------- */

struct ese_smtp_guard;
struct smtp_session;

/* Makes the session, not started yet, ask for both. What is handed in must live as long: the
 * dialogue is looked at in the handshake, and problem filled with why that was broken off. Bytes of
 * TLS are counted in wire.h. */
struct ese_smtp_guard *ese_smtp_guard_new(const struct ese_smtp_security *security,
                                          struct smtp_session *session,
                                          const struct ese_smtp_dialogue *dialogue,
                                          struct ese_error *problem);
void ese_smtp_guard_free(struct ese_smtp_guard **guard); /* after the session was destroyed */

/* Whether a handshake was begun. */
bool ese_smtp_guard_tried(const struct ese_smtp_guard *guard);

#endif
