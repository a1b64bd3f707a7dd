/*
 * mail.h - what is asked for: one text to one address, under one id.
 *
 * The id is the decision's behind it (UUID text). A mail asked for again under the same id is the
 * same mail; it is sent once. A foreign id is kept as it is, if it can stand in a Message-ID.
 *
 * Nothing here is trusted until ese_mail_check has passed it: addresses and header texts end up in
 * an SMTP dialogue and in header lines, where a CR, LF or NUL from outside would write lines of its
 * own.
 */
#ifndef ESE_MAIL_H
#define ESE_MAIL_H

#include "ese-core/error.h"
#include "ese-core/event.h"

#define ESE_MAIL_ID_SIZE 129          /* 128 characters and the NUL */
#define ESE_MAIL_ADDRESS_SIZE 255     /* RFC 5321 section 4.5.3.1.3: 256 with the angle brackets */
#define ESE_MAIL_SUBJECT_SIZE 256
#define ESE_MAIL_TRANSPORT_SIZE 64
#define ESE_MAIL_CONTENT_LIMIT (64 * 1024)

struct ese_mail {
    char id[ESE_MAIL_ID_SIZE];
    char from[ESE_MAIL_ADDRESS_SIZE];
    char to[ESE_MAIL_ADDRESS_SIZE];
    char subject[ESE_MAIL_SUBJECT_SIZE];        /* UTF-8 */
    char *content;                              /* owned; UTF-8, lines end as they like */
    char transport[ESE_MAIL_TRANSPORT_SIZE];    /* which way the event came; "" when nobody said */
    char traceparent[ESE_TRACEPARENT_SIZE];     /* "" when there is none */
};

void ese_mail_clear(struct ese_mail *mail); /* frees what it owns and zeroes it */

/* Everything that could break out of its place is refused: ESE_E_INVALID names the member and
 * its value. */
int ese_mail_check(const struct ese_mail *mail, struct ese_error *error);

/* One address, local@domain: ASCII, no quoting, no blanks, no control characters (a subset of
 * RFC 5321 Mailbox). what names it in the error. */
int ese_mail_check_address(const char *address, const char *what, struct ese_error *error);

/* The id as histories hold it: the UUID itself, or for a foreign id one derived from its text. */
struct ese_id ese_mail_history_id(const char *id);

/* Gives the mail an id of its own: asked for without one, every request is a mail. */
void ese_mail_draw_id(struct ese_mail *mail);

#endif
