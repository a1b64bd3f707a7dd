/*
 * message.h - a mail as it travels: RFC 5322 text, lines ended by CR LF.
 *
 *   From, To        the bare addresses
 *   Subject         as it is, or as RFC 2047 encoded words where it is not plain ASCII
 *   Date            when the mail was accepted: the same at every attempt
 *   Message-ID      <ID@ese-lab>: the same at every attempt, so that repeats can be told
 *   X-ESE-Decision  the id of the decision behind it
 *   X-ESE-Transport which transport the events came by, where it was said
 *   traceparent     https://www.w3.org/TR/trace-context/, where there is one
 *   MIME            text/plain in UTF-8, 7bit, or quoted-printable (RFC 2045 section 6.7) where
 *                   a line is too long or holds anything but printable ASCII
 *
 * A line that begins with a dot is left as it is: libesmtp doubles that dot on the wire (RFC 5321
 * section 4.5.2), provided that every line ends in CR LF. A bare LF would hide one from it, so none
 * is left.
 */
#ifndef ESE_MESSAGE_H
#define ESE_MESSAGE_H

#include <stdint.h>

#include "ese-core/buffer.h"
#include "ese-mailer/mail.h"

/* Bounds a message of the largest mail: every byte of the content as =XX, soft line breaks,
 * headers. */
#define ESE_MESSAGE_LIMIT (4 * ESE_MAIL_CONTENT_LIMIT)

/* Appends the text of a mail that was checked. */
void ese_message_write(struct ese_buffer *buffer, const struct ese_mail *mail, int64_t accepted_ms);

#endif
